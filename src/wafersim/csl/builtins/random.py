"""The hardware's pseudo-random generators: `@random16`, `@set_active_prng`."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID
from wafersim.csl.builtins.registry import builtin

GENERATORS = 4
"""Generators of a PE."""


@builtin("random16", 0)
def random16(an, node, want):
    an.runtime_only(node.span, "@random16")
    return an.result(node.span, "random", t.U16)


@builtin("set_active_prng", 1)
def set_active_prng(an, node, want):
    an.runtime_only(node.span, "@set_active_prng")
    number = an.eval(node.args[0], t.U16)
    if number.type == t.COMPTIME_INT:
        an.known_int(node.args[0], "", 0, GENERATORS - 1)
    number = an.coerce(number, t.U16, node.args[0].span)
    an.emit(node.span, "prng", a=an.operand(number, node.span), imm=0)
    return VOID
