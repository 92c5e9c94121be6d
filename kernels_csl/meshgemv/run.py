"""Host program of MeshGEMV: y = A x.

Runs with any toolchain that has the SDK's module names (`cs_python run.py --name out`). Python 3.8 syntax.

In: the compiled folder; A and x from an .npz file with those names, or made from a seed.
Out: cycles and error against NumPy on the terminal, and an .npz file:
  y        [M] f32            sum of each row
  y_pes    [height, width, M / height] f32   what each PE holds
  stamps   [height, width, 5] i64   cycles since the reference wave left its origin: reference, start, local
                                    product done, reduction done, end
  cycles   i64                first start to last end
"""

import argparse
import json
import sys

import numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import MemcpyDataType, MemcpyOrder, SdkRuntime
from cerebras.sdk.sdk_utils import input_array_to_u32, memcpy_view


def main():
    args = parse_arguments()
    with open(args.name + "/out.json", encoding="utf-8") as file:
        params = {key: int(value) for key, value in json.load(file)["params"].items()}
    a, x = load_inputs(args, params)
    y_pes, words = run(args, params, a, x)
    stamps = align(words, params)
    cycles = int(stamps[..., 4].max() - stamps[..., 1].min())
    root = root_column(params["width"], params["group"])
    y = y_pes[:, root, :].reshape(-1)
    if args.out:
        np.savez(args.out, y=y, y_pes=y_pes, stamps=stamps, cycles=np.int64(cycles))
    report(params, stamps, cycles)
    return check(params, a, x, y, y_pes)


def parse_arguments():
    parser = argparse.ArgumentParser(description="y = A x on a mesh of PEs")
    parser.add_argument("--name", required=True, help="folder that cslc wrote")
    parser.add_argument("--cmaddr", help="IP:port of a system; the simulator without it")
    parser.add_argument("--inputs", help=".npz file with A [M, N] and x [N]; made from the seed without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help=".npz file for the results")
    return parser.parse_args()


def load_inputs(args, params):
    """A [M, N] and x [N] in the type the PEs hold."""
    dtype = np.float16 if params["bits"] == 16 else np.float32
    shape = (params["M"], params["N"])
    if args.inputs:
        with np.load(args.inputs) as data:
            a, x = data["A"].astype(dtype), data["x"].astype(dtype)
        if a.shape != shape or x.shape != shape[1:]:
            raise SystemExit("inputs: A {} and x {} do not fit M, N = {}".format(a.shape, x.shape, shape))
        return a, x
    rng = np.random.default_rng(args.seed)
    return rng.uniform(-1, 1, shape).astype(dtype), rng.uniform(-1, 1, shape[1]).astype(dtype)


def run(args, params, a, x):
    """Copy in, launch, copy out: y of each PE [height, width, rows] and its time stamp words [height, width, 15]."""
    width, height = params["width"], params["height"]
    rows, columns = params["M"] // height, params["N"] // width
    # tile (py, px) column by column: [height, rows, width, columns] -> [height, width, columns, rows]
    tiles = a.reshape(height, rows, width, columns).transpose(0, 2, 3, 1)
    x_tiles = np.broadcast_to(x.reshape(width, columns), (height, width, columns))
    runner = SdkRuntime(args.name, cmaddr=args.cmaddr)
    runner.load()
    runner.run()
    copy_in(runner, params, "A", tiles, rows * columns)
    copy_in(runner, params, "x", x_tiles, columns)
    runner.launch("main", nonblock=False)
    y = np.zeros(width * height * rows, np.float32)
    runner.memcpy_d2h(y, runner.get_id("y"), 0, 0, width, height, rows, streaming=False,
                      order=MemcpyOrder.ROW_MAJOR, data_type=MemcpyDataType.MEMCPY_32BIT, nonblock=False)
    times = np.zeros(width * height * 15, np.uint32)
    runner.memcpy_d2h(times, runner.get_id("times"), 0, 0, width, height, 15, streaming=False,
                      order=MemcpyOrder.ROW_MAJOR, data_type=MemcpyDataType.MEMCPY_16BIT, nonblock=False)
    runner.stop()
    words = memcpy_view(times, np.dtype(np.uint16))
    return y.reshape(height, width, rows), words.reshape(height, width, 5, 3).astype(np.int64)


def copy_in(runner, params, name, tiles, count):
    data = np.ascontiguousarray(tiles).reshape(-1)
    kind = MemcpyDataType.MEMCPY_32BIT
    if params["bits"] == 16:
        data = input_array_to_u32(data, None, data.size)
        kind = MemcpyDataType.MEMCPY_16BIT
    runner.memcpy_h2d(runner.get_id(name), data, 0, 0, params["width"], params["height"], count, streaming=False,
                      order=MemcpyOrder.ROW_MAJOR, data_type=kind, nonblock=False)


def root_column(width, group):
    """Column in which the sums end: `final_root` of ktree.csl."""
    groups = -(-width // group)
    first = ((groups - 1) // 2) * group
    return first + min(group, width - first) // 2


def align(words, params):
    """Time stamps of all PEs on one clock: cycles since the reference wave left the top of the root column."""
    stamps = words[..., 0] + (words[..., 1] << 16) + (words[..., 2] << 32)
    root = root_column(params["width"], params["group"])
    hops = np.arange(params["height"])[:, None] + np.abs(np.arange(params["width"]) - root)[None, :]
    return stamps - stamps[..., :1] + hops[..., None]


def report(params, stamps, cycles):
    start = stamps[..., 1].min()
    print("MeshGEMV {M} x {N}, f{bits}, {width} x {height} PEs, groups of {group}".format(**params))
    print("cycles: {}".format(cycles))
    print("  local product done: {}".format(stamps[..., 2].max() - start))
    print("  reduction done:     {}".format(stamps[..., 3].max() - start))


def check(params, a, x, y, y_pes):
    """Compare with NumPy in f64. Bound: N+1 roundings of f32, each relative to the sum of the magnitudes."""
    a64, x64 = a.astype(np.float64), x.astype(np.float64)
    error = np.abs(y - a64 @ x64)
    bound = (params["N"] + 1) * 2.0**-24 * (np.abs(a64) @ np.abs(x64))
    print("largest error against NumPy: {:.3e} (bound {:.3e})".format(error.max(), bound.max()))
    right = bool((error <= bound).all())
    if params["broadcast"]:
        everywhere = bool((y_pes == y.reshape(params["height"], 1, -1)).all())
        print("sum on every PE: {}".format("yes" if everywhere else "NO"))
        right = right and everywhere
    print("SUCCESS!" if right else "FAILED")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
