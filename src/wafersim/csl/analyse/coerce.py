"""Conversions between types: the implicit ones (`coerce`), `@as` (`cast`), `@bitcast`, and common types.

Implicit: integers widen, `f16` widens to `f32`, compile-time numbers take any type they fit, pointers gain
`const` or decay to `[*]T`, struct literals take the struct type expected. All else must be asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Aggregate, Known, Memory, Operand, RangeOf, Reg
from wafersim.csl.comptime import arith, encode
from wafersim.csl.comptime.memory import Ref
from wafersim.csl.comptime.values import UNDEFINED_VALUE, Address, RangeValue, UnionValue
from wafersim.csl.source import Span
from wafersim.ir.ops import Ty

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser


class Mismatch(Exception):
    """There is no implicit conversion; the text says more than the two types, or is empty."""


def coerce(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Operand:
    """The operand as a value of type `ty`, or an error."""
    if operand.type is ty or operand.type == ty:
        return operand
    try:
        return _coerce(an, operand, ty, span)
    except Mismatch as problem:
        message = str(problem) or f"expected type '{ty}', found '{operand.type}'"
        raise an.error(span, message) from None


def _coerce(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Operand:
    if operand.type == ty:
        return operand
    if operand.type == t.NORETURN:
        return Known(ty, UNDEFINED_VALUE)
    if ty == t.COMPTIME_STRUCT and isinstance(operand.type, t.StructType):
        if not isinstance(operand, Known):
            raise an.not_known(span, "this struct")
        return operand
    if isinstance(operand, Known):
        return Known(ty, convert(operand.type, operand.value, ty))
    if isinstance(operand, Aggregate):
        return _coerce_aggregate(an, operand, ty, span)
    if isinstance(ty, t.StructType) and isinstance(operand.type, t.StructType) and isinstance(operand, Memory):
        return _coerce_struct_place(an, operand, ty, span)
    return _coerce_register(an, operand, ty, span)


# --------------------------------------------------------------------------------------- known values


def convert(source: t.Type, value: Any, ty: t.Type) -> Any:
    """The payload of a known value after implicit conversion; `Mismatch` if there is none."""
    if source == ty:
        return value
    if value is UNDEFINED_VALUE and (source == t.UNDEFINED or t.is_numeric(source)):
        return value
    if t.is_integer(source):
        return _convert_int(source, value, ty)
    if t.is_float(source):
        return _convert_float(source, value, ty)
    if isinstance(source, t.PointerType) and isinstance(ty, t.PointerType):
        return _convert_pointer(source, value, ty)
    if isinstance(source, t.FnType) and isinstance(ty, t.PointerType) and isinstance(ty.pointee, t.FnType):
        if callable_as(source, ty.pointee):
            return value
        raise Mismatch
    if isinstance(source, t.FnType) and isinstance(ty, t.FnType) and callable_as(source, ty):
        return value
    if isinstance(source, t.StructType) and isinstance(ty, t.StructType):
        return _convert_struct(source, value, ty)
    if isinstance(source, t.StructType) and source.is_tuple and isinstance(ty, t.ArrayType):
        return _convert_tuple(source, value, ty)
    if isinstance(source, t.ArrayType) and isinstance(ty, t.ArrayType) and source.dims == ty.dims:
        return tuple(convert(source.element, item, ty.element) for item in value)
    raise Mismatch


def callable_as(source: t.FnType, ty: t.FnType) -> bool:
    """Can a function of type `source` be used as one of type `ty`? Generic parts fit anything."""
    return (
        source.is_task == ty.is_task
        and len(source.params) == len(ty.params)
        and all(a is None or a == b for a, b in zip(source.params, ty.params, strict=True))
        and (source.result is None or source.result == ty.result)
    )


def _convert_int(source: t.Type, value: int, ty: t.Type) -> Any:
    if t.is_integer(ty):
        try:
            return arith.fit(ty, value)
        except arith.Overflow as problem:
            raise Mismatch(str(problem)) from None
    if t.is_float(ty) and source == t.COMPTIME_INT:
        result = arith.int_to_float(ty, value)
        if abs(result) == float("inf"):
            raise Mismatch(f"value {value} does not fit in {ty}")
        return result
    raise Mismatch


def _convert_float(source: t.Type, value: float, ty: t.Type) -> Any:
    if source == t.COMPTIME_FLOAT and t.is_float(ty):
        result = arith.round_to(ty, value)
        if abs(result) == float("inf") and abs(value) != float("inf"):
            raise Mismatch(f"value {value} does not fit in {ty}")
        return result
    if t.is_float(ty) and (ty == t.COMPTIME_FLOAT or widens(source, ty) or arith.round_to(ty, value) == value):
        return value
    if t.is_integer(ty):
        raise Mismatch(f"expected type '{ty}', found '{source}' (use '@as' to convert)")
    raise Mismatch


def _convert_pointer(source: t.PointerType, value: Any, ty: t.PointerType) -> Any:
    if not pointer_converts(source, ty):
        raise Mismatch
    if isinstance(value, Ref) and ty.many and not source.many and isinstance(source.pointee, t.ArrayType):
        return Ref(value.slots[value.index], 0, value.cell)
    return value


def pointer_converts(source: t.PointerType, ty: t.PointerType) -> bool:
    """Pointer conversions that need no cast."""
    if source.const and not ty.const:
        return False
    if ty.pointee == t.ANYOPAQUE and not ty.many:
        return True
    if source.many == ty.many:
        return source.pointee == ty.pointee or (not ty.many and _is_one_element(source.pointee, ty.pointee))
    if ty.many and isinstance(source.pointee, t.ArrayType):
        return source.pointee.element == ty.pointee
    return False


def _is_one_element(source: t.Type, ty: t.Type) -> bool:
    return isinstance(ty, t.ArrayType) and ty.dims == (1,) and ty.element == source


def _convert_struct(source: t.StructType, value: Any, ty: t.StructType) -> Any:
    if ty.is_union and not source.is_union:
        (_, field), position = source.fields[0], ty.index(source.fields[0][0])
        if len(source.fields) != 1 or position is None:
            raise Mismatch(f"a value of union '{ty}' names exactly one of its fields")
        return UnionValue(position, convert(field, value[0], ty.fields[position][1]))
    _check_fields(source, ty)
    return tuple(
        _convert_field(source, source.position(name), value, name, field) for name, field in ty.fields
    )


def _convert_field(source: t.StructType, position: int, value: Any, name: str, ty: t.Type) -> Any:
    try:
        return convert(source.fields[position][1], value[position], ty)
    except Mismatch as problem:
        text = str(problem) or f"expected type '{ty}', found '{source.fields[position][1]}'"
        raise Mismatch(f"field '{name}': {text}") from None


def _check_fields(source: t.StructType, ty: t.StructType) -> None:
    """May a value of struct type `source` become one of type `ty`?"""
    if not source.anonymous or (source.is_tuple != ty.is_tuple and not ty.site) or ty.is_union or source.is_union:
        raise Mismatch
    if source.is_tuple and not ty.is_tuple and source.fields:
        raise Mismatch
    for name, _ in source.fields:
        if ty.index(name) is None:
            raise Mismatch(f"'{ty}' has no field '{name}'")
    for name, _ in ty.fields:
        if source.index(name) is None:
            raise Mismatch(f"field '{name}' of '{ty}' has no value")


def _convert_tuple(source: t.StructType, value: Any, ty: t.ArrayType) -> Any:
    if len(ty.dims) != 1 or ty.dims[0] != len(source.fields):
        raise Mismatch(f"expected {ty.count} elements for '{ty}', found {len(source.fields)}")
    return tuple(convert(field, item, ty.element) for (_, field), item in zip(source.fields, value, strict=True))


# ------------------------------------------------------------------------------------ run-time values


def _coerce_aggregate(an: Analyser, operand: Aggregate, ty: t.Type, span: Span) -> Operand:
    source = operand.type
    if isinstance(source, t.StructType) and isinstance(ty, t.StructType):
        if ty.is_union:
            raise Mismatch(f"the value of union '{ty}' must be known at compile time here")
        _check_fields(source, ty)
        parts = [
            coerce(an, operand.parts[source.position(name)], field, span) for name, field in ty.fields
        ]
        return Aggregate(ty, parts)
    if isinstance(ty, t.ArrayType) and isinstance(source, (t.StructType, t.ArrayType)):
        if len(operand.parts) != ty.count or (isinstance(source, t.StructType) and not source.is_tuple):
            raise Mismatch(f"expected {ty.count} elements for '{ty}', found {len(operand.parts)}")
        return Aggregate(ty, [coerce(an, part, ty.element, span) for part in operand.parts])
    raise Mismatch


def _coerce_struct_place(an: Analyser, operand: Memory, ty: t.StructType, span: Span) -> Operand:
    from wafersim.csl.analyse import places

    source = operand.type
    assert isinstance(source, t.StructType)
    _check_fields(source, ty)
    parts = []
    for name, field in ty.fields:
        place = places.field_at(an, operand, source.position(name), span)
        parts.append(coerce(an, places.load(an, place, span), field, span))
    return Aggregate(ty, parts)


def _coerce_register(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Operand:
    source = operand.type
    if widens(source, ty):
        return _convert_code(an, operand, ty, span)
    if isinstance(source, t.PointerType) and isinstance(ty, t.PointerType) and pointer_converts(source, ty):
        return _retyped(operand, ty)
    if isinstance(source, t.PointerType) and isinstance(ty, t.PointerType) and _same_callable(source, ty):
        return _retyped(operand, ty)
    if t.is_numeric(source) and t.is_numeric(ty):
        raise Mismatch(f"expected type '{ty}', found '{source}' (use '@as' to convert)")
    raise Mismatch


def _same_callable(source: t.PointerType, ty: t.PointerType) -> bool:
    return (
        isinstance(source.pointee, t.FnType) and isinstance(ty.pointee, t.FnType)
        and callable_as(source.pointee, ty.pointee)
    )  # fmt: skip


def _retyped(operand: Operand, ty: t.Type) -> Operand:
    assert isinstance(operand, Reg)
    return Reg(ty, operand.operand, operand.temporary)


def widens(source: t.Type, ty: t.Type) -> bool:
    """Does every value of numeric type `source` have the same value in `ty`, by the language's rule?"""
    if isinstance(source, t.IntType) and isinstance(ty, t.IntType):
        if source.signed == ty.signed:
            return source.bits <= ty.bits
        return not source.signed and source.bits < ty.bits
    return isinstance(source, t.FloatType) and isinstance(ty, t.FloatType) and source.bits <= ty.bits


