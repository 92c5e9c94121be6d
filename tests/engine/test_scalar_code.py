"""Scalar code on the main thread: results, calls, branches, faults."""

import numpy as np
import pytest
from engine.build import BOOL, F32, I16, I32, U16, U32, U64, Code, Prog, Wafer, run, words

from wafersim import machine


def finished(prog: Prog, **rows):
    mesh = Wafer(**rows).program(0, 0, prog).mesh()
    assert run(mesh) == "idle"
    return mesh


def test_loop_sums_into_memory():
    prog = Prog()
    code = prog.start()
    i, total = code.set(I16, 0), code.set(I32, 0)
    head = len(code.ir.code)
    wide = code.reg()
    code.op("cvt", I32, dst=wide, a=i, imm=int(I16))
    code.op("add", I32, dst=total, a=total, b=wide)
    code.op("add", I16, dst=i, a=i, b=code.k(1))
    more = code.binary("lt", I16, i, code.k(11))
    code.op("brt", a=more, imm=head)
    code.store(I32, 10, total)
    code.ret()
    assert words(finished(prog), 0, 0, 10, 1, "i4")[0] == 55


def test_call_passes_arguments_and_result_and_keeps_the_callers_registers():
    prog = Prog()
    code = prog.start()
    keep = code.set(U16, 7)
    args = code.reg(2)
    code.op("mov", U16, dst=args, a=code.k(30))
    code.op("mov", U16, dst=args + 1, a=code.k(12))
    result = code.reg()
    code.op("call", dst=result, a=args, c=2, imm=1)
    code.store(U16, 0, result)
    code.store(U16, 1, keep)
    code.ret()
    callee = prog.function("sub", (U16, U16), U16)
    difference = callee.binary("sub", U16, 0, 1)
    callee.ret(difference)
    assert list(words(finished(prog), 0, 0, 0, 2)) == [18, 7]


def test_call_through_a_pointer():
    prog = Prog()
    code = prog.start()
    result = code.reg()
    code.op("callp", dst=result, a=0, c=0, b=code.k(2))
    code.store(U16, 0, result)
    code.ret()
    for value in (1, 2):
        callee = prog.function(f"f{value}", (), U16)
        callee.ret(callee.k(value))
    assert words(finished(prog), 0, 0, 0, 1)[0] == 2


def test_recursion_uses_its_own_registers_and_stack():
    prog = Prog()
    code = prog.start()
    result = code.reg()
    n = code.set(U16, 10)
    code.op("call", dst=result, a=n, c=1, imm=1)
    code.store(U16, 0, result)
    code.ret()
    fact = prog.function("sum", (U16,), U16, frame=1)
    slot = fact.reg()
    fact.op("frame", dst=slot, imm=0)
    fact.op("store", U16, a=slot, b=0)
    zero = fact.binary("eq", U16, 0, fact.k(0))
    jump = fact.op("brf", a=zero, imm=0)
    fact.ret(fact.k(0))
    fact.ir.code[jump].imm = len(fact.ir.code)
    less = fact.binary("sub", U16, 0, fact.k(1))
    rest = fact.reg()
    fact.op("call", dst=rest, a=less, c=1, imm=1)
    own = fact.reg()
    fact.op("load", U16, dst=own, a=slot)
    fact.ret(fact.binary("add", U16, rest, own))
    assert words(finished(prog), 0, 0, 0, 1)[0] == 55


def test_values_keep_their_types():
    prog = Prog()
    code = prog.start()
    code.store(F32, 0, code.binary("div", F32, prog.f32(1.0), prog.f32(3.0)))
    code.store(I16, 2, code.binary("shr", I16, code.k(-8 & (1 << 64) - 1), code.k(1)))
    code.store(U32, 4, code.binary("mul", U32, code.k(0x10001), code.k(0x10001)))
    code.store(BOOL, 6, code.binary("lt", F32, prog.f32(-0.0), prog.f32(0.0)))
    code.ret()
    mesh = finished(prog)
    assert words(mesh, 0, 0, 0, 1, "f4")[0] == np.float32(1) / np.float32(3)
    assert words(mesh, 0, 0, 2, 1, "i2")[0] == -4
    assert words(mesh, 0, 0, 4, 1, "u4")[0] == 0x20001
    assert words(mesh, 0, 0, 6, 1)[0] == 0


def test_copy_moves_words():
    prog = Prog()
    code = prog.start()
    for i in range(4):
        code.store(U16, 20 + i, code.k(i + 1))
    code.op("copy", a=code.k(22), b=code.k(20), imm=4)
    code.ret()
    assert list(words(finished(prog), 0, 0, 20, 6)) == [1, 2, 1, 2, 3, 4]


