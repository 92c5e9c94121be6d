"""Tiles of one program that differ in constants, programs that share code: each PE computes with its own numbers."""

from engine.build import U16, Prog, Wafer, run, words

from wafersim.ir.program import OperandKind, Patch, PatchKind, VecOperand


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
