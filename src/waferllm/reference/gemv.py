"""GEMV in NumPy: A and x go in, y = A x comes out in f64."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 24
"""Elements of A that are in f64 at once, whole rows."""


def gemv(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A [M, K], x [K] -> y [M] f64."""
    x64 = x.astype(np.float64)  # [K]
    return np.concatenate([rows.astype(np.float64) @ x64 for rows in _rows(a)])


def gemv_magnitudes(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """|A| |x|: [M] f64."""
    x64 = np.abs(x).astype(np.float64)  # [K]
    return np.concatenate([np.abs(rows).astype(np.float64) @ x64 for rows in _rows(a)])


def _rows(a: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of rows of A."""
    step = max(1, BLOCK // a.shape[1])
    return (a[first : first + step] for first in range(0, len(a), step))
