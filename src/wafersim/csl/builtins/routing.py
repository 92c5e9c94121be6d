"""Color configurations: the struct of `@set_color_config` goes in, an `ir.program.ColorConfig` comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known, Operand
from wafersim.csl.builtins.common import Fields
from wafersim.csl.comptime.traced import settled
from wafersim.ir.program import ColorConfig, Dir, Filter, FilterKind, PopMode, SwitchPosition

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.source import Span

_TOP = ("routes", "switches", "filter", "teardown")
_ROUTES = ("rx", "tx", "color_swap_x", "color_swap_y", "pop_mode")
_SWITCHES = ("pos1", "pos2", "pos3", "current_switch_pos", "ring_mode", "pop_mode")
_POP_MODES = ("no_pop", "always_pop", "pop_on_advance", "pop_on_header")
_FILTER = (
    "kind", "count_data", "count_control", "init_counter", "max_counter", "limit1", "limit2", "min_idx", "max_idx",
    "fast_mode",
)  # fmt: skip
_KINDS = {
    "range": ("min_idx", "max_idx"),
    "counter": ("count_data", "count_control", "init_counter", "max_counter", "limit1", "fast_mode"),
    "sparse_counter": (
        "count_data", "count_control", "init_counter", "max_counter", "limit1", "limit2", "fast_mode",
    ),
}  # fmt: skip
"""Kind of a filter -> the fields it has."""
_COUNTER_MAX = 0xFFFF

_OLD_SIDES = (Dir.WEST, Dir.EAST, Dir.SOUTH, Dir.NORTH, Dir.RAMP)
"""Sides in the order of the bits of an integer `.routes` (docs/registers.md, COLOR_CONFIG)."""


def color_config(an: Analyser, color: int, expr: ast.Expr) -> ColorConfig:
    """The configuration in a struct expression. Equal structs give one object."""
    operand = an.known(expr, "routes must be known at compile time")
    operand = Known(settled(operand.type), settled(operand.value))
    cache = an.unit.state.setdefault("color_configs", {})
    key = (color, operand.type, operand.value)
    found = cache.get(key)
    if found is None:
        found = cache[key] = _parse(an, color, operand, expr)
    return found


def _parse(an: Analyser, color: int, operand: Known, expr: ast.Expr) -> ColorConfig:
    top = Fields(an, None, "the configuration of a color", _TOP)
    top.operand, top.expr = operand, expr
    top._check(operand, _TOP)
    rx, tx, swap_x, swap_y, pop = _routes(an, top)
    switches = Fields.of(top, "switches", _SWITCHES)
    positions: tuple[SwitchPosition, ...] = ()
    position, ring = 0, False
    if switches is not None:
        positions = _positions(an, switches)
        position = switches.number("current_switch_pos", 0, 3) or 0
        ring = switches.flag("ring_mode")
        pop = switches.choice("pop_mode", _POP_MODES) or pop
        if position > len(positions):
            span = switches.span("current_switch_pos")
            raise an.error(span, f"'.current_switch_pos' is {position}, but there is no '.pos{position}'")
    return ColorConfig(
        color, rx, tx, positions, position, ring, PopMode(_POP_MODES.index(pop)) if pop else PopMode.NO_POP,
        swap_x, swap_y, top.flag("teardown"), _filter(an, top),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- routes


def _routes(an: Analyser, top: Fields) -> tuple[int, int, bool, bool, str | None]:
    value = top.get("routes")
    if value is not None and t.is_integer(value.type):
        bits = top.number("routes", 0, 0xFFFF) or 0
        rx = sum(side for i, side in enumerate(_OLD_SIDES) if bits >> (5 + i) & 1)
        tx = sum(side for i, side in enumerate(_OLD_SIDES) if bits >> i & 1)
        return int(rx), int(tx), bool(bits >> 10 & 1), bool(bits >> 11 & 1), _POP_MODES[bits >> 12 & 3]
    routes = Fields.of(top, "routes", _ROUTES)
    if routes is None:
        return 0, 0, False, False, None
    rx, tx = _sides(an, routes, "rx"), _sides(an, routes, "tx")
    pop = routes.choice("pop_mode", _POP_MODES)
    return rx, tx, routes.flag("color_swap_x"), routes.flag("color_swap_y"), pop


def _sides(an: Analyser, routes: Fields, name: str) -> int:
    """Mask of the directions in a tuple, or of one direction."""
    value = routes.get(name)
    if value is None:
        return 0
    span = routes.span(name)
    if value.type == t.DIRECTION:
        return _known(an, value, span)
    if not isinstance(value.type, (t.StructType, t.ArrayType)) or not isinstance(value, Known):
        raise an.error(span, f"'.{name}' must be a tuple of directions, found '{value.type}'")
    kinds = [ty for _, ty in value.type.fields] if isinstance(value.type, t.StructType) else [value.type.element]
    if any(kind != t.DIRECTION for kind in kinds):
        raise an.error(span, f"'.{name}' must be a tuple of directions, found '{value.type}'")
    mask = 0
    for side in value.value:
        if mask & side:
            raise an.error(span, f"'.{name}' names {Dir(side).name} twice")
        mask |= side
    return mask


def _known(an: Analyser, value: Operand, span: Span) -> int:
    return an.defined(an.require_known(value, span), span)


# -------------------------------------------------------------------------------------------- switches


def _positions(an: Analyser, switches: Fields) -> tuple[SwitchPosition, ...]:
    names = [name for name in ("pos1", "pos2", "pos3") if name in switches]
    if names != ["pos1", "pos2", "pos3"][: len(names)]:
        raise an.error(switches.span(names[-1]), f"'.{names[-1]}' needs the positions before it")
    return tuple(_position(an, switches, name) for name in names)


def _position(an: Analyser, switches: Fields, name: str) -> SwitchPosition:
    value = switches.get(name)
    if value is not None and t.is_integer(value.type):
        return _old_position(switches.number(name, 0, 0x3FF) or 0)
    fields = Fields.of(switches, name, ("rx", "tx", "invalid"))
    assert fields is not None
    if fields.flag("invalid"):
        if len(fields.names) > 1:
            raise an.error(switches.span(name), f"'.{name}' is invalid and has a route")
        return SwitchPosition(invalid=True)
    rx, tx = _side(an, fields, "rx"), _side(an, fields, "tx")
    if not rx and not tx:
        raise an.error(switches.span(name), f"'.{name}' must set '.rx', '.tx' or '.invalid'")
    if rx and tx and an.unit.arch != "wse3":
        raise an.error(switches.span(name), f"'.{name}' sets both '.rx' and '.tx', which only WSE-3 can")
    return SwitchPosition(rx, tx)


def _old_position(bits: int) -> SwitchPosition:
    """A position written as an integer: one side, as in an integer `.routes`; 0 is invalid."""
    rx = sum(side for i, side in enumerate(_OLD_SIDES) if bits >> (5 + i) & 1)
    tx = sum(side for i, side in enumerate(_OLD_SIDES) if bits >> i & 1)
    return SwitchPosition(int(rx), int(tx), invalid=not bits)


def _side(an: Analyser, fields: Fields, name: str) -> int:
    value = fields.get(name)
    if value is None:
        return 0
    if value.type == t.DIRECTION:
        return _known(an, value, fields.span(name))
    mask = _sides(an, fields, name)
    if mask.bit_count() != 1:
        raise an.error(fields.span(name), f"a switch position has one side as its '.{name}'")
    return mask


# --------------------------------------------------------------------------------------------- filters


def _filter(an: Analyser, top: Fields) -> Filter:
    fields = Fields.of(top, "filter", _FILTER)
    if fields is None:
        return Filter()
    kind = fields.choice("kind", tuple(_KINDS))
    if kind is None:
        raise an.error(fields.span(), "a filter needs '.kind'")
    for name in fields.names:
        if name != "kind" and name not in _KINDS[kind]:
            raise an.error(fields.span(name), f"a {kind} filter has no '.{name}'")
    if kind == "sparse_counter" and an.unit.arch != "wse3":
        raise an.error(fields.span("kind"), "sparse_counter filters exist on WSE-3 only")
    numbers = {
        name: fields.number(name, 0, _COUNTER_MAX) or 0
        for name in ("min_idx", "max_idx", "init_counter", "max_counter", "limit1", "limit2")
    }
    if kind == "range":
        for name in ("min_idx", "max_idx"):
            fields.require(name)
        if numbers["min_idx"] > numbers["max_idx"]:
            raise an.error(fields.span("min_idx"), "'.min_idx' is larger than '.max_idx'")
    return Filter(
        FilterKind[kind.upper()], numbers["min_idx"], numbers["max_idx"], fields.flag("count_data"),
        fields.flag("count_control"), numbers["init_counter"], numbers["max_counter"], numbers["limit1"],
        numbers["limit2"],
    )  # fmt: skip
