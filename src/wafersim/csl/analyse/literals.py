"""Literals: numbers, strings, structs, tuples, arrays, enum members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Aggregate, Known, Operand, known_int
from wafersim.csl.comptime.values import UNDEFINED_VALUE
from wafersim.csl.source import Span

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser


def int_lit(an: Analyser, node: ast.IntLit, want: t.Type | None) -> Operand:
    return known_int(node.value)


def float_lit(an: Analyser, node: ast.FloatLit, want: t.Type | None) -> Operand:
    return Known(t.COMPTIME_FLOAT, node.value)


def string_lit(an: Analyser, node: ast.StringLit, want: t.Type | None) -> Operand:
    return Known(t.COMPTIME_STRING, node.value)


def bool_lit(an: Analyser, node: ast.BoolLit, want: t.Type | None) -> Operand:
    return Known(t.BOOL, node.value)


def undefined_lit(an: Analyser, node: ast.UndefinedLit, want: t.Type | None) -> Operand:
    return Known(t.UNDEFINED if want is None else want, UNDEFINED_VALUE)


def enum_lit(an: Analyser, node: ast.EnumLit, want: t.Type | None) -> Operand:
    if not isinstance(want, t.EnumType):
        raise an.error(node.span, f"'.{node.name}' needs an enum type to belong to")
    return enum_member(an, want, node.name, node.span)


def enum_member(an: Analyser, ty: t.EnumType, name: str, span: Span) -> Known:
    from wafersim.csl.analyse.analyser import suggestion

    value = ty.value(name)
    if value is None:
        raise an.error(span, f"'{ty}' has no member '{name}'{suggestion(name, [item for item, _ in ty.members])}")
    return Known(ty, value)


# ------------------------------------------------------------------------------------------ aggregates


def gather(ty: t.Type, parts: list[Operand]) -> Operand:
    """A struct or array value from its parts: known if all of them are."""
    if all(isinstance(part, Known) for part in parts):
        return Known(ty, tuple(part.value for part in parts if isinstance(part, Known)))
    return Aggregate(ty, parts)


def _names(node: ast.Expr) -> tuple[str, ...] | None:
    """Names in a literal made of literals and names only; None for any other expression."""
    if isinstance(node, ast.Ident):
        return (node.name,)
    if isinstance(node, (ast.IntLit, ast.FloatLit, ast.BoolLit, ast.StringLit)):
        return ()
    if isinstance(node, ast.TupleLit):
        parts = node.elements
    elif isinstance(node, ast.StructLit) and node.type is None:
        parts = [item.value for item in node.fields]
    else:
        return None
    found = [_names(part) for part in parts]
    known = [names for names in found if names is not None]
    return tuple(name for names in known for name in names) if len(known) == len(found) else None


def closed(an: Analyser, node: ast.StructLit | ast.TupleLit) -> Known | None:
    """The value that `keep` remembered, if the names in the literal still mean the same."""
    found = an.unit.closed.get((id(node), id(an.module)))
    if found is None or any(an.scope.find(name) for name in _names(node) or ()):
        return None
    return found


def keep(an: Analyser, node: ast.StructLit | ast.TupleLit, value: Operand) -> Operand:
    """Remember the value of a literal whose names are constants of the module."""
    names = _names(node)
    if isinstance(value, Known) and names is not None and not any(an.scope.find(name) for name in names):
        operands = [an.module.find(name, node.span) for name in names]
        if all(operand is None or isinstance(operand, Known) for operand in operands):
            an.unit.closed[id(node), id(an.module)] = value
    return value


def struct_lit(an: Analyser, node: ast.StructLit, want: t.Type | None) -> Operand:
    """`.{ .a = x }` keeps the types of its values; `T{ ... }` is one converted to T."""
    found = closed(an, node)
    if found is not None:
        return found
    ty = want if node.type is None else an.type_of(node.type)
    wanted = dict(ty.fields) if isinstance(ty, t.StructType) and not ty.is_tuple else {}
    fields: dict[str, Operand] = {}
    for item in node.fields:
        if item.name in fields:
            raise an.error(item.span, f"field '{item.name}' is given twice")
        fields[item.name] = an.eval(item.value, wanted.get(item.name))
    anonymous = t.StructType(tuple((name, part.type) for name, part in fields.items()))
    value = gather(anonymous, list(fields.values()))
    return keep(an, node, value) if node.type is None else _typed(an, node, value, ty)


def _typed(an: Analyser, node: ast.StructLit, value: Operand, ty: t.Type | None) -> Operand:
    if isinstance(ty, t.ArrayType) and not node.fields and ty.count == 0:
        return Known(ty, ())
    if not isinstance(ty, t.StructType):
        assert node.type is not None
        raise an.error(node.type.span, f"'{ty}' is no struct type")
    return an.coerce(value, ty, node.span)


def tuple_lit(an: Analyser, node: ast.TupleLit, want: t.Type | None) -> Operand:
    found = closed(an, node)
    if found is not None:
        return found
    wanted: list[t.Type | None] = [None] * len(node.elements)
    if isinstance(want, t.ArrayType):
        wanted = [want.element] * len(node.elements)
    elif isinstance(want, t.StructType) and len(want.fields) == len(node.elements):
        wanted = [ty for _, ty in want.fields]
    parts = [an.eval(element, ty) for element, ty in zip(node.elements, wanted, strict=True)]
    fields = tuple((str(position), part.type) for position, part in enumerate(parts))
    return keep(an, node, gather(t.StructType(fields, is_tuple=True), parts))


def array_lit(an: Analyser, node: ast.ArrayLit, want: t.Type | None) -> Operand:
    ty = an.type_of(node.type)
    if not isinstance(ty, t.ArrayType):
        raise an.error(node.type.span, f"'{ty}' is no array type")
    if len(node.elements) != ty.count:
        raise an.error(node.span, f"expected {ty.count} elements for '{ty}', found {len(node.elements)}")
    return gather(ty, [an.eval_as(element, ty.element) for element in node.elements])
