"""Bit patterns worth testing: special values of a format, random ones, and ones whose sums nearly cancel."""

from __future__ import annotations

import random

from support.exact import F16, Format

INTEGERS = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0x8001, 0xFFFF]


def specials(fmt: Format) -> list[int]:
    """Zeros, subnormals, borders of the normal range, one and its neighbours, infinities and NaNs, of both signs."""
    one = fmt.bias << fmt.fraction_bits
    smallest_normal = 1 << fmt.fraction_bits
    positive = [
        0, 1, 2, 3, smallest_normal - 1, smallest_normal, smallest_normal + 1, one - 1, one, one + 1, one + 3,
        one + (smallest_normal >> 1), one + smallest_normal, fmt.infinity - 1, fmt.infinity - smallest_normal,
        fmt.infinity, fmt.nan, fmt.infinity | 1,
    ]  # fmt: skip
    return positive + [pattern | fmt.sign_bit for pattern in positive]


def random_patterns(fmt: Format, count: int, seed: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(2 * fmt.sign_bit) for _ in range(count)]


def near_cancelling(fmt: Format, count: int, seed: int) -> list[tuple[int, int, int]]:
    """Triples (a, b, c) with a close to -b * c, or b * c close to half a step of a: hard for a fused a + b * c."""
    rng = random.Random(seed)
    width = fmt.exponent_bits
    triples = []
    for _ in range(count):
        b_exponent, c_exponent = (rng.randrange(1, (1 << width) - 1) for _ in range(2))
        gap = rng.choice([0, 1, fmt.fraction_bits, fmt.fraction_bits + 1, fmt.fraction_bits + 2, 30])
        a_exponent = min(max(b_exponent + c_exponent - fmt.bias + gap, 0), (1 << width) - 2)
        triple = [
            rng.choice([0, fmt.sign_bit]) | exponent << fmt.fraction_bits | _fraction(fmt, rng)
            for exponent in (a_exponent, b_exponent, c_exponent)
        ]
        triples.append((triple[0], triple[1], triple[2]))
    return triples


def _fraction(fmt: Format, rng: random.Random) -> int:
    full = (1 << fmt.fraction_bits) - 1
    return rng.choice([rng.randrange(full + 1), 0, full, 1 << rng.randrange(fmt.fraction_bits)])


def all_f16() -> list[int]:
    return list(range(2 * F16.sign_bit))
