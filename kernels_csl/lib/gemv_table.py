"""What goes in and out of the GEMV kernels. Python 3.8 syntax; NumPy and the SDK's names only."""

import numpy as np
from host import Array

STAMPS = ["reference", "start", "product", "reduced", "end"]


def table(params):
    """GEMV: y = A x."""
    elem = np.float16 if params["bits"] == 16 else np.float32
    rows, columns = params["Mt"], params["Kt"]
    inputs = [Array("A", elem, rows * columns), Array("x", elem, columns)]
    return inputs, [Array("y", np.float32, rows)], STAMPS
