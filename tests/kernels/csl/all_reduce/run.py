"""Copies v in, runs `mixed`, copies v out: run.py OUT ROUNDS LAUNCHES; v.npy [height, width, n]."""

import json
import sys

import numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import (  # pyright: ignore[reportMissingImports]
    MemcpyDataType,
    MemcpyOrder,
    SdkRuntime,
)

name, rounds, launches = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(name + "/out.json", encoding="utf-8") as file:
    params = json.load(file)["params"]
width, height, n = (int(params[key]) for key in ("width", "height", "n"))
kind = {"streaming": False, "order": MemcpyOrder.ROW_MAJOR, "data_type": MemcpyDataType.MEMCPY_32BIT, "nonblock": False}
runner = SdkRuntime(name)
runner.load()
runner.run()
values = np.load("v.npy").reshape(-1)
runner.memcpy_h2d(runner.get_id("v"), values, 0, 0, width, height, n, **kind)
runner.launch("prepare", nonblock=False)
for _ in range(launches):
    runner.launch("mixed", np.int16(rounds), nonblock=True)
runner.memcpy_d2h(values, runner.get_id("v"), 0, 0, width, height, n, **kind)
runner.stop()
np.save("v.npy", values.reshape(height, width, n))
