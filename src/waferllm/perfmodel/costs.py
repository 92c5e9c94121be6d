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
    chunk: int
    """Words that an output queue and the input queue at the other end hold: what can be sent without waiting."""

    def vector(self, kind: str, count: int, *words_read: int) -> int:
        """Cycles of an operation on `count` elements whose memory operands have so many words an element."""
        lines = sum(-(-count * words // self.words_per_cycle) for words in words_read)
        return math.ceil(max(count / self.width[kind], lines))

    @property
    def stage(self) -> int:
        """Cycles from the element sent by one PE to that sent by the next: routing stage and hop."""
        return self.hop + self.ramps


SENDING, RECEIVING = 2, 4
"""Queues of the shifts."""


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
        chunk=table.numbers("queues.output_depth")[SENDING] + table.numbers("queues.input_depth")[RECEIVING],
    )


BOOKKEEPING = {
    "slab": 20,         # product of one slab: operands into DSDs, call
    "column": 40,       # each column of A in the product by columns
    "gemv": 30,         # product of a GEMV: clearing, DSRs, one stamp
    "align": 50,        # before the first operands of a compute-shift are there
    "chunk": 60,        # alignment on a square mesh: one chunk of both operands
    "shift": 65,        # alignment on another mesh: one shift, begin to task to begin
    "slot": 7,          # one step of a compute-shift on a square mesh
    "step": 52,         # on another mesh, where slabs lie in a ring of slots
    "reduce": 94,       # one step of the transposed GEMM: shift of B, sums handed on
    "first": 60,        # before the first operands of SUMMA are there
    "turn": 40,         # one step of SUMMA, with its change of routes
    "begin": 185,       # all-gather: changes of routes and parts of each axis
    "gather": 35,       # turn of one PE in the all-gather
    "phase": 12,        # one phase of a reduction
    "spread": 12,       # the broadcast of a GEMV
    "round": 22,        # ring all-reduce: once around
    "ring": 32,         # one step of it
    "end": 20,          # last stamp, and the clocks' disagreement
}  # fmt: skip
"""Cycles, the same on both architectures within the tolerance of tests/waferllm/test_perfmodel.py."""
