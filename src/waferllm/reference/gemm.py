"""GEMM in NumPy: A and B go in, C = A B (or A B^T) comes out in f64."""

from __future__ import annotations

import numpy as np


def gemm(a: np.ndarray, b: np.ndarray, transposed: bool = False) -> np.ndarray:
    """A [M, K], B [K, N] (transposed: [N, K]) -> C [M, N] f64."""
    a64 = a.astype(np.float64)  # [M, K]
    b64 = b.astype(np.float64)  # [K, N] or [N, K]
    return a64 @ (b64.T if transposed else b64)


def gemm_magnitudes(a: np.ndarray, b: np.ndarray, transposed: bool = False) -> np.ndarray:
    """|A| |B|: [M, N] f64."""
    return gemm(np.abs(a), np.abs(b), transposed)
