"""Configuration registers and the program rectangle: `@get_config`, `@set_config`, `@get_rectangle`."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known
from wafersim.csl.builtins.registry import builtin

CONFIG_BASE = 0x7800
"""First word address of the configuration registers (docs/registers.md); memory lies below."""


def _address(an, expr, checked: bool) -> int:
    value = an.eval(expr, t.U16)
    if isinstance(value, Known) and t.is_integer(value.type):
        number = an.defined(value, expr.span)
        if checked and not CONFIG_BASE <= number <= 0xFFFF:
            raise an.error(expr.span, f"{number:#x} is no configuration register: expected {CONFIG_BASE:#x} to 0xffff")
    return an.operand(an.cast(value, t.U16, expr.span), expr.span)


def _get(checked: bool):
    def handler(an, node, want):
        an.runtime_only(node.span, f"@{node.name}")
        return an.result(node.span, "getcfg", t.U16, a=_address(an, node.args[0], checked))

    return handler


def _set(checked: bool):
    def handler(an, node, want):
        an.runtime_only(node.span, f"@{node.name}")
        address = _address(an, node.args[0], checked)
        value = an.eval(node.args[1], t.U16)
        if value.type != t.I16:
            value = an.coerce(value, t.U16, node.args[1].span)
        an.emit(node.span, "setcfg", a=address, b=an.operand(value, node.args[1].span))
        return VOID

    return handler


builtin("get_config", 1)(_get(checked=True))
builtin("get_config_unchecked", 1)(_get(checked=False))
builtin("set_config", 2)(_set(checked=True))
builtin("set_config_unchecked", 2)(_set(checked=False))

RECTANGLE = t.StructType((("width", t.U16), ("height", t.U16)))


@builtin("get_rectangle", 0)
def get_rectangle(an, node, want):
    rectangle = an.unit.target.get("rectangle")
    if an.unit.is_layout:
        rectangle = an.unit.state["layout"].rectangle
    if rectangle is None:
        raise an.error(node.span, "@get_rectangle needs a program rectangle (@set_rectangle comes first)")
    return Known(RECTANGLE, tuple(rectangle))
