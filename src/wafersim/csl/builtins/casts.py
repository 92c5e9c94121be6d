"""Types and conversions: `@as`, `@bitcast`, `@ptrcast`, `@type_of`, `@is_same_type`, `@is_comptime`, `@is_arch`, ..."""

from __future__ import annotations

from contextlib import nullcontext

from wafersim.csl import types as t
from wafersim.csl.analyse import coerce as coercion
from wafersim.csl.analyse.operands import Known, Reg, known_type
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.comptime.memory import Ref

ARCHES = ("wse1", "wse2", "wse3")
"""What `@is_arch` may ask for."""


@builtin("as", 2)
def as_(an, node, want):
    ty = an.type_of(node.args[0])
    return an.cast(an.eval(node.args[1], ty), ty, node.span)


@builtin("bitcast", 2)
def bitcast(an, node, want):
    ty = an.type_of(node.args[0])
    return coercion.bitcast(an, an.eval(node.args[1]), ty, node.span)


@builtin("ptrcast", 2)
def ptrcast(an, node, want):
    ty = an.type_of(node.args[0])
    if not isinstance(ty, t.PointerType):
        raise an.error(node.args[0].span, f"@ptrcast needs a pointer type, found '{ty}'")
    pointer = an.eval(node.args[1])
    if not isinstance(pointer.type, t.PointerType):
        raise an.error(node.args[1].span, f"@ptrcast needs a pointer, found '{pointer.type}'")
    if pointer.type.const and not ty.const:
        raise an.error(node.span, f"@ptrcast cannot drop 'const': '{pointer.type}' to '{ty}'")
    if isinstance(pointer, Known):
        if isinstance(pointer.value, Ref):
            raise an.error(node.args[1].span, "a pointer to a compile-time variable cannot be cast")
        return Known(ty, pointer.value)
    return Reg(ty, an.operand(pointer, node.span), isinstance(pointer, Reg) and pointer.temporary)


def _analysed_only(an, expr, evaluate):
    """The operand of an expression whose code is thrown away."""
    with an.builder.captured() if an.builder is not None else nullcontext():
        return evaluate(expr)


@builtin("type_of", 1)
def type_of(an, node, want):
    # A place stays one: its value need not be known.
    return known_type(_analysed_only(an, node.args[0], an.analyse).type)


@builtin("is_same_type", 2)
def is_same_type(an, node, want):
    return Known(t.BOOL, an.type_of(node.args[0]) == an.type_of(node.args[1]))


@builtin("is_comptime", 1)
def is_comptime(an, node, want):
    return Known(t.BOOL, isinstance(_analysed_only(an, node.args[0], an.eval), Known))


@builtin("is_arch", 1)
def is_arch(an, node, want):
    name = an.known_string(node.args[0], "@is_arch works at compile time")
    if name not in ARCHES:
        raise an.error(node.args[0].span, f'unknown architecture "{name}", expected one of: {", ".join(ARCHES)}')
    return Known(t.BOOL, an.unit.arch == name)


@builtin("fp16", 0)
def fp16(an, node, want):
    return known_type(t.F16)


@builtin("get_int", 1)
def get_int(an, node, want):
    """The number of a color, queue or id, as u16, or of an enum, as its integer type."""
    value = an.eval(node.args[0])
    if not (t.is_id(value.type) or t.is_dsr(value.type) or isinstance(value.type, t.EnumType)):
        raise an.error(node.args[0].span, f"@get_int needs a color, queue, id or enum, found '{value.type}'")
    ty = value.type.backing if isinstance(value.type, t.EnumType) else t.U16
    if isinstance(value, Known):
        return Known(ty, an.defined(value, node.span))
    return Reg(ty, an.operand(value, node.span), isinstance(value, Reg) and value.temporary)
