"""Known values as bit patterns: register constants, initial memory, `@bitcast` at compile time.

Aggregates are sequences of 16-bit words, low word first; scalars are one 64-bit pattern (integers sign-
or zero-extended, floats by their bits). Functions are encoded by the number `function_index` gives them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from wafersim.csl import types as t
from wafersim.csl.comptime.memory import Ref
from wafersim.csl.comptime.traced import Traced
from wafersim.csl.comptime.values import UNDEFINED_VALUE, Address, UnionValue

MASK64 = (1 << 64) - 1


class NotEncodable(Exception):
    """The value has no run-time form; the text says why."""


def _no_functions(value: Any) -> int:
    raise NotEncodable("a function has no bit pattern here")


FunctionIndex = Callable[[Any], int]


def float_bits(ty: t.FloatType, value: float) -> int:
    """IEEE bits of a value that has been rounded to the type."""
    code, kind = ("<e", "<H") if ty.bits == 16 else ("<f", "<I")
    return struct.unpack(kind, struct.pack(code, value))[0]


def float_from_bits(ty: t.FloatType, bits: int) -> float:
    code, kind = ("<e", "<H") if ty.bits == 16 else ("<f", "<I")
    return struct.unpack(code, struct.pack(kind, bits & ((1 << ty.bits) - 1)))[0]


def scalar_bits(ty: t.Type, value: Any, function_index: FunctionIndex = _no_functions) -> Any:
    """The 64-bit register pattern of a register-sized value; a `Traced` as it is, to be cut to 64 bits later."""
    if value is UNDEFINED_VALUE or value is None:
        return 0
    if isinstance(ty, t.FloatType):
        return float_bits(ty, value)
    if isinstance(value, Address):
        return value.word & 0xFFFF
    if isinstance(value, Ref):
        raise NotEncodable("a pointer to a compile-time variable has no run-time form")
    if isinstance(ty, t.PointerType) and not isinstance(value, int):
        return function_index(value)
    return value if type(value) is Traced else int(value) & MASK64


def value_words(ty: t.Type, value: Any, function_index: FunctionIndex = _no_functions) -> list[int]:
    """The words of a value as it lies in memory."""
    if value is UNDEFINED_VALUE:
        return [0] * t.words(ty)
    if isinstance(ty, t.ArrayType):
        return _array_words(ty, value, function_index)
    if isinstance(ty, t.StructType):
        if isinstance(value, UnionValue):
            content = value_words(ty.fields[value.active][1], value.value, function_index)
            return content + [0] * (t.words(ty) - len(content))
        parts = zip(ty.fields, value, strict=True)
        return [word for (_, field), item in parts for word in value_words(field, item, function_index)]
    bits = scalar_bits(ty, value, function_index)
    return [bits >> 16 * i & 0xFFFF for i in range(t.words(ty))]


def _array_words(ty: t.ArrayType, value: tuple[Any, ...], function_index: FunctionIndex) -> list[int]:
    if value and not t.is_aggregate(ty.element) and all(item is value[0] for item in value):
        return value_words(ty.element, value[0], function_index) * len(value)
    return [word for item in value for word in value_words(ty.element, item, function_index)]


def scalar_from_bits(ty: t.Type, bits: int) -> Any:
    """The payload of a register-sized type from its low bits."""
    match ty:
        case t.FloatType():
            return float_from_bits(ty, bits)
        case t.IntType(signed, width):
            bits &= (1 << width) - 1
            return bits - (1 << width) if signed and width and bits >> (width - 1) else bits
        case t.EnumType():
            return scalar_from_bits(ty.backing, bits)
        case t.PointerType():
            return Address(bits & 0xFFFF)
        case t.SimpleType("bool"):
            return bool(bits & 1)
    return bits & ((1 << 16 * t.words(ty)) - 1)


def value_from_words(ty: t.Type, words: list[int]) -> Any:
    """The payload of any type with a run-time form from its words in memory."""
    if isinstance(ty, t.ArrayType):
        size = t.words(ty.element)
        return tuple(value_from_words(ty.element, words[i * size : (i + 1) * size]) for i in range(ty.count))
    if isinstance(ty, t.StructType):
        if ty.is_union:
            return UnionValue(0, value_from_words(ty.fields[0][1], words))
        items, offset = [], 0
        for _, field in ty.fields:
            items.append(value_from_words(field, words[offset : offset + t.words(field)]))
            offset += t.words(field)
        return tuple(items)
    return scalar_from_bits(ty, sum(word << 16 * i for i, word in enumerate(words[: t.words(ty)])))
