"""Programs of tiles that differ in integers: a `CodeGroup` goes in, one `Variant` for each compiled program comes out.

The integers that differ are `Traced` while the program is compiled, so that what was not looked at becomes a
patch (a constant, a word of initial data, the color of a queue) and the program serves all tiles for which
nothing that was looked at differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from wafersim.csl.comptime.traced import Traced, Tracer, explore, node_of, plain, settled
from wafersim.csl.placement import CodeGroup, TileCode, with_numbers
from wafersim.ir.program import Patch, PatchKind, Program
from wafersim.tiles.columns import Column, Domain, Node
from wafersim.tiles.grid import combine

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Variant(Generic[T]):
    """A compiled program, its tiles (an array) and, for each of its patches, their values in these tiles."""

    compiled: T
    tiles: Any
    values: list[Any]


Compile = Callable[[TileCode], tuple[T, Program]]


def variants(group: CodeGroup, compile_code: Compile[T], *, share: bool = True) -> Iterator[Variant[T]]:
    """Compile the programs of a group; without `share` each combination of integers on its own."""
    tiles, columns = combine(group.parts)
    tracer = Tracer()
    numbers: list[Any] = []
    leaves = {}
    for column in map(Column.of, columns):
        if len(column.values) == 1:
            numbers.append(int(column.values[0]))
        else:
            leaf = Node("leaf", (), 0)
            numbers.append(leaf)
            leaves[leaf] = column

    def run(domain: Domain) -> tuple[T, list[tuple[Patch, Node | int]]]:
        given = [tracer.value(number) if isinstance(number, Node) else number for number in numbers]
        given = given if share else [plain(number) for number in given]
        compiled, program = compile_code(replace(group.code, params=with_numbers(group.code.params, given)))
        patches = take_patches(program)
        settled(compiled)
        return compiled, [(patch, node_of(value)) for patch, value in patches]

    for domain, (compiled, patches) in explore(tracer, Domain(leaves, None, len(tiles)), run):
        values = [domain.numbers(node) for _, node in patches]
        yield Variant(compiled, tiles[domain.row_numbers()], values)


# ---------------------------------------------------------------------------------------------- patches


def take_patches(program: Program) -> list[tuple[Patch, Any]]:
    """Put plain numbers where patches can be; the traced number of each patch is given back with it."""
    found = [*_constants(program), *_words(program), *_colors(program)]
    program.patches = [patch for patch, _ in found]
    return found


def _constants(program: Program) -> Iterator[tuple[Patch, Any]]:
    for index, bits in enumerate(program.constants):
        if type(bits) is Traced:
            program.constants[index] = _unseen(bits) & (1 << 64) - 1
            yield Patch(PatchKind.CONSTANT, index), bits


def _words(program: Program) -> Iterator[tuple[Patch, Any]]:
    for segment in program.data:
        for offset, word in enumerate(segment.words):
            if type(word) is Traced:
                segment.words[offset] = _unseen(word)
                yield Patch(PatchKind.WORD, plain(segment.address) + offset), word


def _colors(program: Program) -> Iterator[tuple[Patch, Any]]:
    kinds = (PatchKind.INPUT_COLOR, program.input_queues), (PatchKind.OUTPUT_COLOR, program.output_queues)
    for kind, bindings in kinds:
        for index, binding in enumerate(bindings):
            if type(binding.color) is Traced:
                color = binding.color
                binding.color = _unseen(color)
                yield Patch(kind, index), color


def _unseen(value: Traced) -> int:
    """The value in the first tile, for a place that every tile fills with its own."""
    return value.tracer.first(value.node)

