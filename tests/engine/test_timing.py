"""Timing rules of docs/timing-model.md: what is ready at t is not ready at t - 1."""

from math import ceil

import numpy as np
import pytest
from engine.build import F32, U16, U64, Prog, Wafer, run, words
from engine.test_tasks import append, listed

from wafersim import machine
from wafersim.ir import dsd as dsds
from wafersim.ir.ops import Ty
from wafersim.ir.program import NO_OPERAND, Dir, DsrLoad, MapOp, OperandKind, TaskKind, VecOperand

SETTINGS = machine.load("wse3")
ROWS = SETTINGS.row


def start_of(loads, arch="wse3"):
    """Cycles before an operation with so many DSDs: their loads one after the other, and the latency of the last."""
    rows = machine.load(arch).row
    return rows("vector.start") + (loads * rows("dsr.load") + rows("dsr.latency") - 1 if loads else 0)


def cycles_of(build, arch="wse3", route=None, **rows):
    """Cycles between two time stamps around what `build(code)` appends, less the cost of a stamp."""
    prog = Prog()
    code = prog.start()
    first, second = code.reg(), code.reg()
    code.op("clockctl", a=code.k(0), imm=1)
    code.op("clock", dst=first)
    build(code)
    code.op("clock", dst=second)
    code.store(U64, 0, code.binary("sub", U64, second, first))
    code.ret()
    wafer = Wafer(arch=arch, **rows).program(0, 0, prog)
    if route:
        wafer.route(0, 0, *route)
    mesh = wafer.mesh()
    run(mesh)
    return int(words(mesh, 0, 0, 0, 1, "u8")[0]) - rows.get("scalar__clock", machine.load(arch).row("scalar.clock"))


@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 1000])
@pytest.mark.parametrize(
    ("name", "operands", "elements"),
    [
        ("mov16", lambda c, n: (c.mem(100, n), c.mem(2000, n)), lambda n: ceil(n / 8)),
        ("mov32", lambda c, n: (c.mem(100, n), c.mem(4000, n)), lambda n: ceil(n / 4)),
        ("fmovh", lambda c, n: (c.mem(100, n), c.scalar(0)), lambda n: ceil(n / 8)),
        ("mov16", lambda c, n: (c.mem(100, n), c.mem(2000, n, 2)), lambda n: ceil(n / 4)),
        ("mov16", lambda c, n: (c.mem(100, n), c.mem(2000, n, 4)), lambda n: ceil(n / 2)),
        ("faddh", lambda c, n: (c.mem(100, n), c.mem(2000, n), c.mem(4000, n)), lambda n: 2 * ceil(n / 8)),
        ("fmach", lambda c, n: (c.mem(100, n), c.mem(100, n), c.mem(4000, n), c.scalar(0)), lambda n: 2 * ceil(n / 8)),
        ("fmacs", lambda c, n: (c.mem(100, n), c.mem(100, n), c.mem(4002, n), c.scalar(0)), lambda n: max(n, 2)),
        ("fadds", lambda c, n: (c.pointer(50), c.pointer(50), c.mem(4002, n)), lambda n: 2 * n),
    ],
)
def test_synchronous_operation_takes_start_and_elements(name, operands, elements, n):
    loads = 0

    def build(code):
        nonlocal loads
        dst, *sources = operands(code, n)
        loads = sum(operand.kind == OperandKind.DSD for operand in (dst, *sources))
        code.vec(name, dst, *sources)

    cycles = cycles_of(build)
    assert cycles == start_of(loads) + elements(n)


@pytest.mark.parametrize("n", [1, 9, 512])
@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("mov16", lambda c, n: (c.mem(100, n), c.mem(2000, n, 2))),
        ("fmacs", lambda c, n: (c.mem(100, n), c.mem(100, n), c.mem(2100, n), c.scalar(0))),
        ("fadds", lambda c, n: (c.pointer(50), c.pointer(50), c.mem(4002, n))),
    ],
)
def test_operations_take_as_long_with_dsds_from_registers_as_with_constants(name, operands, n):
    """Constant DSDs are prepared when the program is loaded, others when the operation starts."""

    def copied(code, operand):
        register = code.reg()
        code.op("mov", Ty.DSD, dst=register, a=operand.value)
        return VecOperand(OperandKind.DSD, register)

    def build(code, in_registers):
        constants = operands(code, n)
        registers = [copied(code, o) if o.kind == OperandKind.DSD else o for o in constants]
        code.vec(name, *(registers if in_registers else constants))

    from_constants, from_registers = (cycles_of(lambda c, how=how: build(c, how), "wse2") for how in (False, True))
    assert from_registers == from_constants > n // 8


