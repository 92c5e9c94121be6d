"""Operations on memory whose operands share words: both engines, and element after element as NumPy does it."""

from random import Random

import numpy as np
import pytest
from engine.build import Prog, Wafer, run, words

from wafersim.ir import dsd as dsds
from wafersim.ir.dsd import DsdKind
from wafersim.ir.ops import VECOPS
from wafersim.ir.program import DataSegment, Shape

FIRST, WORDS = 500, 1500  # where operands lie
NAMES = ["faddh", "fmulh", "fmach", "fmovh", "fmacs", "fmachs", "faddhs", "fs2h", "fh2s", "add16", "mov32", "fmaxh"]


class Operands:
    """Random operands of `length` elements; many of them share words."""

    def __init__(self, r: Random, prog: Prog, code, length: int):
        self.r, self.prog, self.code, self.length = r, prog, code, length
        self.made = []

    def shape(self) -> int:
        r = self.r
        inner = r.choice([n for n in range(1, 16) if self.length % n == 0])
        middle = r.choice([n for n in range(1, 6) if self.length // inner % n == 0])
        extents = [self.length // inner // middle, middle, inner]
        strides = [r.choice([0, 1, inner]), r.choice([0, 1, -1, inner]), r.choice([0, 1, 1, 2, -1])]
        self.prog.ir.shapes.append(Shape(extents, strides))
        return len(self.prog.ir.shapes) - 1

    def memory(self):
        r = self.r
        if self.made and r.random() < 0.4:
            return r.choice(self.made)  # in place
        address = FIRST + r.choice([500, 501, 505, 550, 650])
        kind = r.choice([DsdKind.MEM1D, DsdKind.MEM1D, DsdKind.MEM4D, DsdKind.CIRCBUF])
        if kind is DsdKind.MEM1D:
            extra = r.choice([0, 1, 1, 1, 2, 0xFFFF])
        elif kind is DsdKind.MEM4D:
            extra = self.shape()
        else:
            self.prog.ir.shapes.append(Shape(start=address - 4, words=r.choice([8, 20, 64])))
            extra = len(self.prog.ir.shapes) - 1
        operand = self.code.dsd(dsds.pack(kind, address, self.length, extra))
        self.made.append(operand)
        return operand

    def source(self):
        return self.memory() if self.r.random() < 0.85 else self.code.scalar(self.r.choice([0x3C01, 0x3F801234]))

    def destination(self):
        return self.memory() if self.r.random() < 0.9 else self.code.pointer(FIRST + 520)


def with_storage(prog: Prog) -> None:
    """Memory that has storage from the start: only there the program lists where the elements of operations lie."""
    prog.ir.data.append(DataSegment(FIRST + WORDS + 1000, [1]))


@pytest.mark.parametrize("storage", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_random_operands(seed, storage):
    r = Random(seed)
    prog = Prog()
    if storage:
        with_storage(prog)
    code = prog.start()
    for _ in range(12):
        name = r.choice(NAMES)
        operands = Operands(r, prog, code, r.choice([1, 4, 12, 27, 40, 150]))
        sources = [operands.source() for _ in VECOPS[name].sources]
        code.vec(name, operands.destination(), *sources, is_async=r.random() < 0.3)
    code.ret()
    mesh = Wafer(1, 1).program(0, 0, prog).mesh()
    values = np.random.default_rng(seed).normal(size=WORDS).astype("f2")
    mesh.write(0, 0, FIRST, values.view("u2"))
    assert run(mesh) == "idle"
    assert (words(mesh, 0, 0, FIRST, WORDS) != values.view("u2")).any()


def result_of(name, dst, *sources, shapes=()):
    prog = Prog()
    with_storage(prog)
    prog.ir.shapes.extend(shapes)
    code = prog.start()
    code.vec(name, *[code.dsd(dsds.pack(*operand)) for operand in (dst, *sources)])
    code.ret()
    mesh = Wafer(1, 1).program(0, 0, prog).mesh()
    mesh.write(0, 0, 100, np.arange(1, 101, dtype="f2").view("u2"))
    assert run(mesh) == "idle"
    return words(mesh, 0, 0, 100, 100, "f2")


def test_running_sum_uses_each_result():
    memory = result_of("faddh", (DsdKind.MEM1D, 101, 40, 1), (DsdKind.MEM1D, 100, 40, 1), (DsdKind.MEM1D, 101, 40, 1))
    np.testing.assert_array_equal(memory[:41], np.cumsum(np.arange(1, 42, dtype="f4")).astype("f2"))


def test_sums_in_place_come_back_to_each_element():
    """C += three blocks of nine: C is the outer dimension of stride 0."""
    c = (DsdKind.MEM4D, 150, 27, 0)
    memory = result_of("faddh", c, c, (DsdKind.MEM1D, 100, 27, 1), shapes=[Shape([3, 9], [0, 1])])
    blocks = np.arange(1, 28, dtype="f2").reshape(3, 9)
    np.testing.assert_array_equal(memory[50:59], np.arange(51, 60, dtype="f2") + blocks.sum(0))


def test_a_shift_down_reads_before_it_writes():
    memory = result_of("fmovh", (DsdKind.MEM1D, 100, 60, 1), (DsdKind.MEM1D, 103, 60, 1))
    np.testing.assert_array_equal(memory[:60], np.arange(4, 64, dtype="f2"))


def test_a_shift_up_repeats_what_it_wrote():
    memory = result_of("fmovh", (DsdKind.MEM1D, 103, 60, 1), (DsdKind.MEM1D, 100, 60, 1))
    np.testing.assert_array_equal(memory[3:63], np.tile(np.arange(1, 4, dtype="f2"), 20))
