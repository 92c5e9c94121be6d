"""Bytes a PE: a shape and an architecture go in, what every tensor and array takes comes out, for kernels_csl/llm.

The arrays are those of kernels_csl/llm/pe.csl and of the modules that it imports; a test compares the sum with what
`cslc` says. What is left over decides how many tokens the KV cache holds (`most_slots`), by shift and by concatenation.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from waferllm.kernels import even, fours
from waferllm.llm.shape import Shape
from waferllm.model.tensors import layer_shapes
from wafersim import machine

CODE, PREFILL_CODE, BLOCK_CODE = 6400, 5500, 3600
"""Code of decode, of prefill or blocks besides, without the memcpy library; `cslc` decides, this is for plans."""
PIECE = 48
"""Elements of a tile that the transition exchanges at once, at least."""
SCALARS = 350
"""Single variables, and constants of a few elements."""
KINDS = ("weights", "KV cache", "buffers", "program")


@dataclass(frozen=True)
class Part:
    """What one tensor (over all layers) or array takes on a PE."""

    name: str
    kind: str
    bytes: int


def parts(shape: Shape, arch: str) -> list[Part]:
    """All of them; the largest PE decides where they differ."""
    found = [*_weights(shape), *_cache(shape), *_buffers(shape)]
    found += [*(_prefill(shape) if shape.prompt else []), *(_block(shape) if shape.block else [])]
    return [*found, *_program(shape, arch)]


def total(found: list[Part]) -> int:
    return sum(part.bytes for part in found)


def limit(arch: str) -> int:
    """Bytes of a PE's memory."""
    return 2 * machine.load(arch).number("memory.words")


def rows_and_columns(shape: Shape) -> dict[str, int]:
    """Elements a PE of each tensor of a layer, filled up."""
    Et, Qt, n, Ft = shape.Et, shape.Qt, shape.n, shape.Ft
    sizes = {
        "attention_norm": Et, "wq": Et * Qt, "wk": Et * n, "wv": Et * n, "bq": Qt, "bk": n, "bv": n, "wo": Qt * Et,
        "bo": Et, "ffn_norm": Et, "w_gate": Et * Ft, "w_up": Et * Ft, "w_down": Ft * Et,
    }  # fmt: skip
    return {name: sizes[name] for name in layer_shapes(shape.config)}


def layer_bytes(shape: Shape) -> int:
    """Weights of one layer."""
    return 2 * sum(rows_and_columns(shape).values())


def table_bytes(shape: Shape) -> int:
    """The embedding, or the output matrix."""
    return 2 * even(shape.Et * shape.Vt)


def _weights(shape: Shape) -> list[Part]:
    config = shape.config
    tables = ["embedding"] if config.tied else ["embedding", "output"]
    layers = [Part(name, "weights", 2 * size * config.layers) for name, size in rows_and_columns(shape).items()]
    return [
        *(Part(name, "weights", table_bytes(shape)) for name in tables),
        *layers,
        Part("final_norm", "weights", 2 * shape.Et),
    ]


def _cache(shape: Shape) -> list[Part]:
    entry = 2 * shape.config.layers * shape.n
    return [
        Part("keys", "KV cache", entry * shape.slots),
        Part("values", "KV cache", entry * shape.slots),
        Part("positions", "KV cache", 2 * shape.slots),
    ]


def _buffers(shape: Shape) -> list[Part]:
    config = shape.config
    heads, n, slots, Et, Ft = config.heads, shape.n, shape.slots, shape.Et, shape.Ft
    own = own_heads(shape)
    sizes = {
        "angles": 4 * slots * n,
        "scores": 4 * heads * slots,
        "exponentials": 2 * own * slots + 8 * max(own * slots, Ft, *_longest_of_prompt(shape)),
        "heads' output": 4 * (2 * own + shape.Qt) + 2 * shape.Qt,
        "stream": 8 * Et,
        "normed": 2 * Et,
        "sums over y": 4 * decode_words(shape),
        "Q, K, V": 2 * shape.Nt + 4 * (n + n) + 8 * (config.group + 1),
        "inner": 2 * Ft,
    }
    return [Part(name, "buffers", size) for name, size in sizes.items()]


def _longest_of_prompt(shape: Shape) -> list[int]:
    """Elements of a vector of the exponential in prefill."""
    return [shape.chunk] * bool(shape.prompt) + [block_piece(shape)] * bool(shape.block)


