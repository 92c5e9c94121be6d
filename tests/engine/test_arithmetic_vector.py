"""Each DSD operation of vecops.def, element by element, against exact fractions and integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from support import exact
from support.exact import F16, F32, Format
from support.samples import INTEGERS, all_f16, near_cancelling, random_patterns, specials
from support.vecops import FLOAT_REFERENCE, FORMATS, INTEGER_REFERENCE, MASK16, MIXED_REFERENCE, reference

from wafersim import _engine
from wafersim.ir.ops import VECOPS


def run(name: str, *columns: list[int]) -> list[int]:
    """Results of operation `name` on columns of patterns, one column a source."""
    arrays = [np.array(column, dtype=np.uint32) for column in columns]
    arrays += [np.zeros_like(arrays[0])] * (3 - len(arrays))
    return _engine.vec_op(name, *arrays).tolist()


def test_every_row_has_a_reference():
    assert set(VECOPS) == set(INTEGER_REFERENCE) | set(FLOAT_REFERENCE) | set(MIXED_REFERENCE)


def integer_samples(name: str) -> list[tuple[int, ...]]:
    info = VECOPS[name]
    wide = info.sources[0].endswith("32")
    values = [*INTEGERS, *(random_patterns(F32, 60, seed=1) if wide else random_patterns(F16, 60, seed=2))]
    return list(itertools.product(values, repeat=len(info.sources)))


@pytest.mark.parametrize("name", INTEGER_REFERENCE)
def test_integer_operations(name):
    samples = integer_samples(name)
    expected = [INTEGER_REFERENCE[name](*sample) for sample in samples]
    assert run(name, *map(list, zip(*samples, strict=True))) == expected


def float_samples(sources: tuple[Format, ...]) -> list[tuple[int, ...]]:
    """All combinations of special values (every second one for three sources), and random ones."""
    step = 2 if len(sources) == 3 else 1
    samples = list(itertools.product(*(specials(fmt)[::step] for fmt in sources)))
    samples += zip(*(random_patterns(fmt, 3000, seed) for seed, fmt in enumerate(sources)), strict=True)
    return samples


@pytest.mark.parametrize("name", FLOAT_REFERENCE)
def test_float_operations(name):
    info = VECOPS[name]
    sources = tuple(FORMATS[source] for source in info.sources)
    samples = float_samples(sources)
    if len(set(sources)) == 1 and len(sources) > 1:
        samples += [triple[: len(sources)] for triple in near_cancelling(sources[0], 3000, seed=5)]
    check_floats(name, samples)


def check_floats(name: str, samples: list[tuple[int, ...]]) -> None:
    results = run(name, *map(list, zip(*samples, strict=True)))
    for sample, result in zip(samples, results, strict=True):
        expected = reference(name, *sample)
        assert result == expected, (name, [hex(pattern) for pattern in sample], hex(result), hex(expected))


@pytest.mark.parametrize("name", ["fnegh", "fabsh", "fmovh", "fnormh", "fh2s"])
def test_one_source_f16_exhaustive(name):
    patterns = all_f16()
    if name in FLOAT_REFERENCE:
        check_floats(name, [(pattern,) for pattern in patterns])
    else:
        assert run(name, patterns) == [INTEGER_REFERENCE[name](pattern) for pattern in patterns]


def test_fmach_is_fused():
    # (1 + 2^-10)^2 - (1 + 2^-9) = 2^-20, which a product rounded to f16 first has lost.
    one_plus = 0x3C01
    fused = run("fmach", [0xBC02], [one_plus], [one_plus])[0]
    product = run("fmulh", [one_plus], [one_plus])
    separate = run("faddh", [0xBC02], product)[0]
    assert fused == exact.encode(F16, exact.of_number(exact.Fraction(1, 2**20)))
    assert separate == 0


def test_fmacs_is_fused():
    one_plus = 0x3F800001
    fused = run("fmacs", [0xBF800002], [one_plus], [one_plus])[0]
    product = run("fmuls", [one_plus], [one_plus])
    assert fused == exact.encode(F32, exact.of_number(exact.Fraction(1, 2**46)))
    assert run("fadds", [0xBF800002], product)[0] == 0


@pytest.mark.parametrize("name", ["faddh", "fmulh", "fadds", "fmuls"])
def test_against_numpy_at_random(name):
    fmt = FORMATS[VECOPS[name].dst]
    unsigned, dtype = (np.uint16, np.float16) if fmt is F16 else (np.uint32, np.float32)
    rng = np.random.default_rng(11)
    a, b = (rng.integers(0, 2 * fmt.sign_bit, 200_000).astype(unsigned) for _ in range(2))
    operation = np.add if "add" in name else np.multiply
    with np.errstate(all="ignore"):
        expected = operation(a.view(dtype), b.view(dtype))
    wanted = np.where(np.isnan(expected), fmt.nan, expected.view(unsigned))
    zeros = np.zeros(len(a), dtype=np.uint32)
    np.testing.assert_array_equal(_engine.vec_op(name, a.astype(np.uint32), b.astype(np.uint32), zeros), wanted)


def rows(name: str, *columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Results of both loops over rows: the host's, the portable one."""
    a, b, c = *columns, *[np.zeros_like(columns[0])] * (3 - len(columns))
    return _engine.vec_row(name, a, b, c, False), _engine.vec_row(name, a, b, c, True)


