"""References in NumPy: the global inputs of an experiment go in, the exact output (f64) comes out.

One file for each operation; shapes stand beside the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from waferllm.reference.gemm import gemm, gemm_magnitudes
from waferllm.reference.gemv import gemv, gemv_magnitudes

__all__ = ["gemm", "gemm_magnitudes", "gemv", "gemv_magnitudes", "magnitudes", "output"]


def output(kernel: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a kernel should compute, in f64."""
    if "x" in inputs:
        return gemv(inputs["A"], inputs["x"])
    return gemm(inputs["A"], inputs["B"], transposed=kernel == "meshgemm_t")


def magnitudes(kernel: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The same with the absolute values of all inputs: what error bounds are relative to."""
    if "x" in inputs:
        return gemv_magnitudes(inputs["A"], inputs["x"])
    return gemm_magnitudes(inputs["A"], inputs["B"], transposed=kernel == "meshgemm_t")
