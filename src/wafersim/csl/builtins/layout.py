"""The builtins of layout blocks: `@set_rectangle`, `@set_tile_code`, `@set_color_config`; and the local routes."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID
from wafersim.csl.builtins.common import comptime_only, declared_twice, program_only
from wafersim.csl.builtins.ids import check_routable
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.builtins.routing import color_config
from wafersim.csl.comptime.traced import plain
from wafersim.csl.placement import LayoutRecord, Params, Placing


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
    x, y = (an.known_number(argument, _REASON) for argument in node.args[:2])
    width, height = layout.rectangle
    if not (0 <= x < width and 0 <= y < height):
        raise an.error(node.span, f"tile ({x}, {y}) lies outside the program rectangle of {width} x {height} PEs")
    return x, y


@builtin("set_tile_code", 3, 4, layout_only=True)
def set_tile_code(an, node, want):
    layout, (x, y) = record(an), _position(an, node)
    name = an.known_string(node.args[2], _REASON)
    source = an.module.file.span.source
    found = layout.files.get((source.name, name))
    if found is None:
        found = layout.files[source.name, name] = an.unit.loader.resolve(name, source, node.args[2].span)
    path, shown = found
    code, numbers = layout.code(path, shown, _params(an, node), node.span)
    _place(an, Placing(x, y, node.span, code, numbers))
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
    x, y = _position(an, node)
    color = _color(an, node.args[2])
    _place(an, Placing(x, y, node.span, color_config(an, color, node.args[3])))
    return VOID


def _place(an, placing: Placing) -> None:
    """For the iterations of a loop that are evaluated together, or at once for one tile."""
    if an.unit.iterations:
        an.unit.iterations[-1].placings.append(placing)
    else:
        record(an).place_one(an.unit, placing)


def _color(an, expr) -> int:
    color = plain(an.defined(an.known(expr, _REASON, t.COLOR), expr.span))
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
