"""`@comptime_assert`, `@comptime_print` and `@assert`."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.comptime import values

PRINTS = "comptime_prints"
"""Key in `Unit.state` of the lines that `@comptime_print` gave: (span, text)."""


@builtin("comptime_assert", 1, 2)
def comptime_assert(an, node, want):
    condition = an.known(node.args[0], "@comptime_assert works at compile time", t.BOOL)
    if an.defined(condition, node.args[0].span):
        return VOID
    message = "compile-time assertion failed"
    if len(node.args) == 2:
        message += ": " + an.known_string(node.args[1], "the message of @comptime_assert is a comptime_string")
    raise an.error(node.span, message)


@builtin("comptime_print", 0, None)
def comptime_print(an, node, want):
    parts = []
    for argument in node.args:
        value = an.known(argument, "@comptime_print works at compile time")
        is_text = value.type == t.COMPTIME_STRING
        parts.append(value.value if is_text else values.show(value.type, value.value))
    an.unit.state.setdefault(PRINTS, []).append((node.span, ", ".join(parts)))
    return VOID


@builtin("assert", 1)
def assert_(an, node, want):
    condition = an.eval_as(node.args[0], t.BOOL)
    if isinstance(condition, Known):
        if an.defined(condition, node.span):
            return VOID
        if an.comptime:
            raise an.error(node.span, "assertion failed")
    an.runtime_only(node.span, "@assert")
    message = an.unit.program.message(f"assertion failed: {' '.join(node.args[0].span.text.split())}")
    an.emit(node.span, "assert", a=an.operand(condition, node.span), imm=message)
    return VOID
