"""GEMV in NumPy: A and x go in, y = A x comes out in f64."""

from __future__ import annotations

import numpy as np


def gemv(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A [M, K], x [K] -> y [M] f64."""
    a64 = a.astype(np.float64)  # [M, K]
    x64 = x.astype(np.float64)  # [K]
    return a64 @ x64


def gemv_magnitudes(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """|A| |x|: [M] f64."""
    return gemv(np.abs(a), np.abs(x))
