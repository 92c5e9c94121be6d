"""Array types and values, and ranges: `@dimensions`, `@zeros`, `@constants`, `@range`, ..."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known, RangeOf, known_int, known_type
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.comptime import values


def _array_type(an, expr) -> t.ArrayType:
    ty = an.type_of(expr)
    if not isinstance(ty, t.ArrayType):
        raise an.error(expr.span, f"expected an array type, found '{ty}'")
    return ty


@builtin("dimensions", 1)
def dimensions(an, node, want):
    dims = _array_type(an, node.args[0]).dims
    return Known(t.ArrayType((len(dims),), t.U32), dims)


@builtin("element_count", 1)
def element_count(an, node, want):
    return known_int(_array_type(an, node.args[0]).count, t.U32)


@builtin("element_type", 1)
def element_type(an, node, want):
    return known_type(_array_type(an, node.args[0]).element)


@builtin("rank", 1)
def rank(an, node, want):
    return known_int(len(_array_type(an, node.args[0]).dims), t.U16)


@builtin("zeros", 1)
def zeros(an, node, want):
    ty = _array_type(an, node.args[0])
    return Known(ty, values.zero(ty))


@builtin("constants", 2)
def constants(an, node, want):
    ty = _array_type(an, node.args[0])
    value = an.known(node.args[1], "the value of @constants must be known at compile time", ty.element)
    return Known(ty, (value.value,) * ty.count)


# --------------------------------------------------------------------------------------------- ranges


@builtin("range", 2, 4)
def range_(an, node, want):
    """`@range(T, stop)`, `@range(T, start, stop)` or `@range(T, start, stop, step)`."""
    element = an.type_of(node.args[0])
    if not t.is_integer(element):
        raise an.error(node.args[0].span, f"the elements of a range are integers, not '{element}'")
    bounds = [an.eval_as(argument, element) for argument in node.args[1:]]
    if len(bounds) == 1:
        bounds.insert(0, Known(element, 0))
    if len(bounds) == 2:
        bounds.append(Known(element, 1))
    start, stop, step = bounds
    if isinstance(step, Known) and an.defined(step, node.span) == 0:
        raise an.error(node.args[-1].span, "the step of a range must not be 0")
    if all(isinstance(bound, Known) for bound in bounds):
        numbers = [an.defined(bound, node.span) for bound in bounds]
        return Known(t.RANGE, values.RangeValue(element, *numbers))
    return RangeOf(t.RANGE, element, start, stop, step)


def _part(name: str):
    def handler(an, node, want):
        operand = an.eval(node.args[0])
        if isinstance(operand, RangeOf):
            return getattr(operand, name)
        if operand.type != t.RANGE:
            raise an.error(node.args[0].span, f"@range_{name} needs a range, found '{operand.type}'")
        return Known(operand.value.element, getattr(operand.value, name))

    return handler


for _name in ("start", "stop", "step"):
    builtin(f"range_{_name}", 1)(_part(_name))
