"""What one element of each DSD operation means, from patterns to a pattern.

Written from the meaning column of `engine/vecops.def`, on exact fractions and integers, not from the engine.
"""

from __future__ import annotations

from support import exact
from support.exact import F16, F32

from wafersim.ir.ops import VECOPS

FORMATS = {"f16": F16, "f32": F32}
MASK16 = 0xFFFF
MASK32 = 0xFFFFFFFF


def signed(pattern: int, bits: int = 16) -> int:
    pattern &= (1 << bits) - 1
    return pattern - (1 << bits) if pattern >> (bits - 1) else pattern


INTEGER_REFERENCE = {
    "mov16": lambda a: a & MASK16,
    "mov32": lambda a: a,
    "fmovh": lambda a: a & MASK16,
    "fmovs": lambda a: a,
    "add16": lambda a, b: (a + b) & MASK16,
    "sub16": lambda a, b: (a - b) & MASK16,
    "mul16": lambda a, b: (a * b) & MASK16,
    "add32": lambda a, b: (a + b) & MASK32,
    "sub32": lambda a, b: (a - b) & MASK32,
    "and16": lambda a, b: a & b,
    "or16": lambda a, b: a | b,
    "xor16": lambda a, b: a ^ b,
    "sll16": lambda a, b: (a << b) & MASK16 if b < 16 else 0,
    "slr16": lambda a, b: a >> b,
    "sar16": lambda a, b: (signed(a) >> b) & MASK16,
    "popcnt": lambda a: bin(a).count("1"),
    "clz": lambda a: 16 - a.bit_length(),
    "ctz": lambda a: 16 if a == 0 else (a & -a).bit_length() - 1,
    "fnegh": lambda a: a ^ 0x8000,
    "fnegs": lambda a: a ^ 0x80000000,
    "fabsh": lambda a: a & 0x7FFF,
    "fabss": lambda a: a & 0x7FFFFFFF,
}

# Operations on floats: exact values in, exact value out.
FLOAT_REFERENCE = {
    "faddh": exact.add,
    "fsubh": exact.subtract,
    "fmulh": exact.multiply,
    "fmach": exact.multiply_add,
    "fmaxh": exact.larger,
    "fnormh": exact.significand,
    "fadds": exact.add,
    "fsubs": exact.subtract,
    "fmuls": exact.multiply,
    "fmacs": exact.multiply_add,
    "fmaxs": exact.larger,
    "fnorms": exact.significand,
    "faddhs": exact.add,
    "fmachs": exact.multiply_add,
    "fh2s": lambda a: a,
    "fs2h": lambda a: a,
}


def _scale(fmt: exact.Format):
    return lambda a, power: exact.encode(fmt, exact.scale(exact.decode(fmt, a), signed(power)))


def _to_integer(fmt: exact.Format):
    return lambda a: exact.truncate(exact.decode(fmt, a), -(2**15), 2**15 - 1) & MASK16


def _from_integer(fmt: exact.Format):
    return lambda a: exact.encode(fmt, exact.of_number(signed(a)))


MIXED_REFERENCE = {
    "fscaleh": _scale(F16),
    "fscales": _scale(F32),
    "fh2xp16": _to_integer(F16),
    "fs2xp16": _to_integer(F32),
    "xp162fh": _from_integer(F16),
    "xp162fs": _from_integer(F32),
}


def reference(name: str, *patterns: int) -> int:
    """The element that operation `name` gives for these elements of its sources."""
    if name in FLOAT_REFERENCE:
        info = VECOPS[name]
        values = [exact.decode(FORMATS[ty], pattern) for ty, pattern in zip(info.sources, patterns, strict=True)]
        return exact.encode(FORMATS[info.dst], FLOAT_REFERENCE[name](*values))
    return (INTEGER_REFERENCE.get(name) or MIXED_REFERENCE[name])(*patterns)
