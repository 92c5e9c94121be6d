"""Exported functions as the host sees them: type text, argument types, packing of arguments.

    "fn(i16,f32)void" + (np.int16(3), np.float32(1)) -> [3, 0x3f800000]
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from wafersim.runtime.errors import SdkError

DTYPES: dict[str, np.dtype] = {
    "bool": np.dtype(np.bool_),
    "i8": np.dtype(np.int8),
    "u8": np.dtype(np.uint8),
    "i16": np.dtype(np.int16),
    "u16": np.dtype(np.uint16),
    "f16": np.dtype(np.float16),
    "i32": np.dtype(np.int32),
    "u32": np.dtype(np.uint32),
    "f32": np.dtype(np.float32),
}
"""CSL types that may cross the host link, with the numpy scalar the host passes."""


def parameter_types(function_type: str) -> list[str]:
    """Types between the parentheses of `fn(...)...`."""
    match = re.fullmatch(r"\s*fn\s*\((.*)\)\s*\w+\s*", function_type)
    if match is None:
        raise SdkError(f"'{function_type}' is no function type")
    inner = match.group(1).strip()
    return [part.split(":")[-1].strip() for part in inner.split(",") if part.strip()]


def pack_arguments(name: str, function_type: str, arguments: tuple[Any, ...]) -> list[int]:
    """One 32-bit word per argument; refuses what does not match the declared types."""
    types = parameter_types(function_type)
    if len(types) != len(arguments):
        raise SdkError(f"'{name}' has type {function_type}: expected {len(types)} arguments, got {len(arguments)}")
    return [_word(name, index, csl, value) for index, (csl, value) in enumerate(zip(types, arguments))]


def check_words(name: str, function_type: str, words: Any) -> list[int]:
    """Arguments of `call`: already one 32-bit word each."""
    values = [int(word) for word in np.asarray(words, dtype=object).reshape(-1)]
    types = parameter_types(function_type)
    if len(types) != len(values):
        raise SdkError(f"'{name}' has type {function_type}: expected {len(types)} arguments, got {len(values)}")
    for index, value in enumerate(values):
        if not 0 <= value < 1 << 32:
            raise SdkError(f"argument {index} of '{name}' is {value}, which does not fit into u32")
    return values


def _word(name: str, index: int, csl: str, value: Any) -> int:
    dtype = DTYPES.get(csl)
    if dtype is None:
        raise SdkError(f"parameter {index} of '{name}' has type {csl}, which the host cannot pass")
    scalar = _typed(dtype, value)
    if scalar is None:
        raise SdkError(
            f"argument {index} of '{name}' must be np.{dtype.name} ({csl}), "
            f"got {value!r} of type {type(value).__name__}"
        )
    width = np.dtype(f"u{dtype.itemsize}")
    return int(np.frombuffer(scalar.tobytes(), dtype=width)[0])


def _typed(dtype: np.dtype, value: Any) -> np.generic | None:
    """`value` as a scalar of `dtype`, None where it is of another type or out of range."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, np.generic):
        return value if value.dtype == dtype else None
    if isinstance(value, bool):
        return dtype.type(value) if dtype.kind == "b" else None
    if isinstance(value, int) and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return dtype.type(value) if limits.min <= value <= limits.max else None
    if isinstance(value, (int, float)) and dtype.kind == "f":
        return dtype.type(value)
    return None
