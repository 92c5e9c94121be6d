# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""<math> on the simulator against NumPy in double precision, with a bound in units of the last place (ulp)."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest
from support.exact import F16, F32
from support.run_csl import OnePe
from support.samples import random_patterns, specials

COUNT = 600
FORMATS = {"f16": F16, "f32": F32}
DTYPES = {"f16": (np.uint16, np.float16), "f32": (np.uint32, np.float32)}
TRIGONOMETRIC_LIMIT = 16384 * np.pi
"""Above it the library reference promises nothing for sin and cos."""


@dataclass(frozen=True)
class Function:
    reference: object
    """NumPy function of one or two float64 arrays."""
    bound: int
    """Largest distance from the rounded reference, in ulp."""
    low: float = -np.inf
    high: float = np.inf
    """Arguments are drawn from here, besides special values."""
    sources: int = 1


FUNCTIONS = {
    "sqrt": Function(np.sqrt, 1, 0, np.inf),
    "invsqrt": Function(lambda x: 1 / np.sqrt(x), 1, 0, np.inf),
    "inv": Function(lambda x: 1 / x, 1),
    "exp": Function(np.exp, 1, -104, 89),
    "log": Function(np.log, 1, 0, np.inf),
    "sin": Function(np.sin, 1, -TRIGONOMETRIC_LIMIT, TRIGONOMETRIC_LIMIT),
    "cos": Function(np.cos, 1, -TRIGONOMETRIC_LIMIT, TRIGONOMETRIC_LIMIT),
    "tanh": Function(np.tanh, 2, -12, 12),
    "pow": Function(np.power, 2, 0, 40, sources=2),
    "floor": Function(np.floor, 0),
    "ceil": Function(np.ceil, 0),
    "abs": Function(np.abs, 0),
    "sign": Function(np.sign, 0),
    "max": Function(np.maximum, 0, sources=2),
    "min": Function(np.minimum, 0, sources=2),
}
PREDICATES = {
    "isNaN": np.isnan,
    "isInf": np.isinf,
    "isFinite": np.isfinite,
    "signbit": np.signbit,
}
NO_SPECIALS = {"pow", "max", "min", "sign"}
"""Functions whose results for NaN and zeros are the library's own choice; checked elsewhere."""


