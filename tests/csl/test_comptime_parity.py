"""Compile-time arithmetic gives what the machine computes, for every operator and type.

Where the language refuses at compile time (integer overflow, division by zero, a shift by too much) there is nothing to
compare: the case is left out, and counted so that the test cannot become empty.
"""

from __future__ import annotations

import itertools
import math
import random
import struct

import numpy as np
import pytest
from support import exact
from support.exact import F16, F32
from support.samples import near_cancelling, random_patterns, specials

from wafersim import _engine
from wafersim.csl import types as t
from wafersim.csl.comptime import arith
from wafersim.ir.ops import Ty

INTEGERS = [t.IntType(signed, bits) for bits in (8, 16, 32, 64) for signed in (True, False)]
FLOATS = {t.F16: F16, t.F32: F32}
OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "rem",
    "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "shr",
}  # fmt: skip
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le"}
ALL_BITS = (1 << 64) - 1


def engine_type(ty: t.Type) -> Ty:
    return Ty[str(ty).upper()]


def engine_binary(name: str, ty: t.Type, pairs: list[tuple[int, int]]) -> list[int]:
    columns = [np.array([pair[i] & ALL_BITS for pair in pairs], dtype=np.uint64) for i in range(2)]
    return _engine.scalar_op(name, int(engine_type(ty)), *columns).tolist()


def engine_convert(to: t.Type, source: t.Type, values: list[int]) -> list[int]:
    registers = np.array([value & ALL_BITS for value in values], dtype=np.uint64)
    return _engine.convert(int(engine_type(to)), int(engine_type(source)), registers).tolist()


def integers(ty: t.IntType) -> list[int]:
    rng = random.Random(ty.bits + ty.signed)
    borders = [ty.minimum, ty.minimum + 1, -2, -1, 0, 1, 2, 3, 7, 15, 16, 31, 63, ty.maximum // 2, ty.maximum]
    small = [rng.randrange(-100, 100) for _ in range(10)]
    values = [*borders, *small, *(rng.randrange(ty.minimum, ty.maximum + 1) for _ in range(20))]
    return [value for value in values if ty.minimum <= value <= ty.maximum]


def number(fmt: exact.Format, pattern: int) -> float:
    code = ("<H", "<e") if fmt is F16 else ("<I", "<f")
    return struct.unpack(code[1], struct.pack(code[0], pattern))[0]


def pattern_of(fmt: exact.Format, value: float) -> int:
    """The pattern of a float that is already rounded to the format; any NaN gives the canonical one."""
    if math.isnan(value):
        return fmt.nan
    code = ("<e", "<H") if fmt is F16 else ("<f", "<I")
    return struct.unpack(code[1], struct.pack(code[0], value))[0]


def float_pairs(fmt: exact.Format) -> list[tuple[int, int]]:
    pairs = list(itertools.product(specials(fmt), repeat=2))
    pairs += zip(random_patterns(fmt, 3000, 21), random_patterns(fmt, 3000, 22), strict=True)
    return pairs + [(a, b) for a, b, _ in near_cancelling(fmt, 2000, 23)]


@pytest.mark.parametrize("ty", INTEGERS, ids=str)
@pytest.mark.parametrize("operator", OPERATORS)
def test_integer_operators(operator, ty):
    pairs, results = [], []
    for left, right in itertools.product(integers(ty), repeat=2):
        try:
            results.append(arith.binary(operator, ty, left, right))
        except arith.Problem:
            continue
        pairs.append((left, right))
    assert len(pairs) > 100
    assert engine_binary(OPERATORS[operator], ty, pairs) == [result & ALL_BITS for result in results]


@pytest.mark.parametrize("ty", FLOATS, ids=str)
@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "%"])
def test_float_operators(operator, ty):
    fmt = FLOATS[ty]
    pairs = float_pairs(fmt)
    known = [pattern_of(fmt, arith.binary(operator, ty, number(fmt, a), number(fmt, b))) for a, b in pairs]
    assert engine_binary(OPERATORS[operator], ty, pairs) == known


@pytest.mark.parametrize("operator", COMPARISONS)
def test_comparisons(operator):
    for ty in INTEGERS:
        pairs = list(itertools.product(integers(ty), repeat=2))
        known = [int(arith.compare(operator, left, right)) for left, right in pairs]
        assert engine_binary(COMPARISONS[operator], ty, pairs) == known, ty
    for ty, fmt in FLOATS.items():
        pairs = list(itertools.product(specials(fmt), repeat=2))
        known = [int(arith.compare(operator, number(fmt, a), number(fmt, b))) for a, b in pairs]
        assert engine_binary(COMPARISONS[operator], ty, pairs) == known, ty


@pytest.mark.parametrize("ty", INTEGERS, ids=str)
def test_integer_negation_and_complement(ty):
    for value in integers(ty):
        zeros = np.zeros(1, dtype=np.uint64)
        register = np.array([value & ALL_BITS], dtype=np.uint64)
        inverted = _engine.scalar_op("not", int(engine_type(ty)), register, zeros)[0]
        assert int(inverted) == arith.invert(ty, value) & ALL_BITS
        if ty.minimum <= -value <= ty.maximum:
            negated = _engine.scalar_op("neg", int(engine_type(ty)), register, zeros)[0]
            assert int(negated) == arith.negate(ty, value) & ALL_BITS


@pytest.mark.parametrize("to", FLOATS, ids=str)
@pytest.mark.parametrize("source", INTEGERS, ids=str)
def test_integer_to_float(source, to):
    values = integers(source)
    known = [pattern_of(FLOATS[to], arith.int_to_float(to, value)) for value in values]
    assert engine_convert(to, source, values) == known


@pytest.mark.parametrize("to", INTEGERS, ids=str)
@pytest.mark.parametrize("source", FLOATS, ids=str)
def test_float_to_integer(source, to):
    fmt = FLOATS[source]
    patterns = [*specials(fmt), *random_patterns(fmt, 2000, 24)]
    known = [arith.float_to_int(to, number(fmt, pattern)) & ALL_BITS for pattern in patterns]
    assert engine_convert(to, source, patterns) == known


@pytest.mark.parametrize("source", FLOATS, ids=str)
def test_float_to_float(source):
    fmt = FLOATS[source]
    patterns = [*specials(fmt), *random_patterns(fmt, 3000, 25)]
    for to, target in FLOATS.items():
        known = [pattern_of(target, arith.round_to(to, number(fmt, pattern))) for pattern in patterns]
        assert engine_convert(to, source, patterns) == known
