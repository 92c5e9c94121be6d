"""Arithmetic on known values: payloads and their type go in, a payload or a named problem comes out.

Floats are rounded to their type after each operation. f16 and f32 results are computed in double precision
first, which is exact enough that one rounding to the narrower format gives the correctly rounded result.
Integer results must fit their type; only `<<` and `~` drop bits, as in the hardware.
"""

from __future__ import annotations

import math
import operator
import struct
from typing import Any

from wafersim.csl import types as t


class Problem(Exception):
    """A result that does not exist; the text is a sentence for a diagnostic."""


class Overflow(Problem):
    """The result does not fit the type."""


class DivisionByZero(Problem):
    """Integer division or remainder by zero."""


class NegativeShift(Problem):
    """A shift by a negative number of bits, or by too many for a `comptime_int`."""


MAX_COMPTIME_BITS = 4096
"""Largest `comptime_int`: enough for any use, small enough that no program can stall the compiler."""


def binary(op: str, ty: t.Type, left: Any, right: Any) -> Any:
    """`left op right` for operands of the type `ty` (the right operand of a shift: any integer)."""
    if t.is_float(ty):
        return round_to(ty, _FLOAT[op](left, right))
    if ty == t.BOOL:
        return _BITWISE[op](left, right)
    return fit(ty, _INTEGER[op](ty, left, right))


def compare(op: str, left: Any, right: Any) -> bool:
    return _COMPARE[op](left, right)


def negate(ty: t.Type, value: Any) -> Any:
    return -value if t.is_float(ty) else fit(ty, -value)


def invert(ty: t.Type, value: int) -> int:
    """`~value`: all bits of the type, or of an infinitely wide two's complement number."""
    return ~value & ty.maximum if isinstance(ty, t.IntType) and not ty.signed else ~value


def fit(ty: t.Type, value: int) -> int:
    """The integer itself if it fits the type."""
    if isinstance(ty, t.IntType):
        if not ty.minimum <= value <= ty.maximum:
            raise Overflow(f"value {value} does not fit in {ty}")
    elif value.bit_length() > MAX_COMPTIME_BITS:
        raise Overflow("the result is too large for the compiler")
    return value


def wrap(ty: t.IntType, value: int) -> int:
    """The low bits of an integer, read as a number of the type."""
    value &= (1 << ty.bits) - 1
    return value - (1 << ty.bits) if value > ty.maximum else value


# -------------------------------------------------------------------------------------------- floats


def round_to(ty: t.Type, value: float) -> float:
    """The nearest number of a float type (ties to even); too large ones become infinite."""
    if not isinstance(ty, t.FloatType) or math.isnan(value) or math.isinf(value):
        return value
    code = "<e" if ty.bits == 16 else "<f"
    try:
        return struct.unpack(code, struct.pack(code, value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def int_to_float(ty: t.Type, value: int) -> float:
    """An integer rounded to a float type, in one rounding."""
    bits = {16: 11, 32: 24}[ty.bits] if isinstance(ty, t.FloatType) else 53
    excess = abs(value).bit_length() - bits
    if excess > 0:
        value = _round_half_even(value, excess)
    try:
        return round_to(ty, float(value))
    except OverflowError:
        return math.copysign(math.inf, value)


def _round_half_even(value: int, drop: int) -> int:
    """`value` with its lowest `drop` bits rounded away."""
    magnitude, half = abs(value), 1 << (drop - 1)
    quotient, rest = magnitude >> drop, magnitude & ((1 << drop) - 1)
    if rest > half or (rest == half and quotient & 1):
        quotient += 1
    return (quotient << drop) * (1 if value >= 0 else -1)


def float_to_int(ty: t.Type, value: float) -> int:
    """Towards zero; saturating as the machine's conversion does."""
    if math.isnan(value):
        return 0
    if not isinstance(ty, t.IntType):
        if math.isinf(value):
            raise Overflow("an infinite value is no integer")
        return int(value)
    if math.isinf(value):
        return ty.maximum if value > 0 else ty.minimum
    return min(max(int(value), ty.minimum), ty.maximum)


def _float_divide(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _float_remainder(left: float, right: float) -> float:
    if right == 0 or math.isinf(left) or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.fmod(left, right)


# ------------------------------------------------------------------------------------------- integers


def _divide(_: t.Type, left: int, right: int) -> int:
    if right == 0:
        raise DivisionByZero("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(ty: t.Type, left: int, right: int) -> int:
    if right == 0:
        raise DivisionByZero("remainder of a division by zero")
    return left - right * _divide(ty, left, right)


def _shift_left(ty: t.Type, value: int, count: int) -> int:
    if count < 0:
        raise NegativeShift(f"shift by {count} bits")
    if isinstance(ty, t.IntType):
        return wrap(ty, value << count) if count < ty.bits else 0
    if value and count > MAX_COMPTIME_BITS:
        raise Overflow("the result is too large for the compiler")
    return value << count if value else 0


def _shift_right(_: t.Type, value: int, count: int) -> int:
    if count < 0:
        raise NegativeShift(f"shift by {count} bits")
    return value >> min(count, MAX_COMPTIME_BITS + 1)


_FLOAT = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _float_divide, "%": _float_remainder,
}  # fmt: skip
_BITWISE = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
_INTEGER = {
    "+": lambda _, left, right: left + right,
    "-": lambda _, left, right: left - right,
    "*": lambda _, left, right: left * right,
    "/": _divide,
    "%": _remainder,
    "<<": _shift_left,
    ">>": _shift_right,
    "&": lambda _, left, right: left & right,
    "|": lambda _, left, right: left | right,
    "^": lambda _, left, right: left ^ right,
}
_COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
