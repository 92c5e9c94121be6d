"""Where numbers are rounded: a table of points goes in, an arithmetic comes out that the blocks of the model compute
with.

Blocks (`waferllm.reference.blocks`) compute in one wide type and hand every intermediate that a machine keeps to
`store` under the name of its point. An arithmetic is a type for each point:

    weight        matrices and biases as they lie on the PEs
    norm_weight   weights of RMSNorm
    stream        residual stream: embedding, and the sums after attention and FFN
    norm          output of RMSNorm, an operand of products
    q, k, v       projections, with bias
    rotated       Q and K after RoPE; this K goes into the cache
    cache         K and V as the cache keeps them
    score         Q K^T / sqrt(head_dim)
    exponential   e^(score - largest score), an operand of products; it is divided by the sum of the unrounded ones
    attention     output of the heads, an operand of the output projection
    projection    output projection, before it is added to the stream
    gate, up      the two products of the FFN
    inner         silu(gate) * up, an operand of products
    down          last product of the FFN, before it is added to the stream
    logit         output of the last product

Sums of products, the mean square of RMSNorm, the maximum and the sum of softmax and its exponentials are in the wide
type: f32 on the machine. MACHINE is what the kernels follow; a kernel that rounds elsewhere changes its row here, so
that tests compare it with what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

POINTS = (
    "weight", "norm_weight", "stream", "norm", "q", "k", "v", "rotated", "cache", "score", "exponential", "attention",
    "projection", "gate", "up", "inner", "down", "logit",
)  # fmt: skip
F32_POINTS = ("stream", "q", "k", "score", "projection", "gate", "up", "down", "logit")
"""Of the machine: what is computed with further before it is an operand of a product, and what is compared."""


@dataclass(frozen=True)
class Arithmetic:
    """`bits` of each point; `wide` is the type that everything is computed in."""

    name: str
    bits: Mapping[str, int]
    wide: np.dtype = field(default_factory=lambda: np.dtype(np.float32))

    def store(self, point: str, values: np.ndarray) -> np.ndarray:
        """`values` rounded to the type of the point, in the wide type again."""
        bits = self.bits[point]
        if bits >= 8 * self.wide.itemsize:
            return values.astype(self.wide, copy=False)
        with np.errstate(over="ignore"):
            return values.astype(np.dtype(f"f{bits // 8}")).astype(self.wide)

    def product(self, x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """x [..., n] W [n, m], summed in the wide type."""
        return x @ matrix

    def with_bits(self, **changes: int) -> Arithmetic:
        """The same with other types for some points."""
        unknown = set(changes) - set(POINTS)
        if unknown:
            raise ValueError(f"no such points: {sorted(unknown)}")
        return Arithmetic(self.name, {**self.bits, **changes}, self.wide)


FLOAT32 = Arithmetic("float32", dict.fromkeys(POINTS, 32))
FLOAT64 = Arithmetic("float64", dict.fromkeys(POINTS, 64), np.dtype(np.float64))
MACHINE = Arithmetic("machine", {point: 32 if point in F32_POINTS else 16 for point in POINTS})
ARITHMETICS = {arithmetic.name: arithmetic for arithmetic in (FLOAT32, FLOAT64, MACHINE)}


@dataclass(frozen=True)
class Recording(Arithmetic):
    """Keeps what each point stored, in order: `kept[point]` is a list."""

    kept: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def store(self, point: str, values: np.ndarray) -> np.ndarray:
        stored = super().store(point, values)
        self.kept.setdefault(point, []).append(stored)
        return stored


def recording(arithmetic: Arithmetic) -> Recording:
    return Recording(arithmetic.name, arithmetic.bits, arithmetic.wide)
