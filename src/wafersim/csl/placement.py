"""What a layout block has said: placings of programs and routes go in, numbers for each tile are kept.

`@set_tile_code` and `@set_color_config` give a `Placing`, for one tile or for all iterations of a loop that do
the same. Tiles whose programs differ in integers only belong to one `CodeGroup`, with a column for each integer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known
from wafersim.csl.comptime.traced import settled
from wafersim.csl.diagnostics import Note
from wafersim.csl.source import Span
from wafersim.ir.program import ColorConfig
from wafersim.tiles.columns import integers
from wafersim.tiles.grid import Layer, number_tiles

if TYPE_CHECKING:
    from wafersim.csl.analyse.unit import Unit
    from wafersim.csl.builtins.exports import ExportName

Params = tuple[tuple[str, t.Type, Any], ...]
Numbers = list[Any]
"""Integers, plain or `Traced`."""


@dataclass(frozen=True, slots=True, eq=False)
class TileCode:
    """A program file and parameters."""

    path: Path
    shown: str
    params: Params
    span: Span
    """The first `@set_tile_code` that named it."""


@dataclass(slots=True, eq=False)
class CodeGroup:
    """Tiles whose program files and parameters are equal but for integers."""

    code: TileCode
    """Of the first placing, with 0 for all integers."""
    parts: list[tuple[Any, list[Any]]] = field(default_factory=list)
    """Arrays: tile numbers, and for each integer its value in each of these tiles."""


@dataclass(slots=True)
class Placing:
    """One `@set_tile_code` or `@set_color_config`; coordinates and numbers may be `Traced`."""

    x: Any
    y: Any
    span: Span
    what: CodeGroup | ColorConfig
    numbers: Numbers = field(default_factory=list)


@dataclass(slots=True)
class LayoutRecord:
    """What a layout block has said so far; kept in `Unit.state` under `layout`."""

    rectangle: tuple[int, int] | None = None
    rectangle_span: Span | None = None
    groups: dict[tuple[Any, ...], CodeGroup] = field(default_factory=dict)
    programs: Layer | None = None
    """Numbers from 1 of the groups of tiles."""
    routes: dict[int, Layer] = field(default_factory=dict)
    """By color: numbers from 1 of `configs`."""
    configs: list[tuple[ColorConfig, Span]] = field(default_factory=list)
    exports: dict[str, ExportName] = field(default_factory=dict)
    declares_exports: bool = True
    """False where no layout file exists: programs then export what they like."""
    files: dict[tuple[str, str], tuple[Path, str]] = field(default_factory=dict)
    """Resolved paths of program files by (importing file, name)."""
    spans: dict[int, list[tuple[Any, Span]]] = field(default_factory=dict)
    """By color (-1: programs) the tiles that each placing named, to show who was first."""
    _config_numbers: dict[tuple[int, Span], int] = field(default_factory=dict)

    @property
    def tiles(self) -> int:
        width, height = self.rectangle or (0, 0)
        return width * height

    def code(self, path: Path, shown: str, params: Params, span: Span) -> tuple[CodeGroup, Numbers]:
        """The group of a program with its parameters, and its integers."""
        numbers: Numbers = []
        key = (path, tuple((name, settled(ty), _shape(value, numbers)) for name, ty, value in params))
        group = self.groups.get(key)
        if group is None:
            plain_params = with_numbers(params, [0] * len(numbers))
            group = self.groups[key] = CodeGroup(TileCode(path, shown, settled(plain_params), span))
        return group, numbers

    def place_one(self, unit: Unit, placing: Placing) -> None:
        """A placing for one tile."""
        columns = [integers([number]) for number in placing.numbers]
        self.place(unit, placing, integers([placing.x]), integers([placing.y]), columns)

    def place(self, unit: Unit, placing: Placing, xs: Any, ys: Any, columns: list[Any]) -> None:
        """A placing for many tiles; arrays of coordinates and integers."""
        assert self.rectangle is not None
        tiles = number_tiles(xs, ys, self.rectangle[0])
        if isinstance(placing.what, CodeGroup):
            color, number = -1, 1
            self.programs = layer = self.programs or Layer(self.tiles)
        else:
            color = placing.what.color
            number = self._config_number(placing.what, placing.span)
            layer = self.routes.get(color)
            if layer is None:
                layer = self.routes[color] = Layer(self.tiles)
        taken = layer.claim(tiles, number)
        placed = self.spans.setdefault(color, [])
        placed.append((tiles, placing.span))
        if taken is not None:
            raise self._twice(unit, color, taken, placing.span)
        if isinstance(placing.what, CodeGroup):
            placing.what.parts.append((tiles, columns))

    def _config_number(self, config: ColorConfig, span: Span) -> int:
        key = (id(config), span)
        found = self._config_numbers.get(key)
        if found is None:
            self.configs.append((config, span))
            found = self._config_numbers[key] = len(self.configs)
        return found

    def _twice(self, unit: Unit, color: int, tile: int, span: Span):
        assert self.rectangle is not None
        place = f"tile ({tile % self.rectangle[0]}, {tile // self.rectangle[0]})"
        first = next(where for tiles, where in self.spans[color] if (tiles == tile).any())
        if color < 0:
            return unit.error(span, f"{place} gets two programs", Note(first, "the first is set here"))
        message = f"color {color} of {place} is configured twice"
        return unit.error(span, message, Note(first, "it is configured here"))


# --------------------------------------------------------------------------------------------- integers

_NUMBER = "number"
"""Stands for an integer in the shape of a payload."""


def _shape(value: Any, numbers: Numbers) -> Any:
    """A payload without its integers, which are appended to `numbers`."""
    if isinstance(value, tuple):
        return tuple(_shape(item, numbers) for item in value)
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float):
        return ("float", value.hex())
    if isinstance(value, int):
        numbers.append(value)
        return _NUMBER
    return ("value", settled(value))


def with_numbers(params: Params, numbers: Numbers) -> Params:
    """Parameters with other integers, in the order that `LayoutRecord.code` gave them."""
    rest = iter(numbers)
    return tuple((name, ty, _filled(value, rest)) for name, ty, value in params)


def _filled(value: Any, rest: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_filled(item, rest) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return next(rest)
    return value


def as_operands(params: Params) -> dict[str, Known]:
    """Parameters as a unit takes them."""
    return {name: Known(ty, value) for name, ty, value in params}