def test_clock_counts_only_while_enabled():
    prog = Prog()
    code = prog.start()
    stamp = code.reg()
    code.op("clockctl", a=code.k(0), imm=1)
    for _ in range(10):
        code.set(U16, 0)
    code.op("clockctl", a=code.k(0), imm=0)
    for _ in range(10):
        code.set(U16, 0)
    code.op("clock", dst=stamp)
    code.store(U64, 0, stamp)
    code.ret()
    config = machine.load("wse3").row("scalar.config")
    assert words(finished(prog), 0, 0, 0, 1, "u8")[0] == 10 + config


def test_print_writes_lines_with_their_cycle():
    from wafersim.ir.program import PrintFormat

    prog = Prog()
    prog.ir.prints.append(PrintFormat(["x = ", ", h = 0x", "", "\nrest"], ["d", "X", "f"], [I16, U16, F32]))
    code = prog.start()
    args = code.reg(3)
    code.op("mov", I16, dst=args, a=code.k((1 << 64) - 5))
    code.op("mov", U16, dst=args + 1, a=code.k(0xBEEF))
    code.op("mov", F32, dst=args + 2, a=prog.f32(1.5))
    code.op("print", a=args, c=3, imm=0)
    code.ret()
    ((cycle, x, y, text),) = finished(prog).log()
    assert cycle > 0 and (x, y) == (0, 0)
    assert text == "x = -5, h = 0xBEEF1.5"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: c.op("load", U16, dst=c.reg(), a=c.k(24576)), "outside of memory"),
        (lambda c: c.op("store", U32, a=c.k(24575), b=c.k(1)), "outside of memory"),
        (lambda c: c.binary("div", I16, c.k(1), c.k(0)), "division by zero"),
        (lambda c: c.op("trap", imm=0), "unreachable reached"),
        (lambda c: c.op("assert", a=c.k(0), imm=0), "unreachable reached"),
        (lambda c: c.op("getcfg", dst=c.reg(), a=c.k(100)), "does not exist"),
        (lambda c: c.op("callp", dst=-1, a=0, c=0, b=c.k(99)), "points nowhere"),
    ],
)
def test_faults_name_the_place(make, message):
    prog = Prog()
    prog.ir.messages.append("unreachable reached")
    code = prog.start()
    code.line = 42
    make(code)
    code.ret()
    mesh = Wafer(2, 1).program(1, 0, prog).mesh()
    assert mesh.run(1000, []) == "fault"
    fault = mesh.fault()
    assert message in fault["message"]
    assert (fault["x"], fault["y"], fault["task"], fault["function"]) == (1, 0, "start", "start")
    assert (fault["file"], fault["line"], fault["col"]) == ("test.csl", 42, 1)
    assert 0 < fault["cycle"] < 100
    assert mesh.run(1000, []) == "fault"


def test_endless_recursion_is_a_fault():
    prog = Prog()
    code = prog.start()
    code.op("call", dst=-1, a=0, c=0, imm=1)
    code.ret()
    again: Code = prog.function("again")
    again.op("call", dst=-1, a=0, c=0, imm=1)
    again.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    assert mesh.run(1_000_000, []) == "fault"
    assert "stack overflow in again" in mesh.fault()["message"]


def test_scalar_costs_come_from_the_table():
    def stamp(**rows):
        prog = Prog()
        code = prog.start()
        first, second = code.reg(), code.reg()
        code.op("clockctl", a=code.k(0), imm=1)
        code.op("clock", dst=first)
        code.binary("div", F32, prog.f32(1.0), prog.f32(3.0))
        code.op("clock", dst=second)
        code.store(U64, 0, code.binary("sub", U64, second, first))
        code.ret()
        return int(words(finished(prog, **rows), 0, 0, 0, 1, "u8")[0])

    clock = machine.load("wse3").row("scalar.clock")
    assert stamp() == 50 + clock
    assert stamp(scalar__div=[1, 1, 1, 1, 9]) == 9 + clock


def test_random_numbers_depend_on_the_seed_only():
    def numbers(seed):
        prog = Prog()
        code = prog.start()
        code.op("prng", a=code.k(seed), imm=1)
        for i in range(4):
            value = code.reg()
            code.op("random", dst=value)
            code.store(U16, i, value)
        code.ret()
        return list(words(finished(prog), 0, 0, 0, 4))

    assert numbers(1) == numbers(1) != numbers(2)
    assert len(set(numbers(1))) == 4
