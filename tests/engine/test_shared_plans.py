"""Operations whose PEs have nothing to add run by plans that programs share: what differs between them stays apart."""

import numpy as np
import pytest
from engine.build import U16, Prog, Wafer, run, words

from wafersim.ir import dsd as dsds
from wafersim.ir.dsd import DsdKind
from wafersim.ir.ops import Ty
from wafersim.ir.program import DataSegment, Dir, OperandKind, Shape, Symbol, VecOperand

SHAPE = (DsdKind.MEM4D, 100, 27, 0)


def stored(name: str = "test") -> Prog:
    """A program whose memory has storage up to word 1000."""
    prog = Prog(name)
    prog.ir.data.append(DataSegment(1000, [1]))
    prog.ir.shapes.append(Shape([3, 3, 3], [3, 0, 1]))
    return prog


def test_programs_with_equal_operations_send_on_their_own_colors():
    wafer = Wafer(3, 1)
    for x, color in ((0, 2), (2, 3)):
        sender = Prog(f"sender{x}")
        sender.output(2, color)
        code = sender.start()
        code.vec("mov16", code.fabout(2, 4, color), code.mem(0, 4), is_async=True)
        code.ret()
        wafer.program(x, 0, sender)
    wafer.route(0, 0, 2, Dir.RAMP, Dir.EAST).route(1, 0, 2, Dir.WEST, Dir.RAMP)
    wafer.route(2, 0, 3, Dir.RAMP, Dir.WEST).route(1, 0, 3, Dir.EAST, Dir.RAMP)
    receiver = Prog("receiver")
    code = receiver.start()
    for queue, color, address in ((2, 2, 100), (3, 3, 200)):
        receiver.input(queue, color)
        code.vec("mov16", code.mem(address, 4), code.fabin(queue, 4, color), is_async=True)
    code.ret()
    mesh = wafer.program(1, 0, receiver).mesh()
    mesh.write(0, 0, 0, np.arange(1, 5, dtype="u2"))
    mesh.write(2, 0, 0, np.arange(11, 15, dtype="u2"))
    assert run(mesh) == "idle"
    assert list(words(mesh, 1, 0, 100, 4)) == [1, 2, 3, 4]
    assert list(words(mesh, 1, 0, 200, 4)) == [11, 12, 13, 14]


@pytest.mark.parametrize("swap", [False, True])
def test_a_thread_takes_turns_between_shared_plans_and_its_own(swap):
    prog = stored()
    code = prog.start()
    length = code.set(U16, 5)
    changed = code.reg()
    for n in range(4):
        if (n % 2 == 0) == swap:
            code.vec("add16", code.mem(200, 8), code.mem(200, 8), code.mem(300, 8))
        else:
            code.op("dsdlen", Ty.DSD, dst=changed, a=code.k(dsds.pack(DsdKind.MEM1D, 300, 8, 1)), b=length)
            code.vec("add16", code.mem(200, 5), code.mem(200, 5), VecOperand(OperandKind.DSD, changed))
    code.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    mesh.write(0, 0, 300, np.arange(1, 9, dtype="u2"))
    assert run(mesh) == "idle"
    assert list(words(mesh, 0, 0, 200, 8)) == [4, 8, 12, 16, 20, 12, 14, 16]


def test_operations_on_memory_of_several_threads_share_the_issue_slot():
    """Each advances some elements a cycle, and reads what the others have written by then."""
    prog = stored()
    code = prog.start()
    shaped = code.dsd(dsds.pack(*SHAPE))
    for _ in range(3):
        code.vec("add16", code.mem(200, 27), shaped, code.mem(201, 27), is_async=True)
        code.vec("add16", shaped, shaped, code.mem(200, 27, -1), is_async=True)
        code.vec("add16", code.mem(210, 27), code.mem(200, 27), code.scalar(3))
    code.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    mesh.write(0, 0, 90, np.arange(1, 201, dtype="u2"))
    for _ in range(400):  # both engines after every cycle
        if mesh.run(1, []) == "idle":
            break
    assert words(mesh, 0, 0, 210, 27).any()


def test_a_send_that_leaves_its_variable_is_told_with_its_function_and_line():
    prog = Prog()
    prog.ir.symbols.append(Symbol("short", 0, 6, "[]u16", Ty.U16, [6]))
    prog.output(2, 2)
    code = prog.start()
    code.line = 7
    code.vec("mov16", code.fabout(2, 9, 2), code.mem(0, 9), is_async=True)
    code.line = 8
    code.ret()
    receiver = Prog("receiver")
    wafer = Wafer(2, 1).program(0, 0, prog).program(1, 0, receiver)
    receiver.input(2, 2)
    inner = receiver.start()
    inner.vec("mov16", inner.mem(100, 9), inner.fabin(2, 9, 2), is_async=True)
    inner.ret()
    mesh = wafer.route(0, 0, 2, Dir.RAMP, Dir.EAST).route(1, 0, 2, Dir.WEST, Dir.RAMP).mesh()
    assert mesh.run(1000, []) == "fault"
    fault = mesh.fault()
    assert "source 1 runs out of 'short' after 6 elements, the operation has 9 elements" in fault["message"]
    assert fault["line"] == 7
    assert fault["function"] == "start"


def test_an_operation_that_waits_is_reported_with_its_place():
    prog = Prog()
    prog.input(2, 2)
    code = prog.start()
    code.line = 5
    code.vec("mov16", code.mem(0, 4), code.fabin(2, 4, 2), is_async=True)
    code.ret()
    mesh = Wafer().program(0, 0, prog).route(0, 0, 2, Dir.EAST, Dir.RAMP).mesh()
    run(mesh)
    [group] = mesh.deadlock()["groups"]
    assert "@mov16 (test.csl:5) on microthread" in group["reason"]
    assert "after 0 elements, waits for a wavelet of color 2 in input queue 2" in group["reason"]
