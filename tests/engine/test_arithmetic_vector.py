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