def own_heads(shape: Shape) -> int:
    """Heads of Q with columns on a PE, at most."""
    half = shape.config.head_dim // 2
    return shape.config.group * ((shape.pairs + half - 2) // half + 1)


@dataclass(frozen=True)
class Slabs:
    """What prefill cuts: slabs of a PE along x and y, and columns or rows of one slab."""

    along_x: int
    along_y: int
    embed: int
    heads: int
    ffn: int


def slabs_of(shape: Shape) -> Slabs:
    all_slabs = math.lcm(shape.width, shape.height)
    along_x, along_y = all_slabs // shape.width, all_slabs // shape.height
    return Slabs(along_x, along_y, shape.Et // along_y, -(-shape.Qt // along_x), shape.Ft // along_x)


def prefill_layer_elements(shape: Shape) -> int:
    """Weights of one layer in the shapes that prefill has them in (kernels_csl/lib/llm/sections.csl)."""
    cut, config = slabs_of(shape), shape.config
    E, F = cut.along_x * cut.embed, cut.along_x * cut.ffn
    products = cut.embed * shape.Nt + cut.heads * E + cut.embed * 2 * F + cut.ffn * E
    return 2 * E + cut.along_y * products + config.qkv_bias * shape.Nt + config.o_bias * E


def decode_words(shape: Shape) -> int:
    """f32 of the sums that decode works on, one kind after the other."""
    return max(shape.Vt, shape.Nt, 3 * shape.Ft, 2 * shape.Et)


def prompt_words(shape: Shape) -> int:
    """Working space of prefill in 32-bit words (kernels_csl/lib/llm/prompt_space.csl), behind Q and K of decode's."""
    cut, rows, n, N = slabs_of(shape), shape.rows, shape.n, shape.Nt
    E, F, out, own = cut.along_x * cut.embed, cut.along_x * cut.ffn, cut.along_x * cut.heads, own_heads(shape)
    a = max(rows * max(cut.embed, cut.heads, cut.ffn), PIECE) + 3
    b = max(cut.embed * max(N, 2 * F), max(cut.heads, cut.ffn) * E, 2 * n * rows) + 3
    slabs = fours((cut.along_x + 1) * a // 2) + fours((cut.along_y + 1) * b // 2)
    vectors = rows * (E + n + max(N, 2 * F, E)) + max(rows * out, E, F) + even(rows * shape.Qt) // 2
    scores = rows * (shape.config.heads * shape.chunk + 2 * own)
    chunk = 2 * (even(n * shape.chunk) // 2) + even(shape.chunk) // 2
    return fours(shape.Qt + n) + slabs + vectors + scores + chunk


def _prefill(shape: Shape) -> list[Part]:
    """What prefill needs besides the memory of decode that it works in."""
    more = prefill_layer_elements(shape) - layer_bytes(shape) // 2
    return [
        Part("prefill: weights", "weights", 2 * shape.config.layers * max(0, more)),
        Part("prefill: working space", "buffers", 4 * max(0, prompt_words(shape) - decode_words(shape))),
        Part("prefill: squares", "buffers", 4 * shape.rows),
    ]


def block_piece(shape: Shape) -> int:
    """Elements that are worked on at once in blocks (kernels_csl/lib/llm/block_space.csl)."""
    return max(2 * shape.block, 32)


def block_words(shape: Shape) -> int:
    """Working space of blocks in 32-bit words."""
    n, Qt, Et, Ft, own = shape.n, shape.Qt, shape.Et, shape.Ft, own_heads(shape)
    rows = max(shape.Nt, Et, 2 * Ft, shape.config.heads * shape.slots + 2 * own + Qt)
    halves = even(max(Et, Qt, Ft) * shape.block) // 2 + even((Qt + n) * shape.block) // 2
    return shape.block * (Et + n + 1 + rows) + block_piece(shape) + halves


def _block(shape: Shape) -> list[Part]:
    """What blocks need besides the memory of decode that they work in."""
    return [Part("block: working space", "buffers", 4 * max(0, block_words(shape) - decode_words(shape)))]


def _program(shape: Shape, arch: str) -> list[Part]:
    table = machine.load(arch)
    code = CODE + (PREFILL_CODE if shape.prompt else BLOCK_CODE if shape.block else 0)
    return [
        Part("code", "program", code + 2 * table.number("memory.memcpy_code_words")),
        Part("scalars", "program", SCALARS),
        Part("stack", "program", 2 * table.number("memory.stack_words")),
    ]


# ------------------------------------------------------------------------------------- what the cache can hold


@dataclass(frozen=True)
class Capacity:
    """Tokens that can be held: with `slots` entries a PE, `concatenated` in the last row, `shifted` in all rows."""

    slots: int
    slot_bytes: int
    """Bytes a PE of one more entry, with what grows beside the cache."""
    concatenated: int
    shifted: int


def capacity(shape: Shape, arch: str) -> Capacity:
    """The most that the memory allows. Concatenation keeps what is generated in one row of PEs, shift in all."""
    at_one = _with_slots(shape, 1)
    # two sizes beyond the point from which the vectors of the exponential grow with the slots too
    far = shape.Ft + shape.chunk + 2
    slot_bytes = total(parts(_with_slots(shape, far + 1), arch)) - total(parts(_with_slots(shape, far), arch))
    slots = 0
    if total(parts(at_one, arch)) <= limit(arch):
        slots = _most_slots(shape, arch)
    return Capacity(slots, slot_bytes, slots, slots * shape.height)


def _most_slots(shape: Shape, arch: str) -> int:
    """By halving; one slot fits, and bytes grow with slots."""
    fits, fails = 1, limit(arch)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if total(parts(_with_slots(shape, middle), arch)) <= limit(arch):
            fits = middle
        else:
            fails = middle
    return fits


def _with_slots(shape: Shape, slots: int) -> Shape:
    return dataclasses.replace(shape, capacity=slots * shape.height)