def test_a_machine_with_too_many_microthreads_is_refused():
    with pytest.raises(Exception, match=r"microthreads\.count"):
        Wafer(microthreads__count=15).program(0, 0, Prog()).mesh()


def test_bank_conflict_doubles_f32_fmacs_on_the_wse2():
    def cycles(offset):
        return cycles_of(
            lambda c: c.vec("fmacs", c.mem(100, 512), c.mem(100, 512), c.mem(2100 + offset, 512), c.scalar(0)), "wse2"
        )

    start = start_of(3, "wse2")
    assert cycles(2) == 512 + start
    assert cycles(0) == 2 * 512 + start


def test_silicon_preset_slows_memory_operations():
    def build(code):
        code.vec("mov16", code.mem(100, 800), code.mem(2000, 800))

    slow = cycles_of(build, vector__rate_percent=65)
    start = start_of(2)
    assert abs(slow - start - 100 / 0.65) <= 1


def test_operands_in_dsrs_save_their_loads():
    def with_dsrs(code):
        for file in (0, 2):
            packed = dsds.pack(dsds.DsdKind.MEM1D, 100, 8, 1)
            code.prog.ir.dsr_loads.append(DsrLoad(file * 64, code.k(packed)))
            code.op("dsrload", imm=len(code.prog.ir.dsr_loads) - 1)
        code.vec("mov16", code.dsr(0, 0), code.dsr(2, 0))

    assert cycles_of(with_dsrs) == 2 * ROWS("scalar.dsr_load") + start_of(0) + 1


def map_period(arch, name, n):
    """Cycles of one call of a function with one operation on DSRs of n elements, in the middle of a @map."""

    def cycles(calls):
        def build(code):
            for file in range(3):
                address = 2002 if file == 2 else 100
                packed = dsds.pack(dsds.DsdKind.MEM1D, address, n, 1)
                code.prog.ir.dsr_loads.append(DsrLoad(file * 64, code.k(packed)))
                code.op("dsrload", imm=len(code.prog.ir.dsr_loads) - 1)
            code.prog.ir.maps.append(MapOp(1, [code.mem(4000, calls)], [F32], NO_OPERAND, Ty.VOID, [False]))
            code.op("map", imm=0)
            f = code.prog.function("f", (F32,))
            f.vec(name, f.dsr(0, 0), f.dsr(1, 0), f.dsr(2, 0), f.scalar(0))
            f.ret()

        return cycles_of(build, arch)

    assert cycles(7) - cycles(6) == cycles(6) - cycles(5)
    return cycles(6) - cycles(5)


@pytest.mark.parametrize("n", [12, 100])
def test_map_of_an_f32_fmacs_takes_one_cycle_more_than_its_elements_on_the_wse2(n):
    assert map_period("wse2", "fmacs", n) == n + 1


@pytest.mark.parametrize(("n", "cycles"), [(1, 2), (8, 2), (9, 4), (16, 4)])
def test_map_of_an_f16_fmach_on_the_wse3(n, cycles):
    """Two lines of memory for each eight elements, as published; fitted is `map_iteration` alone."""
    assert map_period("wse3", "fmach", n) == ROWS("vector.map_iteration") + cycles


def test_asynchronous_operation_costs_its_loads_and_issue_only():
    def build(code):
        code.vec("mov16", code.mem(100, 800), code.mem(2000, 800), is_async=True)

    shared = 1  # the microthread has its turn once before the second stamp
    assert cycles_of(build) == start_of(2) + ROWS("vector.issue") + shared


def test_microthread_completes_after_start_elements_and_end():
    def completed(n):
        prog = Prog()
        code = prog.start()
        code.op("clockctl", a=code.k(0), imm=1)
        code.vec("mov16", code.mem(100, n), code.mem(2000, n), is_async=True, activate=code.k(10))
        code.ret()
        task = prog.task(10)
        stamp = task.reg()
        task.op("clock", dst=stamp)
        task.store(U64, 0, stamp)
        task.ret()
        mesh = Wafer().program(0, 0, prog).mesh()
        run(mesh)
        return int(words(mesh, 0, 0, 0, 1, "u8")[0])

    fixed = (
        ROWS("scalar.config")
        + start_of(2)
        + ROWS("microthreads.start")
        + ROWS("microthreads.end")
        + ROWS("tasks.activation")
        + ROWS("tasks.start")
    )
    shared = 1  # the main thread ends its task in a cycle of the issue slot
    assert completed(80) == fixed + shared + 10
    assert completed(81) == fixed + shared + 11


