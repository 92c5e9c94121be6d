"""Structs and modules by field name: `@field`, `@has_field`, `@concat_structs`, `@import_module`."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse import modules, places
from wafersim.csl.analyse.operands import Aggregate, Known
from wafersim.csl.builtins.common import closest
from wafersim.csl.builtins.registry import builtin


@builtin("field", 2)
def field(an, node, want):
    """`@field(s, "name")` is the place or value `s.name`."""
    name = an.known_string(node.args[1], "the name of a field is known at compile time")
    operand = an.analyse(node.args[0])
    if operand.type == t.MODULE:
        found = operand.value.find(name, node.span)
        if found is None:
            raise an.error(node.span, f"the module has no member '{name}'{closest(name, list(operand.value.entries))}")
        return found
    position = operand.type.index(name) if isinstance(operand.type, t.StructType) else None
    if position is None:
        names = [field for field, _ in getattr(operand.type, "fields", ())]
        raise an.error(node.span, f"'{operand.type}' has no field '{name}'{closest(name, names)}")
    return places.field_at(an, operand, position, node.span)


@builtin("has_field", 2)
def has_field(an, node, want):
    name = an.known_string(node.args[1], "the name of a field is known at compile time")
    operand = an.analyse(node.args[0])
    if operand.type == t.MODULE:
        return Known(t.BOOL, name in operand.value.entries)
    ty = operand.value if operand.type == t.TYPE else operand.type
    return Known(t.BOOL, isinstance(ty, t.StructType) and ty.index(name) is not None)


@builtin("concat_structs", 2)
def concat_structs(an, node, want):
    """One anonymous struct with the fields of both; tuples are joined in order."""
    first, second = (_anonymous(an, argument) for argument in node.args)
    if first.type.is_tuple != second.type.is_tuple and first.type.fields and second.type.fields:
        raise an.error(node.span, "@concat_structs joins two structs or two tuples, not one of each")
    for name, _ in second.type.fields:
        if not second.type.is_tuple and first.type.index(name) is not None:
            raise an.error(node.span, f"both structs have a field '{name}'")
    fields = (*first.type.fields, *second.type.fields)
    is_tuple = first.type.is_tuple or second.type.is_tuple
    if is_tuple:
        fields = tuple((str(index), ty) for index, (_, ty) in enumerate(fields))
    ty = t.StructType(fields, is_tuple=is_tuple)
    if isinstance(first, Known) and isinstance(second, Known):
        return Known(ty, (*first.value, *second.value))
    return Aggregate(ty, [*_parts(an, first, node.span), *_parts(an, second, node.span)])


def _anonymous(an, expr):
    operand = an.eval(expr)
    if not isinstance(operand.type, t.StructType) or not operand.type.anonymous or operand.type.is_union:
        raise an.error(expr.span, f"@concat_structs needs anonymous structs, found '{operand.type}'")
    return operand


def _parts(an, operand, span):
    return [an.field(operand, name, span) for name, _ in operand.type.fields]


@builtin("import_module", 1, 2)
def import_module(an, node, want):
    name = an.known_string(node.args[0], "modules are imported at compile time")
    params = _params(an, node.args[1]) if len(node.args) == 2 else {}
    return Known(t.MODULE, modules.import_module(an.unit, an.module, name, params, node.span))


def _params(an, expr) -> dict[str, Known]:
    operand = an.known(expr, "parameters of modules must be known at compile time")
    if not isinstance(operand.type, t.StructType):
        raise an.error(expr.span, f"parameters are given as a struct, found '{operand.type}'")
    return {
        name: Known(ty, value) for (name, ty), value in zip(operand.type.fields, operand.value, strict=True)
    }
