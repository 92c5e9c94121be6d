"""What things cost on a machine: a machine table goes in, cycles of vector operations, transfers and bookkeeping come
out.

The first three come from rows of the table, by the rules of docs/timing-model.md. Bookkeeping is the scalar code
between them (task starts, DSD arithmetic, loops); BOOKKEEPING states its cycles as counted in simulated runs of our
kernels.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from wafersim import machine


@dataclass(frozen=True)
class Costs:
    """Rows of one machine table that the formulas use."""

    arch: str
    words_per_cycle: int
    width: dict[str, float]
    map_iteration: int
    hop: int
    ramps: int
    """Router to queue and queue to router."""

    def vector(self, kind: str, count: int, *words_read: int) -> int:
        """Cycles of an operation on `count` elements whose memory operands have so many words an element."""
        lines = sum(-(-count * words // self.words_per_cycle) for words in words_read)
        return math.ceil(max(count / self.width[kind], lines))

    @property
    def stage(self) -> int:
        """Cycles from the element sent by one PE to that sent by the next: routing stage and hop."""
        return self.hop + self.ramps


@functools.cache
def costs(arch: str, preset: str = machine.DEFAULT_PRESET) -> Costs:
    table = machine.load(arch, preset)
    return Costs(
        arch=arch,
        words_per_cycle=table.number("memory.words_per_cycle"),
        width={name: float(table.row(f"vector.{name}")) for name in ("f16", "fmac16", "mixed", "fmac32", "f32")},
        map_iteration=table.number("vector.map_iteration"),
        hop=table.number("fabric.hop"),
        ramps=table.number("fabric.ramp_in") + table.number("fabric.ramp_out"),
    )


BOOKKEEPING = {
    "slab": 25,         # product of one slab: operands into DSDs, call
    "column": 19,       # each column of A in the product by columns
    "gemv": 34,         # product of a GEMV: clearing, DSRs, one stamp
    "align": 90,        # before the first shift of a compute-shift, and after the last
    "shift": 75,        # one shift of the alignment, begin to task to begin
    "step": 62,         # one step of a compute-shift
    "turn": 103,        # one step of SUMMA, with its change of routes
    "first": 80,        # before the first operands of SUMMA are there
    "gather": 74,       # turn of one PE in the all-gather
    "begin": 280,       # all-gather: two changes of routes and three parts of each axis
    "phase": 12,        # one phase of a reduction
    "spread": 20,       # the broadcast of a GEMV
    "ring": 33,         # one step of the ring all-reduce
    "end": 20,          # last stamp, and the clocks' disagreement
}  # fmt: skip
"""Cycles, the same on both architectures within the tolerance of tests/waferllm/test_perfmodel.py."""
