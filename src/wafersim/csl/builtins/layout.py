"""The builtins of layout blocks: `@set_rectangle`, `@set_tile_code`, `@set_color_config`; and the local routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known
from wafersim.csl.builtins.common import comptime_only, declared_twice, program_only
from wafersim.csl.builtins.exports import ExportName
from wafersim.csl.builtins.ids import check_routable
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.builtins.routing import color_config
from wafersim.csl.source import Span
from wafersim.ir.program import ColorConfig

Params = tuple[tuple[str, t.Type, Any], ...]


@dataclass(frozen=True, slots=True, eq=False)
class TileCode:
    """Program file and parameters of tiles: tiles with equal ones share this object and its compiled program."""

    path: Path
    shown: str
    params: Params
    span: Span
    """The first `@set_tile_code` that named it."""


@dataclass(slots=True)
class LayoutRecord:
    """What a layout block has said so far; kept in `Unit.state` under `layout`."""

    rectangle: tuple[int, int] | None = None
    rectangle_span: Span | None = None
    tiles: dict[tuple[int, int], TileCode] = field(default_factory=dict)
    routes: dict[tuple[int, int], dict[int, tuple[ColorConfig, Span]]] = field(default_factory=dict)
    exports: dict[str, ExportName] = field(default_factory=dict)
    declares_exports: bool = True
    """False where no layout file exists: programs then export what they like."""
    tile_spans: dict[tuple[int, int], Span] = field(default_factory=dict)
    codes: dict[tuple[Path, Params], TileCode] = field(default_factory=dict)
    files: dict[tuple[str, str], tuple[Path, str]] = field(default_factory=dict)
    """Resolved paths of program files by (importing file, name)."""


def record(an) -> LayoutRecord:
    return an.unit.state["layout"]


_REASON = "the layout is evaluated at compile time"


@builtin("set_rectangle", 2, layout_only=True)
def set_rectangle(an, node, want):
    layout = record(an)
    if layout.rectangle_span is not None:
        raise declared_twice(
            an, node.span, "@set_rectangle is called twice", layout.rectangle_span, "the first call is here"
        )
    width, height = (an.known_int(argument, _REASON, 1, 0x7FFF) for argument in node.args)
    layout.rectangle, layout.rectangle_span = (width, height), node.span
    return VOID


def _position(an, node) -> tuple[int, int]:
    """Column and row of a tile inside the rectangle."""
    layout = record(an)
    if layout.rectangle is None:
        raise an.error(node.span, f"@{node.name} needs a program rectangle: call @set_rectangle first")
    x, y = (an.known_int(argument, _REASON) for argument in node.args[:2])
    width, height = layout.rectangle
    if not (0 <= x < width and 0 <= y < height):
        raise an.error(node.span, f"tile ({x}, {y}) lies outside the program rectangle of {width} x {height} PEs")
    return x, y


@builtin("set_tile_code", 3, 4, layout_only=True)
def set_tile_code(an, node, want):
    layout, position = record(an), _position(an, node)
    name = an.known_string(node.args[2], _REASON)
    if position in layout.tiles:
        first = layout.tile_spans[position]
        message = f"tile ({position[0]}, {position[1]}) gets two programs"
        raise declared_twice(an, node.span, message, first, "the first is set here")
    source = an.module.file.span.source
    found = layout.files.get((source.name, name))
    if found is None:
        found = layout.files[source.name, name] = an.unit.loader.resolve(name, source, node.args[2].span)
    path, shown = found
    params = _params(an, node)
    code = layout.codes.get((path, params))
    if code is None:
        code = layout.codes[path, params] = TileCode(path, shown, params, node.span)
    layout.tiles[position], layout.tile_spans[position] = code, node.span
    return VOID


def _params(an, node) -> Params:
    if len(node.args) < 4:
        return ()
    operand = an.known(node.args[3], "parameters of programs must be known at compile time")
    if not isinstance(operand.type, t.StructType):
        raise an.error(node.args[3].span, f"parameters are given as a struct, found '{operand.type}'")
    fields = zip(operand.type.fields, operand.value, strict=True)
    return tuple(sorted(((name, ty, value) for (name, ty), value in fields), key=lambda item: item[0]))


@builtin("set_color_config", 4, layout_only=True)
def set_color_config(an, node, want):
    position = _position(an, node)
    color = _color(an, node.args[2])
    config = color_config(an, color, node.args[3])
    routes = record(an).routes.setdefault(position, {})
    if color in routes:
        message = f"color {color} of tile ({position[0]}, {position[1]}) is configured twice"
        raise declared_twice(an, node.span, message, routes[color][1], "it is configured here")
    routes[color] = (config, node.span)
    return VOID


def _color(an, expr) -> int:
    color = an.defined(an.known(expr, _REASON, t.COLOR), expr.span)
    check_routable(an, color, expr.span)
    return color


@builtin("set_local_color_config", 2)
def set_local_color_config(an, node, want):
    """The same from a PE program: the route of the tiles that run it."""
    comptime_only(an, node)
    program_only(an, node)
    color = _color(an, node.args[0])
    config = color_config(an, color, node.args[1])
    routes = an.unit.state.setdefault("local_routes", {})
    if color in routes:
        message = f"color {color} is configured twice in this program"
        raise declared_twice(an, node.span, message, routes[color][1], "it is configured here")
    routes[color] = (config, node.span)
    return VOID


def as_operands(params: Params) -> dict[str, Known]:
    """Parameters as a unit takes them."""
    return {name: Known(ty, value) for name, ty, value in params}