def patterns_of(fmt: Format, count: int, seed: int) -> np.ndarray:
    """Patterns of all kinds: any, of subnormals and zeros, of exponents near one."""
    values = np.array(random_patterns(fmt, count, seed))
    exponents = (fmt.sign_bit - 1) & -(1 << fmt.fraction_bits)
    near_one = (fmt.bias + np.random.default_rng(seed).integers(-6, 7, count)) << fmt.fraction_bits
    values[1::3] &= ~exponents
    values[2::3] = (values[2::3] & ~exponents) | near_one[2::3]
    return np.random.default_rng(seed).permutation(values).astype(np.uint32)


@pytest.mark.parametrize("name", VECOPS)
def test_loops_over_rows_give_what_elements_give(name):
    info = VECOPS[name]
    formats = [FORMATS.get(source, F32 if source.endswith("32") else F16) for source in info.sources]
    columns = [patterns_of(fmt, 50_001, seed) for seed, fmt in enumerate(formats)]
    expected = _engine.vec_op(name, *columns, *[np.zeros_like(columns[0])] * (3 - len(columns)))
    for result in rows(name, *columns):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("name", ["faddh", "fsubh", "fmulh"])
@pytest.mark.parametrize(
    "other", [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3BFF, 0x3C01, 0x7BFF, 0x7C00, 0xFC00, 0x7C01, 0x7E00]
)
def test_rows_of_all_f16(name, other):
    patterns = np.array(all_f16(), dtype=np.uint32)
    host, portable = rows(name, patterns, np.full_like(patterns, other))
    np.testing.assert_array_equal(host, portable)


def test_rows_of_conversions_round_at_every_border():
    """Both sides of each f16, and of the middle between it and the next one."""
    halves = np.array(all_f16(), dtype=np.uint32)
    singles, portable = rows("fh2s", halves)
    np.testing.assert_array_equal(singles, portable)
    finite = singles[(halves & 0x7C00) != 0x7C00]
    near = np.concatenate([finite + step for step in (0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF)])
    host, portable = rows("fs2h", near)
    np.testing.assert_array_equal(host, portable)


def test_rows_of_fused_sums_round_once():
    """The product decides on which side of the middle between two f16 a sum lies, however small it is."""
    sums = np.repeat(np.array([0x3C00, 0x3C01, 0xBC00, 0xBC01, 0x0400, 0x0401, 0x7BFF], dtype=np.uint32), 65536)
    factors = np.tile(np.array(all_f16(), dtype=np.uint32), 7)
    for other in (0x0001, 0x1001, 0x9001, 0x2C01, 0xAFFF, 0x0C00):
        host, portable = rows("fmach", sums, factors, np.full_like(factors, other))
        np.testing.assert_array_equal(host, portable)


@pytest.mark.parametrize("count", range(18))
def test_rows_end_anywhere(count):
    a, b = (np.array(random_patterns(F16, count, seed), dtype=np.uint32) for seed in (1, 2))
    expected = _engine.vec_op("faddh", a, b, np.zeros_like(a))
    for result in rows("faddh", a, b):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("name", "fmt"), [("fscaleh", F16), ("fscales", F32)])
def test_scale(name, fmt):
    powers = [0, 1, -1, 5, -10, -11, -24, -25, 30, 40, -40, 130, -130, -149, 200, -200, 280, -280, 32767, -32768]
    samples = list(itertools.product([*specials(fmt), *random_patterns(fmt, 200, seed=3)], powers))
    results = run(name, [a for a, _ in samples], [power & MASK16 for _, power in samples])
    for (a, power), result in zip(samples, results, strict=True):
        assert result == reference(name, a, power), (hex(a), power)


@pytest.mark.parametrize(("name", "fmt"), [("fh2xp16", F16), ("fs2xp16", F32)])
def test_float_to_integer_truncates_and_saturates(name, fmt):
    near = [exact.encode(fmt, exact.of_number(exact.Fraction(n, 4))) for n in range(-40, 41)]
    patterns = [*specials(fmt), *near, *random_patterns(fmt, 3000, seed=4), *(all_f16() if fmt is F16 else [])]
    assert run(name, patterns) == [reference(name, pattern) for pattern in patterns]


@pytest.mark.parametrize("name", ["xp162fh", "xp162fs"])
def test_integer_to_float_exhaustive(name):
    patterns = all_f16()
    assert run(name, patterns) == [reference(name, pattern) for pattern in patterns]


def test_fs2h_rounds_ties_to_even_and_keeps_subnormals():
    halfway = [0x3F801000, 0x3F803000, 0x33000000, 0x33000001, 0x33C00000, 0x387FE000, 0x477FF000, 0x477FEFFF]
    expected = [0x3C00, 0x3C02, 0x0000, 0x0001, 0x0002, 0x0400, 0x7C00, 0x7BFF]
    assert run("fs2h", halfway) == expected


def test_unknown_operation_and_lengths_are_refused():
    one = np.zeros(1, dtype=np.uint32)
    with pytest.raises(ValueError, match="no operation named nope"):
        _engine.vec_op("nope", one, one, one)
    with pytest.raises(ValueError, match="differ in length"):
        _engine.vec_op("add16", one, np.zeros(2, dtype=np.uint32), one)
