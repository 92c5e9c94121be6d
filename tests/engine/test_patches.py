"""Tiles of one program that differ in constants, programs that share code: each PE computes with its own numbers."""

import numpy as np
import pytest
from engine.build import U16, Prog, Wafer, run, words

from wafersim.ir import dsd as dsds
from wafersim.ir.dsd import DsdKind
from wafersim.ir.program import Dir, OperandKind, Patch, PatchKind, VecOperand


def sums_of_constants() -> Prog:
    """Stores a sum of four constants; the first and the third are the tile's. A DSD operation fills with the first."""
    prog = Prog()
    code = prog.start()
    constants = [prog.const(value) for value in (1, 20, 300, 4000)]
    total = code.reg()
    code.op("mov", U16, dst=total, a=constants[0])
    for constant in constants[1:]:
        code.op("add", U16, dst=total, a=total, b=constant)
    code.store(U16, 0, total)
    code.vec("mov16", code.mem(10, 3), VecOperand(OperandKind.SCALAR, constants[0]))
    code.ret()
    prog.ir.patches = [Patch(PatchKind.CONSTANT, 2), Patch(PatchKind.CONSTANT, 0)]
    return prog


def test_each_tile_computes_with_its_own_constants():
    prog = sums_of_constants()
    wafer = Wafer(width=3)
    for x, numbers in enumerate([(300, 1), (500, 2), (700, 3)]):
        wafer.program(x, 0, prog).patched(x, 0, *numbers)
    mesh = wafer.mesh()
    assert run(mesh) == "idle"
    assert [words(mesh, x, 0, 0, 1)[0] for x in range(3)] == [4321, 4522, 4723]
    assert [list(words(mesh, x, 0, 10, 3)) for x in range(3)] == [[1] * 3, [2] * 3, [3] * 3]


def test_programs_with_equal_code_keep_their_constants():
    wafer = Wafer(width=2)
    for x, number in enumerate((5, 6)):
        prog = Prog()
        code = prog.start()
        code.store(U16, 0, prog.const(number))
        code.ret()
        wafer.program(x, 0, prog)
    mesh = wafer.mesh()
    assert run(mesh) == "idle"
    assert [words(mesh, x, 0, 0, 1)[0] for x in range(2)] == [5, 6]


@pytest.mark.parametrize("lengths", [(4, 4), (4, 3)])
def test_tiles_of_a_program_send_and_receive_on_their_own_colors(lengths):
    """Where nothing but the color differs their operations run by the same plan, else by their own."""
    prog = Prog()
    prog.input(3, 3)
    prog.output(2, 2)
    code = prog.start()
    code.vec("mov16", code.fabout(2, 4, 2), code.mem(0, 4), is_async=True)
    code.vec("mov16", code.mem(10, 4), code.fabin(3, 4, 3), is_async=True)
    code.ret()
    constants = prog.ir.constants
    kinds = [dsds.kind_of(c) for c in constants]
    out, into = kinds.index(DsdKind.FABOUT), kinds.index(DsdKind.FABIN)
    prog.ir.patches = [Patch(PatchKind.CONSTANT, out), Patch(PatchKind.CONSTANT, into)]
    wafer = Wafer(width=2)
    for x in range(2):
        east, west = (2, 3) if x == 0 else (3, 2)
        sent, got = lengths if x == 0 else lengths[::-1]
        numbers = dsds.pack(DsdKind.FABOUT, 2, sent, east), dsds.pack(DsdKind.FABIN, 3, got, west)
        wafer.program(x, 0, prog).patched(x, 0, *numbers)
    wafer.route(0, 0, 2, Dir.RAMP, Dir.EAST).route(1, 0, 2, Dir.WEST, Dir.RAMP)
    wafer.route(1, 0, 3, Dir.RAMP, Dir.WEST).route(0, 0, 3, Dir.EAST, Dir.RAMP)
    mesh = wafer.mesh()
    for x in range(2):
        mesh.write(x, 0, 0, np.arange(10 * x + 1, 10 * x + 5, dtype="u2"))
    assert run(mesh) == "idle"
    assert list(words(mesh, 0, 0, 10, 4)) == [11, 12, 13, 14][: lengths[1]] + [0] * (4 - lengths[1])
    assert list(words(mesh, 1, 0, 10, 4)) == [1, 2, 3, 4]
