"""Scalar arithmetic, comparison and conversion on registers, for every type, against exact references."""

from __future__ import annotations

import itertools
import operator
import random

import numpy as np
import pytest
from support import exact
from support.exact import F16, F32
from support.samples import INTEGERS, near_cancelling, random_patterns, specials

from wafersim import _engine
from wafersim.ir.ops import Ty

BITS = {Ty.I8: 8, Ty.U8: 8, Ty.I16: 16, Ty.U16: 16, Ty.I32: 32, Ty.U32: 32, Ty.I64: 64, Ty.U64: 64}
SIGNED = {Ty.I8, Ty.I16, Ty.I32, Ty.I64}
FORMATS = {Ty.F16: F16, Ty.F32: F32}
ALL_BITS = (1 << 64) - 1
ARITHMETIC = ["add", "sub", "mul", "div", "rem", "and", "or", "xor", "shl", "shr"]
COMPARISONS = {"eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le}
FLOAT_ARITHMETIC = {
    "add": exact.add,
    "sub": exact.subtract,
    "mul": exact.multiply,
    "div": exact.divide,
    "rem": exact.remainder,
}


def register(ty: Ty, value: int) -> int:
    """The register that holds `value` cut to the type."""
    return wrap(ty, value) & ALL_BITS


def wrap(ty: Ty, value: int) -> int:
    bits = BITS[ty]
    value &= (1 << bits) - 1
    return value - (1 << bits) if ty in SIGNED and value >> (bits - 1) else value


def run(name: str, ty: Ty, a: list[int], b: list[int] | None = None) -> list[int]:
    left = np.array(a, dtype=np.uint64)
    right = np.array(b, dtype=np.uint64) if b is not None else np.zeros_like(left)
    return _engine.scalar_op(name, int(ty), left, right).tolist()


def convert(to: Ty, source: Ty, values: list[int]) -> list[int]:
    return _engine.convert(int(to), int(source), np.array(values, dtype=np.uint64)).tolist()


def integers(ty: Ty) -> list[int]:
    """Borders of the type and random values."""
    bits = BITS[ty]
    rng = random.Random(int(ty))
    borders = [0, 1, 2, -1, -2, 1 << (bits - 1), (1 << (bits - 1)) - 1, (1 << bits) - 1, 1 - (1 << (bits - 1))]
    return [wrap(ty, value) for value in [*borders, *INTEGERS, *(rng.randrange(1 << bits) for _ in range(20))]]


def truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return -quotient if (a < 0) != (b < 0) else quotient


def integer_result(name: str, ty: Ty, a: int, b: int) -> int:
    operations = {
        "add": lambda: a + b,
        "sub": lambda: a - b,
        "mul": lambda: a * b,
        "div": lambda: truncated(a, b),
        "rem": lambda: a - b * truncated(a, b),
        "and": lambda: a & b,
        "or": lambda: a | b,
        "xor": lambda: a ^ b,
        "shl": lambda: a << b if 0 <= b < BITS[ty] else 0,
        "shr": lambda: a >> min(b, BITS[ty]) if b >= 0 else (-1 if a < 0 else 0),
    }
    return wrap(ty, operations[name]())


@pytest.mark.parametrize("ty", BITS)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_integer_arithmetic(name, ty):
    pairs = [(a, b) for a, b in itertools.product(integers(ty), repeat=2) if b or name not in ("div", "rem")]
    results = run(name, ty, [register(ty, a) for a, _ in pairs], [register(ty, b) for _, b in pairs])
    for (a, b), result in zip(pairs, results, strict=True):
        assert result == register(ty, integer_result(name, ty, a, b)), (a, b)


@pytest.mark.parametrize("ty", BITS)
def test_integer_negation_and_complement(ty):
    values = integers(ty)
    registers = [register(ty, value) for value in values]
    assert run("neg", ty, registers) == [register(ty, -value) for value in values]
    assert run("not", ty, registers) == [register(ty, ~value) for value in values]
    assert run("mov", ty, registers) == registers


@pytest.mark.parametrize("ty", BITS)
@pytest.mark.parametrize("name", ["div", "rem"])
def test_integer_division_by_zero_is_refused(name, ty):
    with pytest.raises(ValueError, match="division by zero"):
        run(name, ty, [1], [0])


def test_bool_logic():
    a, b = [0, 0, 1, 1], [0, 1, 0, 1]
    assert run("and", Ty.BOOL, a, b) == [0, 0, 0, 1]
    assert run("or", Ty.BOOL, a, b) == [0, 1, 1, 1]
    assert run("xor", Ty.BOOL, a, b) == [0, 1, 1, 0]
    assert run("not", Ty.BOOL, a) == [1, 1, 0, 0]


@pytest.mark.parametrize("ty", FORMATS)
@pytest.mark.parametrize("name", FLOAT_ARITHMETIC)
def test_float_arithmetic(name, ty):
    fmt = FORMATS[ty]
    pairs = list(itertools.product(specials(fmt), repeat=2))
    pairs += zip(random_patterns(fmt, 4000, 1), random_patterns(fmt, 4000, 2), strict=True)
    pairs += [(a, b) for a, b, _ in near_cancelling(fmt, 2000, 3)]
    results = run(name, ty, [a for a, _ in pairs], [b for _, b in pairs])
    for (a, b), result in zip(pairs, results, strict=True):
        expected = exact.encode(fmt, FLOAT_ARITHMETIC[name](exact.decode(fmt, a), exact.decode(fmt, b)))
        assert result == expected, (hex(a), hex(b), hex(result), hex(expected))


@pytest.mark.parametrize("ty", FORMATS)
def test_float_negation_changes_the_sign_only(ty):
    patterns = specials(FORMATS[ty])
    assert run("neg", ty, patterns) == [pattern ^ FORMATS[ty].sign_bit for pattern in patterns]


@pytest.mark.parametrize("ty", BITS)
@pytest.mark.parametrize("name", COMPARISONS)
def test_integer_comparison(name, ty):
    pairs = list(itertools.product(integers(ty), repeat=2))
    results = run(name, ty, [register(ty, a) for a, _ in pairs], [register(ty, b) for _, b in pairs])
    assert results == [int(COMPARISONS[name](a, b)) for a, b in pairs]


def float_compare(name: str, a: exact.Value, b: exact.Value) -> bool:
    if a.nan or b.nan:
        return name == "ne"
    sizes = [float("inf") * (-1 if v.negative else 1) if v.infinite else v.number for v in (a, b)]
    return COMPARISONS[name](*sizes)


@pytest.mark.parametrize("ty", FORMATS)
@pytest.mark.parametrize("name", COMPARISONS)
def test_float_comparison(name, ty):
    fmt = FORMATS[ty]
    pairs = list(itertools.product([*specials(fmt), *random_patterns(fmt, 40, 9)], repeat=2))
    results = run(name, ty, [a for a, _ in pairs], [b for _, b in pairs])
    for (a, b), result in zip(pairs, results, strict=True):
        assert bool(result) == float_compare(name, exact.decode(fmt, a), exact.decode(fmt, b)), (hex(a), hex(b))


@pytest.mark.parametrize("to", BITS)
@pytest.mark.parametrize("source", BITS)
def test_integer_to_integer(to, source):
    values = integers(source)
    assert convert(to, source, [register(source, value) for value in values]) == [register(to, v) for v in values]


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source", BITS)
def test_integer_to_float_is_rounded_once(to, source):
    values = integers(source)
    expected = [exact.encode(FORMATS[to], exact.of_number(value)) for value in values]
    assert convert(to, source, [register(source, value) for value in values]) == expected


@pytest.mark.parametrize("to", BITS)
@pytest.mark.parametrize("source", FORMATS)
def test_float_to_integer_truncates_and_saturates(to, source):
    fmt = FORMATS[source]
    bits = BITS[to]
    least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if to in SIGNED else (0, (1 << bits) - 1)
    borders = [least - 1, least, least + 1, most - 1, most, most + 1, -1, 0]
    patterns = [exact.encode(fmt, exact.of_number(value)) for value in borders]
    patterns += [*specials(fmt), *random_patterns(fmt, 2000, seed=6)]
    expected = [register(to, exact.truncate(exact.decode(fmt, pattern), least, most)) for pattern in patterns]
    assert convert(to, source, patterns) == expected


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_float_to_float(to, source):
    patterns = [*specials(FORMATS[source]), *random_patterns(FORMATS[source], 4000, seed=7)]
    expected = [exact.encode(FORMATS[to], exact.decode(FORMATS[source], pattern)) for pattern in patterns]
    assert convert(to, source, patterns) == expected


def test_to_and_from_bool():
    assert convert(Ty.BOOL, Ty.I16, [0, 1, 2, register(Ty.I16, -1)]) == [0, 1, 1, 1]
    # +0, -0, the smallest subnormal, NaN
    assert convert(Ty.BOOL, Ty.F16, [0, 0x8000, 1, 0x7E00]) == [0, 0, 1, 1]
    assert convert(Ty.F32, Ty.BOOL, [0, 1]) == [0, 0x3F800000]
    assert convert(Ty.I32, Ty.BOOL, [0, 1]) == [0, 1]
