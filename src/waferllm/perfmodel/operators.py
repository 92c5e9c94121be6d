"""The operators of a layer as a compiler sees them that takes one after the other, for the baselines T10 and Ladder: a
model goes in, the sizes of each product come out, and what its tiles on a P x P mesh have.
"""

from __future__ import annotations

from dataclasses import dataclass

from waferllm.llm.shape import parts
from waferllm.model.config import ModelConfig
from waferllm.perfmodel.costs import BOOKKEEPING, Costs

OTHER_SUMS = 4
"""Of a layer, over a line of PEs, besides the products: two norms, maximum and sum of the softmax."""


@dataclass(frozen=True)
class Product:
    """[rows, inner] x [inner, columns], f16."""

    name: str
    rows: int
    inner: int
    columns: int

    def words(self, side: int) -> tuple[int, int]:
        """32-bit words of a tile of each operand on side x side PEs."""
        rows, inner, columns = (parts(size, side) for size in (self.rows, self.inner, self.columns))
        return -(-rows * inner // 2), -(-inner * columns // 2)

    def multiply(self, side: int, cost: Costs) -> float:
        """Cycles of one PE for all its products, by the code that our kernels have; a vector (rows = 1) once."""
        rows, inner, columns = (parts(size, side) for size in (self.rows, self.inner, self.columns))
        each = rows * inner * (cost.map_iteration + cost.vector("mixed", columns, 1, 2))
        return each * (side if self.rows > 1 else 1)


def products(config: ModelConfig, tokens: int, cached: int) -> list[Product]:
    """Of one layer: projections one by one, attention as a product with the keys and one with the values."""
    hidden, q, kv, ffn = config.hidden, config.q_width, config.kv_width, config.ffn
    return [
        Product("q", tokens, hidden, q),
        Product("k", tokens, hidden, kv),
        Product("v", tokens, hidden, kv),
        Product("scores", tokens, kv, cached),
        Product("mix", tokens, cached, kv),
        Product("o", tokens, q, hidden),
        Product("gate", tokens, hidden, ffn),
        Product("up", tokens, hidden, ffn),
        Product("down", tokens, ffn, hidden),
    ]


def software_stage(cost: Costs) -> float:
    """PLMR's beta: a PE on the way takes a message in, looks at it and sends it on. The scalar code is that of a shift
    in our kernels, from the end of a receipt to the begin of the next sending; the rest is the ramps and the hop."""
    return BOOKKEEPING["shift"] + cost.stage


PASSED_ON = 2
"""Cycles of a word on each PE that takes it in and sends it on."""
