"""`wafersim info`: describes a compiled folder.

In: an `out` folder. Out: lines of text, or a dictionary for `--json`: size, programs with their tiles,
memory by symbol, colors and exported names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from wafersim.ir.program import NONE, Image, Program

MEMORY_WORDS = 24_576
MOST_SYMBOLS = 12


def describe(image: Image) -> dict[str, Any]:
    """What `lines` shows, as plain data."""
    tiles = Counter(program for program, _ in image.tiles)
    return {
        "arch": image.arch,
        "size": [image.width, image.height],
        "fabric": [image.fabric_width, image.fabric_height],
        "offset": [image.offset_x, image.offset_y],
        "memcpy_channels": image.channels if image.memcpy else 0,
        "tiles_without_program": tiles.get(NONE, 0),
        "params": image.params,
        "colors": {str(color): count for color, count in sorted(_colors(image).items())},
        "exports": [{"name": name, "type": kind, "mutable": mutable} for name, kind, mutable in image.exports],
        "programs": [_program(image, number, tiles[number]) for number in range(len(image.programs))],
    }


def lines(image: Image, folder: str) -> Iterator[str]:
    """The description for people."""
    told = describe(image)
    yield f"{folder}: {image.arch}, {image.width} x {image.height} PEs at ({image.offset_x}, {image.offset_y})"
    yield f"  fabric    {image.fabric_width} x {image.fabric_height}"
    if image.memcpy:
        yield f"  memcpy    {image.channels} channel{'s' if image.channels != 1 else ''}"
    if image.params:
        yield "  params    " + ", ".join(f"{name}={value}" for name, value in image.params.items())
    yield "  colors    " + (", ".join(f"{color} on {count} PEs" for color, count in told["colors"].items()) or "none")
    for entry in told["exports"]:
        fixed = not entry["mutable"] and not entry["type"].startswith("fn")
        yield f"  export    {entry['name']}: {entry['type']}{' (read-only)' if fixed else ''}"
    for program in told["programs"]:
        yield from _program_lines(program)


def _program_lines(program: dict[str, Any]) -> Iterator[str]:
    x, y = program["first_tile"]
    yield f"program {program['number']}: {program['name']}, {program['tiles']} PEs, first at ({x}, {y})"
    yield (
        f"  memory    {program['words'] * 2} of {MEMORY_WORDS * 2} bytes: {program['data_words'] * 2} data, "
        f"{program['code_words'] * 2} code"
    )
    shown = program["symbols"][:MOST_SYMBOLS]
    width = max((len(symbol["name"]) for symbol in shown), default=0)
    for symbol in shown:
        yield f"    {symbol['words'] * 2:6}  {symbol['name']:{width}}  {symbol['type']}"
    rest = program["symbols"][MOST_SYMBOLS:]
    if rest:
        yield f"    {sum(symbol['words'] for symbol in rest) * 2:6}  in {len(rest)} more symbols"


def _program(image: Image, number: int, tiles: int) -> dict[str, Any]:
    program = image.programs[number]
    first = next((index for index, (used, _) in enumerate(image.tiles) if used == number), 0)
    data = _data_words(program)
    symbols = sorted(program.symbols, key=lambda symbol: (-symbol.words, symbol.address))
    return {
        "number": number,
        "name": program.name,
        "tiles": tiles,
        "first_tile": [first % image.width, first // image.width],
        "words": program.data_end,
        "data_words": data,
        "code_words": max(0, program.data_end - data),
        "functions": [function.name for function in program.functions],
        "symbols": [
            {"name": symbol.name, "address": symbol.address, "words": symbol.words, "type": symbol.type}
            for symbol in symbols
        ],
    }


def _data_words(program: Program) -> int:
    return max((symbol.address + symbol.words for symbol in program.symbols), default=0)


def _colors(image: Image) -> Counter[int]:
    """PEs with a route, by color."""
    uses = Counter(routing for _, routing in image.tiles)
    colors: Counter[int] = Counter()
    for routing, count in uses.items():
        for config in image.routings[routing]:
            colors[config.color] += count
    return colors
