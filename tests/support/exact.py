"""Exact reference for binary floating point: patterns to fractions, exact results, one rounding to a pattern.

Independent of the engine, of NumPy and of the host's arithmetic: only `fractions.Fraction` and integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Format:
    """A binary format of IEEE 754 with `fraction_bits` and `exponent_bits`."""

    fraction_bits: int
    exponent_bits: int

    @property
    def bias(self) -> int:
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def infinity(self) -> int:
        return ((1 << self.exponent_bits) - 1) << self.fraction_bits

    @property
    def nan(self) -> int:
        return self.infinity | 1 << (self.fraction_bits - 1)

    @property
    def sign_bit(self) -> int:
        return 1 << (self.fraction_bits + self.exponent_bits)


F16 = Format(10, 5)
F32 = Format(23, 8)


@dataclass(frozen=True)
class Value:
    """A number, an infinity (`size` None) or NaN (`nan`); zero has a sign."""

    negative: bool = False
    size: Fraction | None = Fraction(0)
    nan: bool = False

    @property
    def infinite(self) -> bool:
        return self.size is None and not self.nan

    @property
    def number(self) -> Fraction:
        assert self.size is not None
        return -self.size if self.negative else self.size


NAN = Value(nan=True, size=None)


def decode(fmt: Format, pattern: int) -> Value:
    negative = bool(pattern & fmt.sign_bit)
    exponent = pattern >> fmt.fraction_bits & ((1 << fmt.exponent_bits) - 1)
    fraction = pattern & ((1 << fmt.fraction_bits) - 1)
    if exponent == (1 << fmt.exponent_bits) - 1:
        return NAN if fraction else Value(negative, None)
    significand = fraction | (1 << fmt.fraction_bits if exponent else 0)
    power = max(exponent, 1) - fmt.bias - fmt.fraction_bits
    return Value(negative, Fraction(significand) * Fraction(2) ** power)


def encode(fmt: Format, value: Value) -> int:
    """Nearest pattern, ties to even; overflow gives infinity."""
    if value.nan:
        return fmt.nan
    sign = fmt.sign_bit if value.negative else 0
    if value.size is None:
        return sign | fmt.infinity
    if value.size == 0:
        return sign
    power = max(_floor_log2(value.size), 1 - fmt.bias)
    units = round(value.size / Fraction(2) ** (power - fmt.fraction_bits))
    # A significand without its leading bit adds to the field of the exponent; a carry does the right thing.
    pattern = ((power + fmt.bias - 1) << fmt.fraction_bits) + units
    return sign | min(pattern, fmt.infinity)


def _floor_log2(size: Fraction) -> int:
    power = size.numerator.bit_length() - size.denominator.bit_length()
    return power if Fraction(2) ** power <= size else power - 1


def of_number(number: Fraction | int, negative_zero: bool = False) -> Value:
    return Value(negative_zero if number == 0 else number < 0, abs(Fraction(number)))


def negate(a: Value) -> Value:
    return a if a.nan else Value(not a.negative, a.size)


def add(a: Value, b: Value) -> Value:
    if a.nan or b.nan or (a.infinite and b.infinite and a.negative != b.negative):
        return NAN
    if a.infinite or b.infinite:
        return a if a.infinite else b
    return of_number(a.number + b.number, negative_zero=a.negative and b.negative)


def subtract(a: Value, b: Value) -> Value:
    return add(a, negate(b))


def multiply(a: Value, b: Value) -> Value:
    if a.nan or b.nan:
        return NAN
    negative = a.negative != b.negative
    if a.infinite or b.infinite:
        return NAN if a.size == 0 or b.size == 0 else Value(negative, None)
    return Value(negative, a.size * b.size)


def divide(a: Value, b: Value) -> Value:
    if a.nan or b.nan or (a.infinite and b.infinite) or (a.size == 0 and b.size == 0):
        return NAN
    negative = a.negative != b.negative
    if a.infinite or b.size == 0:
        return Value(negative, None)
    return Value(negative, Fraction(0) if b.infinite else a.size / b.size)


def remainder(a: Value, b: Value) -> Value:
    """Remainder of the truncated quotient; sign of the dividend."""
    if a.nan or b.nan or a.infinite or b.size == 0:
        return NAN
    return a if b.infinite else Value(a.negative, a.size % b.size)


def multiply_add(a: Value, b: Value, c: Value) -> Value:
    """a + b * c, exact until `encode` rounds it once."""
    return add(a, multiply(b, c))


def scale(a: Value, power: int) -> Value:
    return a if a.nan or a.infinite else Value(a.negative, a.size * Fraction(2) ** power)


def larger(a: Value, b: Value) -> Value:
    if a.nan or b.nan:
        return b if a.nan else a
    order = [_key(a), _key(b)]
    return a if order[0] > order[1] else b


def _key(a: Value) -> tuple[int, Fraction, bool]:
    """Orders values, negative zero below positive zero."""
    if a.infinite:
        return (-1 if a.negative else 1, Fraction(0), False)
    return (0, a.number, not a.negative)


def significand(a: Value) -> Value:
    if a.nan or a.infinite or a.size == 0:
        return a
    return scale(a, -_floor_log2(a.size))


def truncate(a: Value, least: int, most: int) -> int:
    """Integer towards zero, kept within [least, most]; NaN gives 0."""
    if a.nan:
        return 0
    if a.infinite:
        return least if a.negative else most
    return min(max(int(a.number), least), most)
