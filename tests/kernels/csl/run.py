"""Copies in.npz in, launches functions, copies the same arrays out to out.npz: run.py OUT FUNCTION[:ARG]...

Arrays are [height, width, n], f16 or f32, named as the program exports them; an argument is i16. Nothing here waits
between launches: each has to leave the PEs ready for the next one.
"""

import sys

import numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import (  # pyright: ignore[reportMissingImports]
    MemcpyDataType,
    MemcpyOrder,
    SdkRuntime,
)


def place(values):
    """Of a copy: rectangle and elements of a PE."""
    height, width, n = values.shape
    return 0, 0, width, height, n


def kind(values):
    size = MemcpyDataType.MEMCPY_32BIT if values.dtype == np.float32 else MemcpyDataType.MEMCPY_16BIT
    return {"streaming": False, "order": MemcpyOrder.ROW_MAJOR, "nonblock": False, "data_type": size}


runner = SdkRuntime(sys.argv[1])
runner.load()
runner.run()
arrays = dict(np.load("in.npz"))
for name, values in arrays.items():
    words = values.ravel().view(np.uint32 if values.dtype == np.float32 else np.uint16).astype(np.uint32)
    runner.memcpy_h2d(runner.get_id(name), words, *place(values), **kind(values))
for call in sys.argv[2:]:
    function, *arguments = call.split(":")
    runner.launch(function, *map(np.int16, arguments), nonblock=True)
for name, values in arrays.items():
    words = np.zeros(values.size, np.uint32)
    runner.memcpy_d2h(words, runner.get_id(name), *place(values), **kind(values))
    bits = words if values.dtype == np.float32 else words.astype(np.uint16)
    arrays[name] = bits.view(values.dtype).reshape(values.shape)
runner.stop()
np.savez("out.npz", **arrays)
