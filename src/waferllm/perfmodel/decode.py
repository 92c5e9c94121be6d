"""Cycles of one token through kernels_csl/llm by formula: a shape, an architecture and the tokens in the cache go in,
cycles by term come out. Then a search: the mesh and the groups of the all-reduces that a model decodes fastest on.

A layer is a chain: every step waits for the all-reduce before it. With H rows and W columns of PEs, c entries of the
cache in a row and the dimensions of `waferllm.llm.shape`, a layer has

    products        Et columns of Nt, Qt of Et, Et of 2 Ft, Ft of Et    (an element of the vector after the other)
    down a column   all-reduces of 1, Nt, own heads, own heads + Qt, 1 and 2 Ft numbers
    along a row     all-reduces of heads c, Et and Et numbers
    vectors         norms over Et, SiLU over Ft, exponentials over own heads c, RoPE, scores and mixing of c entries

and a token the embedding, the angles, and logits of Vt words with two maxima. An all-reduce of n numbers on a line of P
PEs in groups of g is

    g // 2 stages and G // 2 stages of g PEs (G = P / g groups), P // 2 hops back; n a stage once or twice, n back.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from waferllm.kernels import group_size
from waferllm.llm import memory
from waferllm.llm.shape import Shape
from waferllm.perfmodel.costs import Costs, costs

BOOKKEEPING = {
    "reduce": 3.6,   # an all-reduce: its two phases and the broadcast begin
    "number": 1.4,   # each of its numbers, a pass
    "vector": 35.5,  # a vector operation begins, with the scalar code around it
    "score": 0.0,    # one in the loop over columns of Q
    "head": 66.1,    # one in the loop over heads of the softmax
    "mix": 34.3,     # one in the loop over entries of the cache
    "scan": 25.1,    # each word, when the most likely one is looked for
    "token": 387.0,  # the rest of a token
}  # fmt: skip
"""Cycles, by least squares over simulated tokens of 18 models and meshes of up to 12 x 12 PEs on both architectures,
with up to 96 tokens in the cache (mean deviation 3 %, largest 11 %; 16 x 16 PEs, which took no part: 5 %).
`scripts/dev/fit_llm.py` makes the runs, docs/data/llm_points.csv has their cycles."""
EXP_OPERATIONS, RECIPROCAL_OPERATIONS = 18, 10
"""f32 vector operations of kernels_csl/lib/llm/elementary.csl."""


def decode_cycles(shape: Shape, arch: str, cached: int) -> float:
    """Of a token with so many before it."""
    counted, own = terms(shape, arch, cached)
    return sum(counted.values()) + sum(BOOKKEEPING[name] * count for name, count in own.items())


def local_cycles(shape: Shape, arch: str, cached: int) -> float:
    """Of a token, what no other PE has a part in: products, vector operations, and their scalar code."""
    token = count_token(shape, arch, cached)
    return sum(token.cycles.values()) + sum(BOOKKEEPING[name] * count for name, count in token.own.items())


def terms(shape: Shape, arch: str, cached: int) -> tuple[Counter, Counter]:
    """Cycles by kind, from the machine table; and how often each row of BOOKKEEPING counts."""
    token = count_token(shape, arch, cached)
    for (axis, numbers), count in token.reductions.items():
        latency, words = all_reduce(*_line(shape, axis), numbers, token.cost)
        token.cycles["latency"] += count * latency
        token.cycles["words"] += count * words
        token.own["reduce"] += count
        token.own["number"] += count * words
    return token.cycles, token.own


def count_token(shape: Shape, arch: str, cached: int) -> _Token:
    """All that a token costs, all-reduces by axis and length."""
    token = _Token(shape, costs(arch), -(-(cached + 1) // shape.height), Counter(), Counter(), Counter())
    token.layer()
    for counted in (token.cycles, token.own, token.reductions):
        for name in counted:
            counted[name] *= shape.config.layers
    token.rest()
    return token


def heads_of(shape: Shape) -> int:
    """Heads of Q that have columns on a PE, on the PE that has the most of them."""
    pairs, half = shape.pairs, shape.config.head_dim // 2
    all_pairs = shape.config.kv_width // 2
    firsts = range(0, all_pairs, pairs)
    return shape.config.group * max((min(at + pairs, all_pairs) - 1) // half - at // half + 1 for at in firsts)


def _line(shape: Shape, axis: str) -> tuple[int, int]:
    """PEs of a line along the axis, and members of a group."""
    return (shape.width, shape.group_x) if axis == "row" else (shape.height, shape.group_y)


@dataclass
class _Token:
    """Adds up what a token costs."""

    shape: Shape
    cost: Costs
    entries: int
    cycles: Counter
    own: Counter
    reductions: Counter

    def layer(self) -> None:
        s, c = self.shape, self.entries
        heads = heads_of(s)
        self.norm()
        self.product(s.Et, s.Nt)
        self.reduce("column", s.Nt)
        self.vectors(min(s.pairs, s.config.group + 1) * 8, max(s.pairs, s.config.group + 1))
        self.calls("score", s.Qt, c)
        self.reduce("row", s.config.heads * c)
        self.reduce("column", heads)
        self.calls("head", 3 * heads, c)
        self.vectors(EXP_OPERATIONS, heads * c)
        self.calls("mix", heads * c, min(s.n, s.config.head_dim))
        self.reduce("column", heads + s.Qt)
        self.product(s.Qt, s.Et)
        self.reduce("row", s.Et)
        self.norm()
        self.product(s.Et, 2 * s.Ft)
        self.reduce("column", 2 * s.Ft)
        self.vectors(EXP_OPERATIONS + RECIPROCAL_OPERATIONS + 6, s.Ft)
        self.product(s.Ft, s.Et)
        self.reduce("row", s.Et)

    def rest(self) -> None:
        """Embedding, angles, logits and the choice."""
        s = self.shape
        self.reduce("row", s.Et)
        self.reduce("column", s.n)
        self.norm()
        self.product(s.Et, s.Vt)
        self.reduce("column", s.Vt)
        self.vectors(2, s.Vt)
        self.reduce("row", 1)
        self.reduce("row", 1)
        self.own["scan"] += s.Vt
        self.own["token"] += 1

    def norm(self) -> None:
        self.vectors(6, self.shape.Et)
        self.reduce("column", 1)

    def product(self, inner: int, rows: int) -> None:
        """A column of the matrix for each element of the vector: f16, sums in f32."""
        self.cycles["product"] += inner * (self.cost.map_iteration + self.cost.vector("mixed", rows, 1, 2))

    def vectors(self, count: int, length: int) -> None:
        self.cycles["vectors"] += count * self.cost.vector("f32", length, 2)
        self.own["vector"] += count

    def calls(self, kind: str, count: int, length: int) -> None:
        """Vector operations in a loop."""
        self.cycles["vectors"] += count * self.cost.vector("mixed", length, 1, 2)
        self.own[kind] += count

    def reduce(self, axis: str, numbers: int) -> None:
        self.reductions[axis, numbers] += 1


def all_reduce(line: int, group: int, numbers: int, cost: Costs) -> tuple[int, int]:
    """Latency and words of kernels_csl/lib/line/all_reduce.csl; group 0: about the root of the line."""
    members = min(line, group or group_size(line, 2))
    groups = -(-line // members)
    latency = members // 2 * cost.stage + groups // 2 * (cost.stage + (members - 1) * cost.hop) + line // 2 * cost.hop
    passes = 1 + sum(min(2, size - 1) for size in (members, groups))
    return latency, passes * numbers


# ------------------------------------------------------------------------------------------------ the search


@dataclass(frozen=True)
class Choice:
    """A mesh with the groups of its all-reduces, what a token takes on it, and the memory of its fullest PE."""

    shape: Shape
    cycles: float
    bytes: int


def search(shape: Shape, arch: str, cached: int, sides: Iterable[int]) -> list[Choice]:
    """The meshes of these sides on which the model fits with its cache, fastest first; each with its best groups."""
    found = []
    for width, height in itertools.product(sorted(set(sides)), repeat=2):
        at = dataclasses.replace(shape, width=width, height=height)
        size = memory.total(memory.parts(at, arch))
        if size <= memory.limit(arch):
            at = with_best_groups(at, arch, cached)
            found.append(Choice(at, decode_cycles(at, arch, cached), size))
    return sorted(found, key=lambda choice: (choice.cycles, choice.bytes))


def with_best_groups(shape: Shape, arch: str, cached: int) -> Shape:
    """The groups that the all-reduces of a token are fastest with."""
    token = count_token(shape, arch, cached)
    groups = {}
    for axis, name, line in (("row", "group_x", shape.width), ("column", "group_y", shape.height)):
        counts = {numbers: count for (along, numbers), count in token.reductions.items() if along == axis}
        most = min(line, 4 * group_size(line, 2))
        groups[name] = min(range(2, most + 1), key=lambda g: (_reduce_cycles(line, g, counts, token.cost), g))
    return dataclasses.replace(shape, **groups)


def _reduce_cycles(line: int, group: int, counts: dict[int, int], cost: Costs) -> float:
    latency, passes = all_reduce(line, group, 1, cost)
    return sum(count * (latency + passes * numbers * (1 + BOOKKEEPING["number"])) for numbers, count in counts.items())
