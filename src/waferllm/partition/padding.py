"""Padding: lengths that do not divide grow to the next multiple, with zeros, and shrink back.

In: an array and the padded lengths. Out: the array with zeros behind each axis, or the first part of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def padded_length(length: int, unit: int) -> int:
    """Least multiple of `unit` that holds `length`."""
    return -(-length // unit) * unit


def pad(array: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    if array.shape == tuple(lengths):
        return array
    full = np.zeros(tuple(lengths), array.dtype)
    full[tuple(slice(length) for length in array.shape)] = array
    return full


def unpad(array: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    return array[tuple(slice(length) for length in lengths)]