def _convert_code(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Reg:
    """Emit the conversion of a register to another numeric type."""
    source, target = t.ir_type(operand.type), t.ir_type(ty)
    value = an.operand(operand, span)
    if source == target:
        return Reg(ty, value, isinstance(operand, Reg) and operand.temporary)
    return an.result(span, "cvt", ty, a=value, imm=int(source))


# ----------------------------------------------------------------------------------------- @as, @bitcast


def cast(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Operand:
    """`@as(ty, operand)`: implicit conversions, and between numbers, bool and enums also narrowing ones."""
    try:
        return _coerce(an, operand, ty, span)
    except Mismatch as problem:
        if not castable(operand.type, ty):
            message = str(problem) or f"'{operand.type}' cannot be converted to '{ty}'"
            raise an.error(span, message) from None
        if isinstance(operand, Known):
            return _cast_known(an, operand, ty, span, problem)
    result = _convert_code(an, operand, _cast_register_type(ty), span)
    return _retyped(narrow(an, result, ty, span), ty)


def castable(source: t.Type, ty: t.Type) -> bool:
    scalars = (t.is_numeric(source) or source == t.BOOL or isinstance(source, t.EnumType))
    if isinstance(ty, t.EnumType):
        return t.is_integer(source)
    if isinstance(source, t.EnumType):
        return t.is_integer(ty)
    return scalars and (t.is_numeric(ty) or (ty == t.BOOL and t.is_integer(source)))


def _cast_register_type(ty: t.Type) -> t.Type:
    return ty.backing if isinstance(ty, t.EnumType) else ty


def _cast_known(an: Analyser, operand: Known, ty: t.Type, span: Span, problem: Mismatch) -> Known:
    value, source = an.defined(operand, span), operand.type
    if isinstance(ty, t.EnumType):
        if all(number != value for _, number in ty.members):
            raise an.error(span, f"'{ty}' has no member with the value {value}")
        return Known(ty, value)
    if source == t.BOOL:
        value, source = int(value), t.COMPTIME_INT
    if t.is_float(source):
        try:
            return Known(ty, arith.float_to_int(ty, value) if t.is_integer(ty) else arith.round_to(ty, value))
        except arith.Overflow as overflow:
            raise an.error(span, str(overflow)) from None
    if ty == t.BOOL:
        return Known(ty, value != 0)
    if t.is_float(ty):
        return Known(ty, arith.int_to_float(ty, value))
    if source == t.COMPTIME_INT and str(problem):
        raise an.error(span, str(problem))
    return Known(ty, arith.wrap(ty, value) if isinstance(ty, t.IntType) else value)


def narrow(an: Analyser, value: Reg, ty: t.Type, span: Span) -> Reg:
    """Cut a register down to the width of an integer type narrower than its register (`u3`, `i12`)."""
    if not isinstance(ty, t.IntType) or ty.bits in (8, 16, 32, 64):
        return value
    if not ty.signed:
        mask = an.operand(Known(ty, ty.maximum), span)
        return an.result(span, "and", ty, a=value.operand, b=mask)
    shift = an.unit.program.constant(8 * (1 if ty.bits < 8 else 2 * t.words(ty)) - ty.bits)
    left = an.result(span, "shl", ty, a=value.operand, b=shift)
    return an.result(span, "shr", ty, a=left.operand, b=shift)


def bitcast(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Operand:
    """`@bitcast(ty, operand)`: the same bits read as another type of the same size."""
    source = operand.type
    if source == t.COMPTIME_INT and isinstance(operand, Known):
        operand = coerce(an, operand, _unsigned_like(ty), span)
        source = operand.type
    if source.comptime_only or ty.comptime_only:
        raise an.error(span, f"'{source if source.comptime_only else ty}' has no bits at run time")
    if bit_size(source) != bit_size(ty):
        raise an.error(span, f"'{source}' ({bit_size(source)} bits) and '{ty}' ({bit_size(ty)} bits) differ in size")
    if isinstance(operand, Known) and not isinstance(operand.value, Ref):
        return _bitcast_known(an, operand, ty, span)
    if t.is_register_sized(source) and t.is_register_sized(ty):
        return _bitcast_register(an, operand, ty, span)
    from wafersim.csl.analyse import places

    place = places.in_pe_memory(an, operand, span)
    return places.load(an, Memory(ty, place.base, place.offset, place.variable, const=True), span)


def bit_size(ty: t.Type) -> int:
    if isinstance(ty, t.IntType):
        return ty.bits
    return 1 if ty == t.BOOL else 16 * t.words(ty)


def _unsigned_like(ty: t.Type) -> t.Type:
    return t.int_type(False, bit_size(ty))


def _bitcast_known(an: Analyser, operand: Known, ty: t.Type, span: Span) -> Known:
    try:
        words = encode.value_words(operand.type, operand.value, an.unit.program.function_index)
    except encode.NotEncodable as problem:
        raise an.error(span, str(problem)) from None
    return Known(ty, encode.value_from_words(ty, words))


def _bitcast_register(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Reg:
    """Registers hold values extended by their type, so that a change of sign is a conversion."""
    source, target = t.ir_type(operand.type), t.ir_type(ty)
    value = an.operand(operand, span)
    if source == target:
        return Reg(ty, value, isinstance(operand, Reg) and operand.temporary)
    if Ty.DSD in (source, target) or not _crosses_float(source, target):
        return an.result(span, "cvt", ty, a=value, imm=int(source))
    return _reinterpret(an, operand, ty, span)


def _crosses_float(source: Ty, target: Ty) -> bool:
    return (source in (Ty.F16, Ty.F32)) != (target in (Ty.F16, Ty.F32))


def _reinterpret(an: Analyser, operand: Operand, ty: t.Type, span: Span) -> Reg:
    """Reinterpret bits between float and integer registers, which hold the same bit pattern."""
    value = an.operand(operand, span)
    unsigned = t.int_type(False, bit_size(ty))
    if t.is_float(operand.type) and t.ir_type(ty) != t.ir_type(unsigned):
        plain = an.result(span, "mov", unsigned, a=value)
        return an.result(span, "cvt", ty, a=plain.operand, imm=int(t.ir_type(unsigned)))
    if t.is_float(ty) and t.ir_type(operand.type) != t.ir_type(unsigned):
        plain = an.result(span, "cvt", unsigned, a=value, imm=int(t.ir_type(operand.type)))
        return Reg(ty, plain.operand, True)
    return Reg(ty, value, isinstance(operand, Reg) and operand.temporary)


# ----------------------------------------------------------------------------------------- common types


def common_type(left: Operand, right: Operand) -> t.Type | None:
    """The type both operands of an operator, or both arms of a choice, are converted to; None if there is none."""
    a, b = left.type, right.type
    if a == b:
        return a
    if t.NORETURN in (a, b):
        return b if a == t.NORETURN else a
    for this, other in ((left, right), (right, left)):
        if _takes(other, this.type):
            return this.type
    for this, other in ((left, right), (right, left)):
        if _fits(other, this.type):
            return this.type
    return None


def _takes(operand: Operand, ty: t.Type) -> bool:
    """Does the operand convert to `ty` because of its type alone, or as a compile-time number?"""
    source = operand.type
    if source in (t.COMPTIME_INT, t.COMPTIME_FLOAT):
        return t.is_float(ty) or (source == t.COMPTIME_INT and t.is_integer(ty))
    if source == t.UNDEFINED or widens(source, ty):
        return True
    if isinstance(source, t.PointerType) and isinstance(ty, t.PointerType):
        return pointer_converts(source, ty)
    return False


def _fits(operand: Operand, ty: t.Type) -> bool:
    """Does the operand convert to `ty` because its value is known and fits?"""
    if not isinstance(operand, Known):
        return False
    try:
        convert(operand.type, operand.value, ty)
    except Mismatch:
        return False
    return True


def known_range(operand: Operand) -> RangeValue | None:
    return operand.value if isinstance(operand, Known) and operand.type == t.RANGE else None


__all__ = ["Address", "RangeOf", "bitcast", "cast", "coerce", "common_type", "convert", "narrow"]
