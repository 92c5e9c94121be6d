"""Host side of all kernels: tiles in, launch, tiles and stamps out. Python 3.8 syntax; NumPy and the SDK's names only.

    cs_python run.py --name OUT --tiles tiles.npz --out outputs.npz [--cmaddr IP:PORT]

In: the compiled folder and tiles.npz with an array [height, width, n] for each input of the kernel's table (PE order
[py, px]; what the n elements mean stands beside the array in the PE program).
Out: outputs.npz with an array [height, width, n] for each output, and
  times        [height, width, s, 3] u16    raw time stamps of 48 bits, low word first
  stamp_names  [s] str                      "reference", "start", ..., "end"

On the PE an array of 16-bit elements lies in `parts` runs of equal length, each filled up to whole 32-bit words (or
to what `unit` says); in the files nothing is filled up. Nothing is validated here but shapes.
"""

import argparse
import json

import numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import MemcpyDataType, MemcpyOrder, SdkRuntime
from cerebras.sdk.sdk_utils import memcpy_view


class Array:
    """An exported symbol: its name, its element type, elements a PE and the runs they lie in.

    Each run is filled up to a multiple of `unit` elements; for elements of 16 bits that is 2 at least.
    """

    def __init__(self, name, dtype, count, parts=1, unit=1):
        self.name, self.dtype, self.count, self.parts = name, np.dtype(dtype), int(count), int(parts)
        self.unit = max(unit, 4 // self.dtype.itemsize)
        if self.count % self.parts:
            raise SystemExit("{}: {} elements do not make {} equal runs".format(name, count, parts))

    @property
    def stored(self):
        """Elements of a run as it lies on the PE."""
        run = self.count // self.parts
        return -(-run // self.unit) * self.unit


def main(table):
    """Entry point of a run.py.

    `table(params)`, with the integers that the layout was compiled with, returns inputs [Array], outputs [Array]
    and stamp names [str].
    """
    args = parse_arguments(table.__doc__)
    with open(args.name + "/out.json", encoding="utf-8") as file:
        params = {key: int(value) for key, value in json.load(file)["params"].items()}
    inputs, outputs, names = table(params)
    mesh = params["height"], params["width"]
    tiles = load_tiles(args.tiles, inputs, mesh)
    times = Array("times", np.uint16, 3 * len(names))
    results = run(args, mesh, inputs, tiles, outputs + [times])
    results["times"] = results["times"].reshape(mesh + (len(names), 3))
    np.savez(args.out, stamp_names=np.array(names), **results)
    report(results["times"])
    return 0


def parse_arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--name", required=True, help="folder that cslc wrote")
    parser.add_argument("--tiles", required=True, help=".npz file with the tiles of each input")
    parser.add_argument("--out", required=True, help=".npz file for the outputs")
    parser.add_argument("--cmaddr", help="IP:port of a system; the simulator without it")
    return parser.parse_args()


def load_tiles(path, inputs, mesh):
    """Arrays of the file in the order of `inputs`; type and shape must be what the kernel was compiled for."""
    with np.load(path) as data:
        missing = [array.name for array in inputs if array.name not in data]
        if missing:
            raise SystemExit("{}: no array {}".format(path, ", ".join(missing)))
        tiles = [data[array.name] for array in inputs]
    for array, tile in zip(inputs, tiles):
        shape = mesh + (array.count,)
        if tile.shape != shape or tile.dtype != array.dtype:
            raise SystemExit("{}: {} is {} {}, the kernel was compiled for {} {}".format(
                path, array.name, tile.dtype, tile.shape, array.dtype, shape))
    return tiles


def run(args, mesh, inputs, tiles, outputs):
    """Copy in, launch `main`, copy out: {name: [height, width, n]}. Takes the tiles out of their list."""
    runner = SdkRuntime(args.name, cmaddr=args.cmaddr)
    runner.load()
    runner.run()
    for array in inputs:
        copy_in(runner, mesh, array, tiles.pop(0))  # large ones: nobody else keeps them
    runner.launch("main", nonblock=False)
    results = {array.name: copy_out(runner, mesh, array) for array in outputs}
    runner.stop()
    return results


def copy_in(runner, mesh, array, tile):
    height, width = mesh
    runs = np.zeros(mesh + (array.parts, array.stored), array.dtype)
    runs[..., : array.count // array.parts] = tile.reshape(mesh + (array.parts, -1))
    words = runs.reshape(-1).view(np.uint32)
    runner.memcpy_h2d(runner.get_id(array.name), words, 0, 0, width, height, words.size // (width * height),
                      streaming=False, order=MemcpyOrder.ROW_MAJOR, data_type=MemcpyDataType.MEMCPY_32BIT,
                      nonblock=False)


def copy_in_16(runner, mesh, name, values):
    """Elements of 16 bits one by one: an odd number of them is not filled up."""
    height, width = mesh
    words = np.ascontiguousarray(values).view(np.uint16).reshape(-1).astype(np.uint32)
    runner.memcpy_h2d(runner.get_id(name), words, 0, 0, width, height, words.size // (width * height),
                      streaming=False, order=MemcpyOrder.ROW_MAJOR, data_type=MemcpyDataType.MEMCPY_16BIT,
                      nonblock=False)


def copy_out(runner, mesh, array):
    height, width = mesh
    wide = array.dtype.itemsize == 4
    kind = MemcpyDataType.MEMCPY_32BIT if wide else MemcpyDataType.MEMCPY_16BIT
    # one run needs no filling up, copied element by element
    stored = array.count if array.parts == 1 else array.parts * array.stored
    words = np.zeros(height * width * stored, np.uint32)
    runner.memcpy_d2h(words, runner.get_id(array.name), 0, 0, width, height, stored, streaming=False,
                      order=MemcpyOrder.ROW_MAJOR, data_type=kind, nonblock=False)
    values = words.view(array.dtype) if wide else memcpy_view(words, array.dtype)
    runs = np.array(values).reshape(mesh + (array.parts, -1))
    return runs[..., : array.count // array.parts].reshape(mesh + (array.count,))


def report(times):
    """One line for whoever runs the program by hand; the exact definition is in the README of the kernels."""
    stamps = times.astype(np.int64) @ np.array([1, 1 << 16, 1 << 32])
    hops = np.arange(times.shape[0])[:, None] + np.arange(times.shape[1])[None, :]
    since = stamps - stamps[..., :1] + hops[..., None]
    print("cycles: {}".format(since[..., -1].max() - since[..., 1].min()))
