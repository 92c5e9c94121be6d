"""Cycles of a prompt through kernels_csl/llm by formula: a shape on a square mesh, an architecture and the length of
the prompt go in, cycles by part come out: what a layer costs, the transition, and the tokens on their way in.

With P x P PEs, R = length / P tokens on a row, and the dimensions of `waferllm.llm.shape`, a layer has

    products       [R, Et] x [Et, Nt], [R, Qt] x [Qt, Et], [R, Et] x [Et, 2 Ft], [R, Ft] x [Ft, Et], MeshGEMM each:
                   P - 1 moves that align the operands, P steps with P - 1 moves; a move passes a slab of A and of B
    attention      P - 1 moves of the K and V of R tokens, P times put into the chunk; of each chunk of c tokens:
                   scores of the own columns, heads R c sums along the row, own heads R exponentials of c, mixing
    norms, SiLU    vector operations on R tokens; two sums of R numbers along the row

and the transition, there and back, exchanges tiles of W_o, W_down and of the norms: P moves for each piece.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from waferllm.kernels import fours
from waferllm.llm import memory
from waferllm.llm.shape import CHUNK, SCORES, Shape, parts
from waferllm.perfmodel import decode
from waferllm.perfmodel.costs import Costs, costs
from waferllm.perfmodel.decode import EXP_OPERATIONS, RECIPROCAL_OPERATIONS, all_reduce, heads_of

BOOKKEEPING = {name: decode.BOOKKEEPING[name] for name in ("reduce", "number", "vector", "score", "mix")} | {
    "move": 164.0,   # a ring moves on: two operations on microthreads and their tasks
    "word": 1.0,     # four elements that go out and come in, besides the two cycles that they take
    "head": 608.0,   # a head and token in the loop of the softmax, with an exponential of one number
    "token": 204.0,  # a token in a norm, in RoPE, in SiLU
}  # fmt: skip
"""Cycles. Those that decode has too are decode's; the others by least squares over 28 simulated prompts of tiny models
on square meshes of up to 12 x 12 PEs on both architectures (mean deviation 2 %, largest 5 %; 16 x 16 PEs, which took no
part: 8 %). `scripts/dev/fit_llm.py` makes the runs, docs/data/llm_points.csv has their cycles."""


@dataclass(frozen=True)
class Work:
    """Cycles that follow from the machine table, by kind, and how often each row of BOOKKEEPING counts."""

    cycles: Counter = field(default_factory=Counter)
    own: Counter = field(default_factory=Counter)

    @property
    def total(self) -> float:
        return sum(self.cycles.values()) + sum(BOOKKEEPING[name] * count for name, count in self.own.items())


@dataclass(frozen=True)
class Prompt:
    """What a prompt of `length` tokens costs on the mesh of `shape`."""

    shape: Shape
    arch: str
    length: int

    # ------------------------------------------------------------------------------------------------ parts

    def layer(self) -> dict[str, Work]:
        """Of one layer: products, attention, and the rest (norms, RoPE, SiLU)."""
        s, rows = self.shape, self.rows
        products, attention, rest = Work(), Work(), Work()
        for inner, columns in ((s.Et, s.Nt), (s.Qt, s.Et), (s.Et, 2 * s.Ft), (s.Ft, s.Et)):
            self._product(products, inner, columns)
        self._attention(attention)
        for _ in range(2):
            self._vectors(rest, rows * 5, s.Et)
            self._reduce(rest, s.width, rows)
            rest.own["token"] += rows
        self._vectors(rest, rows * 12, max(s.Qt, 2 * s.n))
        self._vectors(rest, rows * (EXP_OPERATIONS + RECIPROCAL_OPERATIONS + 7), s.Ft)
        rest.own["token"] += rows
        return {"products": products, "attention": attention, "rest": rest}

    def transition(self) -> Work:
        """Of one layer, there or back."""
        s, work = self.shape, Work()
        sections = (s.Et, s.Qt * s.Et + s.config.o_bias * s.Et + s.Et, s.Ft * s.Et)
        piece = self._piece()
        for size in sections:
            while size > 0:
                self._moves(work, s.width, min(piece, size), min(piece, size))
                size -= piece
        return work

    def vectors_in(self) -> Work:
        """All tokens of the prompt: embedding and angles, each put where its row has it."""
        s, work = self.shape, Work()
        self._reduce(work, s.width, s.Et, self.length)
        self._reduce(work, s.height, s.n, self.length)
        self._reduce(work, s.height, s.Et, self.length)
        self._vectors(work, 6 * self.length, s.Et)
        return work

    def vector_out(self) -> Work:
        """The stream of the last token, down its columns and into the rows."""
        s, work = self.shape, Work()
        self._reduce(work, s.height, s.Et)
        self._reduce(work, s.width, s.Et)
        self._vectors(work, 4, s.Et)
        return work

    @property
    def rows(self) -> int:
        return parts(self.length, self.shape.height)

    @property
    def chunk(self) -> int:
        """Tokens of a chunk: whole slabs of K and V."""
        scores = self.shape.config.heads * max(self.rows, 1)
        most = max(self.rows, min(self.length, CHUNK, SCORES // scores))
        return most // self.rows * self.rows

    # ----------------------------------------------------------------------------------------------- pieces

    @property
    def _cost(self) -> Costs:
        return costs(self.arch)

    def _product(self, work: Work, inner: int, columns: int) -> None:
        """MeshGEMM of [rows, inner] and [inner, columns] slabs."""
        places, rows = self.shape.width, self.rows
        each = inner * (self._cost.map_iteration + self._cost.vector("mixed", columns, 1, 2))
        work.cycles["product"] += places * rows * each
        self._moves(work, 2 * (places - 1), rows * inner, inner * columns)
        self._vectors(work, rows + 2, inner)

    def _moves(self, work: Work, count: int, a: int, b: int) -> None:
        """Moves of both rings with slabs of so many elements."""
        work.own["move"] += count
        work.own["word"] += count * (fours(a) + fours(b)) // 4
        work.cycles["words"] += count * 2 * (fours(a) + fours(b)) // 4

    def _attention(self, work: Work) -> None:
        s, rows = self.shape, self.rows
        chunk, places = self.chunk, s.height
        own = heads_of(s)
        self._moves(work, places - 1, 0, 2 * s.n * rows)
        self._vectors(work, places * (s.n + 1), rows)
        for held in self._chunks(places * rows, chunk):
            self._vectors(work, 1, s.config.heads * rows * held)
            self._calls(work, "score", rows * s.Qt, held)
            self._reduce(work, s.width, s.config.heads * rows * held)
            work.own["head"] += own * rows
            work.cycles["vectors"] += own * rows * (EXP_OPERATIONS + 5) * self._cost.vector("f32", held, 2)
            self._calls(work, "mix", own * rows * held, min(s.n, s.config.head_dim))

    @staticmethod
    def _chunks(tokens: int, chunk: int) -> list[int]:
        whole, rest = divmod(tokens, chunk)
        return [chunk] * whole + ([rest] if rest else [])

    def _piece(self) -> int:
        """Elements of a tile that are exchanged at once (kernels_csl/lib/llm/prompt.csl)."""
        s = self.shape
        held = max(parts(s.prompt, s.height) * max(s.Et, s.Qt, s.Ft), memory.PIECE)
        return (held + 3) // 4 * 4

    def _vectors(self, work: Work, count: int, length: int) -> None:
        work.cycles["vectors"] += count * self._cost.vector("f32", length, 2)
        work.own["vector"] += count

    def _calls(self, work: Work, kind: str, count: int, length: int) -> None:
        work.cycles["vectors"] += count * self._cost.vector("mixed", length, 1, 2)
        work.own[kind] += count

    def _reduce(self, work: Work, line: int, numbers: int, count: int = 1) -> None:
        latency, words = all_reduce(line, 0, numbers, self._cost)
        work.cycles["latency"] += count * latency
        work.cycles["words"] += count * words
        work.own["reduce"] += count
        work.own["number"] += count * words


@dataclass(frozen=True)
class PromptCycles:
    """Of a whole prompt, by part; `transition` is there and back."""

    products: float
    attention: float
    rest: float
    vectors_in: float
    transition: float
    vector_out: float

    @property
    def layers(self) -> float:
        return self.products + self.attention + self.rest

    @property
    def kernel(self) -> float:
        """What the kernel's own stamps measure: all but the tokens on their way in."""
        return self.layers + self.transition + self.vector_out


def prompt_cycles(shape: Shape, arch: str, length: int) -> PromptCycles:
    """All layers of a prompt that goes through them together."""
    if shape.width != shape.height:
        raise ValueError(f"mesh {shape.width} x {shape.height}: the formula is for square ones")
    prompt, count = Prompt(shape, arch, length), shape.config.layers
    layer = {name: count * work.total for name, work in prompt.layer().items()}
    return PromptCycles(
        **layer,
        vectors_in=prompt.vectors_in().total,
        transition=2 * count * prompt.transition().total,
        vector_out=prompt.vector_out().total,
    )