@pytest.mark.parametrize("n", [1, 5, 30])
def test_sending_takes_one_cycle_a_wavelet(n):
    def build(code):
        code.prog.output(3, 2)
        code.vec("mov32", code.fabout(3, n), code.mem(100, n))

    assert cycles_of(build, route=(2, Dir.RAMP, Dir.WEST)) == start_of(2) + n


def test_two_threads_share_the_issue_slot():
    """A microthread that needs every cycle makes scalar code slower, and not the other way round for ever."""

    def scalar(code):
        for _ in range(40):
            code.set(U16, 0)

    def both(code):
        code.vec("mov32", code.mem(100, 400), code.mem(2000, 400), is_async=True)
        scalar(code)

    alone = cycles_of(scalar)
    assert alone == 40
    assert 2 * alone - 8 <= cycles_of(both) - start_of(2) - ROWS("vector.issue") <= 2 * alone + 1


def test_priority_decides_between_threads():
    def both(priority):
        def build(code):
            code.vec("mov32", code.mem(100, 400), code.mem(2000, 400), is_async=True, priority=priority)
            for _ in range(40):
                code.set(U16, 0)

        return cycles_of(build)

    assert both(3) > 100 > both(1)


@pytest.mark.parametrize(("row", "more"), [("tasks__start", 5), ("tasks__end", 7), ("tasks__activation", 4)])
def test_task_switch_costs(row, more):
    def second_task_ends(**rows):
        prog = Prog()
        code = prog.start()
        code.op("clockctl", a=code.k(0), imm=1)
        code.activate(10)
        code.ret()
        task = prog.task(10)
        stamp = task.reg()
        task.op("clock", dst=stamp)
        task.store(U64, 0, stamp)
        task.ret()
        mesh = Wafer(**rows).program(0, 0, prog).mesh()
        run(mesh)
        return int(words(mesh, 0, 0, 0, 1, "u8")[0])

    base = second_task_ends(tasks__start=2, tasks__end=10, tasks__activation=1)
    changed = {"tasks__start": 2, "tasks__end": 10, "tasks__activation": 1}
    changed[row] += more
    expected = base + (more if row != "tasks__activation" else 0)  # hidden behind the end of the first task
    assert second_task_ends(**changed) == expected


def test_data_task_handles_wavelets_at_its_own_pace():
    """One data task a wavelet: start, body, end; then the next."""

    def cycle_of_last(n):
        prog = Prog()
        prog.input(2, 2)
        task = prog.task(2, TaskKind.DATA, (U16,))
        append(task, 0)
        task.ret()
        mesh = Wafer().program(0, 0, prog).route(0, 0, 2, Dir.WEST, Dir.RAMP).mesh()
        mesh.edge_send(0, 0, Dir.WEST, 2, np.arange(n, dtype="u4"))
        while len(listed(mesh)) < n:
            assert mesh.run(1, []) == "budget"
        return mesh.cycle

    period = cycle_of_last(5) - cycle_of_last(4)
    assert period == cycle_of_last(9) - cycle_of_last(8)
    body = 2 * ROWS("scalar.alu")[0] + ROWS("scalar.load")[0] + 2 * ROWS("scalar.store")[0]
    assert period == ROWS("tasks.start") + body + ROWS("tasks.end")


def test_same_run_twice_is_the_same():
    def once():
        prog = Prog()
        prog.input(2, 2)
        prog.input(3, 3)
        prog.output(4, 2)
        prog.output(5, 3)
        code = prog.start()
        code.vec("mov32", code.fabout(4, 40), code.mem(100, 40), is_async=True)
        code.vec("mov32", code.fabout(5, 40), code.mem(200, 40), is_async=True)
        code.vec("add32", code.mem(300, 40), code.fabin(2, 40), code.fabin(3, 40), is_async=True)
        code.ret()
        wafer = Wafer(4, 4)
        for y in range(4):
            for x in range(4):
                wafer.program(x, y, prog)
                if y == 0:
                    wafer.route(x, y, 2, Dir.RAMP, Dir.RAMP)
                    wafer.route(x, y, 3, Dir.RAMP, Dir.RAMP)
                else:
                    wafer.route(x, y, 2, Dir.RAMP | Dir.NORTH if y > 1 else Dir.RAMP, Dir.RAMP)
                    wafer.route(x, y, 3, Dir.RAMP, Dir.RAMP)
        mesh = wafer.mesh()
        for y in range(4):
            for x in range(4):
                mesh.write(x, y, 100, np.arange(400, dtype="u2") * (x + 1))
        run(mesh)
        return mesh.stats(), [mesh.read(x, y, 0, 2000).tolist() for y in range(4) for x in range(4)]

    assert once() == once()