def arguments(function: Function, ty: str, seed: int, with_specials: bool) -> np.ndarray:
    """COUNT patterns within the function's range: random bit patterns, and values spread evenly."""
    fmt, (unsigned, dtype) = FORMATS[ty], DTYPES[ty]
    rng = random.Random(seed)
    low, high = max(function.low, -1000.0), min(function.high, 1000.0)
    even = np.array([rng.uniform(low, high) for _ in range(COUNT // 2)]).astype(dtype).view(unsigned)
    pool = np.array(random_patterns(fmt, 8 * COUNT, seed), dtype=unsigned)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        values = pool.view(dtype).astype(np.float64)
    wild = pool[(values >= function.low) & (values <= function.high)]
    special = np.array(specials(fmt) if with_specials else [], dtype=unsigned)
    with np.errstate(invalid="ignore"):
        inside = special.view(dtype).astype(np.float64)
    special = special[~(np.abs(inside) > function.high) | ~np.isfinite(inside)]
    return np.concatenate([special, even, wild])[:COUNT].astype(np.uint32)


def as_numbers(patterns: np.ndarray, ty: str) -> np.ndarray:
    unsigned, dtype = DTYPES[ty]
    return patterns.astype(unsigned).view(dtype)


def distance(results: np.ndarray, expected: np.ndarray, ty: str) -> np.ndarray:
    """Steps between two patterns on the number line; NaN against NaN is 0, NaN against a number huge."""
    fmt = FORMATS[ty]

    def position(patterns: np.ndarray) -> np.ndarray:
        patterns = patterns.astype(np.int64)
        return np.where(patterns & fmt.sign_bit, -(patterns & (fmt.sign_bit - 1)), patterns)

    steps = np.abs(position(results) - position(expected))
    nan = [np.isnan(as_numbers(patterns, ty)) for patterns in (results, expected)]
    return np.where(nan[0] | nan[1], np.where(nan[0] & nan[1], 0, 1 << 40), steps)


def program(ty: str) -> tuple[str, list[str]]:
    """Source that applies each function to arrays of type `ty`, generic and by its typed name; exported functions."""
    word = "u16" if ty == "f16" else "u32"
    parts = [
        'const math = @import_module("<math>");',
        f"var a = @zeros([{COUNT}]{ty});",
        f"var b = @zeros([{COUNT}]{ty});",
        f"var d = @zeros([{COUNT}]{ty});",
        f"var w = @zeros([{COUNT}]{word});",
    ]
    names = []
    for name, function in {**FUNCTIONS, **dict.fromkeys(PREDICATES)}.items():
        for suffix in ("", f"_{ty}"):
            call = f"math.{name}{suffix}(a[i]{', b[i]' if function and function.sources == 2 else ''})"
            target = f"d[i] = {call};" if function else f"w[i] = if ({call}) @as({word}, 1) else @as({word}, 0);"
            names.append(f"run_{name}{suffix}")
            parts.append(
                f"fn {names[-1]}() void {{\n  for (@range(i16, {COUNT})) |i| {{ {target} }}\n"
                "  sys_mod.unblock_cmd_stream();\n}"
            )
    return "\n".join(parts), names


@pytest.fixture(scope="module", params=["f16", "f32"])
def pe(request, tmp_path_factory):
    ty = request.param
    source, names = program(ty)
    arrays = {"a": ty, "b": ty, "d": ty, "w": "u16" if ty == "f16" else "u32"}
    with OnePe(tmp_path_factory.mktemp(ty), "wse3", source, arrays, names) as one:
        one.ty = ty
        yield one


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(pe, name):
    function = FUNCTIONS[name]
    columns = [
        arguments(function, pe.ty, seed, name not in NO_SPECIALS) for seed in range(1, 1 + function.sources)
    ]
    for array, column in zip("ab", columns, strict=False):
        pe.write(array, column)
    with np.errstate(all="ignore"):
        exact = function.reference(*(as_numbers(column, pe.ty).astype(np.float64) for column in columns))
        unsigned, dtype = DTYPES[pe.ty]
        expected = exact.astype(dtype).view(unsigned).astype(np.uint32)
    for suffix in ("", f"_{pe.ty}"):
        pe.call(f"run_{name}{suffix}")
        results = pe.read("d", COUNT)
        steps = distance(results, expected, pe.ty)
        worst = int(np.argmax(steps))
        assert steps[worst] <= function.bound, (
            [as_numbers(column, pe.ty)[worst] for column in columns],
            as_numbers(results, pe.ty)[worst],
            as_numbers(expected, pe.ty)[worst],
        )


@pytest.mark.parametrize("name", PREDICATES)
def test_predicate(pe, name):
    patterns = arguments(Function(None, 0), pe.ty, 3, with_specials=True)
    pe.write("a", patterns)
    for suffix in ("", f"_{pe.ty}"):
        pe.call(f"run_{name}{suffix}")
        assert pe.read("w", COUNT).astype(bool).tolist() == PREDICATES[name](as_numbers(patterns, pe.ty)).tolist()


def test_powers_of_zero_one_and_infinity(pe):
    """Cases that IEEE 754 fixes, in all combinations."""
    values = np.array([0.0, -0.0, 0.5, 1.0, 2.0, np.inf, np.nan])
    exponents = np.array([0.0, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan])
    unsigned, dtype = DTYPES[pe.ty]
    pairs = np.array([(x, y) for x in values for y in exponents]).astype(dtype)
    for array, column in zip("ab", pairs.T, strict=True):
        pe.write(array, np.ascontiguousarray(column).view(unsigned))
    pe.call("run_pow")
    with np.errstate(all="ignore"):
        expected = np.power(*pairs.T.astype(np.float64)).astype(dtype)
    np.testing.assert_array_equal(as_numbers(pe.read("d", len(pairs)), pe.ty), expected)
