"""Tables of the GEMM kernels for lib/host.py: which arrays go in and out, of how many elements. Python 3.8 syntax."""

import math

import numpy as np
from host import Array

SIMD = 4
"""Slabs travel four elements at a time."""


def slabs(params, stamp):
    """C = A B with K in slabs; `stamp` is the name of the third time stamp."""
    steps = math.gcd(params["width"], params["height"])
    along_x, along_y = params["height"] // steps, params["width"] // steps
    rows, columns, inner = params["Mt"], params["Nt"], params["Ks"]
    inputs = [
        Array("A", np.float16, along_x * inner * rows, along_x, SIMD),
        Array("B", np.float16, along_y * inner * columns, along_y, SIMD),
    ]
    return inputs, [sums("C", params, columns * rows)] + waited(params), ["reference", "start", stamp, "end"]


def transposed(params):
    """C = A B^T with N in slabs."""
    steps = math.gcd(params["width"], params["height"])
    along_x, along_y = params["height"] // steps, params["width"] // steps
    rows, inner, columns = params["Mt"], params["Kt"], params["Ns"]
    inputs = [
        Array("A", np.float16, inner * rows, 1, SIMD),
        Array("B", np.float16, along_y * columns * inner, along_y, SIMD),
    ]
    outputs = [sums("C", params, along_x * columns * rows)] + waited(params)
    return inputs, outputs, ["reference", "start", "ready", "end"]


def sums(name, params, count, parts=1):
    return Array(name, np.float32 if params["acc"] == 32 else np.float16, count, parts)


def waited(params):
    """Cycles waited for communication, if the kernel measures them."""
    return [Array("waited", np.uint32, 1)] if params.get("waits") else []
