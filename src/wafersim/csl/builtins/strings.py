"""Strings, which exist at compile time only: `@strlen`, `@strcat`, `@get_array`, `@get_string_from_byte`."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known, known_int
from wafersim.csl.builtins.registry import builtin

_REASON = "strings exist at compile time only"


@builtin("strlen", 1)
def strlen(an, node, want):
    return known_int(len(an.known_string(node.args[0], _REASON)), t.U32)


MAX_LENGTH = 1 << 20
"""Characters of a string made at compile time; more is a mistake, and would eat the memory of the host."""


@builtin("strcat", 1, None)
def strcat(an, node, want):
    text = "".join(an.known_string(argument, _REASON) for argument in node.args)
    if len(text) > MAX_LENGTH:
        raise an.error(node.span, f"the string is longer than {MAX_LENGTH} characters")
    return Known(t.COMPTIME_STRING, text)


@builtin("get_array", 1)
def get_array(an, node, want):
    text = an.known_string(node.args[0], _REASON)
    return Known(t.ArrayType((len(text),), t.U8), tuple(ord(char) & 0xFF for char in text))


@builtin("get_string_from_byte", 1)
def get_string_from_byte(an, node, want):
    return Known(t.COMPTIME_STRING, chr(an.known_int(node.args[0], _REASON, 0, 255)))
