"""Type expressions: types are values of type `type`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Operand, known_type

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser

_MAX_ELEMENTS = 1 << 22
"""Larger arrays fit no PE by far and would only slow the compiler down."""


def array_type(an: Analyser, node: ast.ArrayTypeExpr, want: t.Type | None) -> Operand:
    reason = "the size of an array must be known at compile time"
    dims = tuple(an.known_int(extent, reason, 0) for extent in node.dimensions)
    ty = t.ArrayType(dims, an.type_of(node.element))
    if ty.count > _MAX_ELEMENTS:
        raise an.error(node.span, f"'{ty}' has too many elements")
    return known_type(ty)


def pointer_type(an: Analyser, node: ast.PointerTypeExpr, want: t.Type | None) -> Operand:
    return known_type(t.PointerType(an.type_of(node.pointee), node.many, node.const))


def fn_type(an: Analyser, node: ast.FnTypeExpr, want: t.Type | None) -> Operand:
    params = tuple(an.type_of(param) for param in node.params)
    return known_type(t.FnType(params, an.type_of(node.result), node.kind == "task"))


def struct_type(an: Analyser, node: ast.StructTypeExpr, want: t.Type | None) -> Operand:
    fields: dict[str, t.Type] = {}
    for item in node.fields:
        if item.name in fields:
            raise an.error(item.span, f"field '{item.name}' is declared twice")
        fields[item.name] = an.type_of(item.type)
    name = an.type_name or ""
    site = (node.span.source.name, node.span.start)
    return known_type(t.StructType(tuple(fields.items()), name, site, node.layout, node.is_union))


def enum_type(an: Analyser, node: ast.EnumTypeExpr, want: t.Type | None) -> Operand:
    backing = an.type_of(node.backing) if node.backing is not None else t.U16
    if not isinstance(backing, t.IntType):
        span = node.backing.span if node.backing else node.span
        raise an.error(span, f"an enum needs an integer type, not '{backing}'")
    members: dict[str, int] = {}
    following = 0
    for item in node.members:
        if item.name in members:
            raise an.error(item.span, f"'{item.name}' is declared twice")
        if item.value is not None:
            following = an.known(item.value, "values of enums must be known at compile time", backing).value
        if not backing.minimum <= following <= backing.maximum:
            raise an.error(item.span, f"value {following} does not fit in {backing}")
        members[item.name] = following
        following += 1
    site = (node.span.source.name, node.span.start)
    return known_type(t.EnumType(backing, tuple(members.items()), an.type_name or "", site))
