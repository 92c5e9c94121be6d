"""Host side shared by the GEMM kernels: C = A B on P x P PEs. Python 3.8 syntax; NumPy and the SDK's names only.

In: the compiled folder; A [M, K] and B [K, N] from an .npz file (zeros fill up to P * Mt, P * Kt, P * Nt), or made
from a seed.
Out: cycles on the terminal, with `--check` the error against NumPy, and an .npz file:
  C        [M, N] f32 or f16
  stamps   [P, P, 4] i64    by [py, px], cycles since the reference wave left PE (0, 0): reference, start, operands
                            aligned, end
  waited   [P, P] i64       cycles a PE waited for communication (zeros unless compiled with waits:1)
  cycles   i64              first start to last end
"""

import argparse
import json

import numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import MemcpyDataType, MemcpyOrder, SdkRuntime
from cerebras.sdk.sdk_utils import memcpy_view


def main(title, transposed=False):
    """Entry point of a kernel's run.py; `transposed`: B is given as [N, K] and the result is A B^T."""
    args = parse_arguments(title)
    with open(args.name + "/out.json", encoding="utf-8") as file:
        params = {key: int(value) for key, value in json.load(file)["params"].items()}
    a, b = load_inputs(args, params, transposed)
    c, words = run(args, params, a, b, transposed)
    stamps, waited = align(words)
    cycles = int(stamps[..., 3].max() - stamps[..., 1].min())
    if args.out:
        np.savez(args.out, C=c, stamps=stamps, waited=waited, cycles=np.int64(cycles))
    report(title, params, stamps, waited, cycles)
    return check(params, a, b.T if transposed else b, c) if args.check else 0


def parse_arguments(title):
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--name", required=True, help="folder that cslc wrote")
    parser.add_argument("--cmaddr", help="IP:port of a system; the simulator without it")
    parser.add_argument("--inputs", help=".npz file with A and B; made from the seed without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help=".npz file for the results")
    parser.add_argument("--check", action="store_true", help="compare with NumPy")
    return parser.parse_args()


def load_inputs(args, params, transposed):
    """A and B in f16, B [N, K] if `transposed`."""
    size_m, size_k, size_n = (params["P"] * params[name] for name in ("Mt", "Kt", "Nt"))
    shapes = (size_m, size_k), ((size_n, size_k) if transposed else (size_k, size_n))
    if args.inputs:
        with np.load(args.inputs) as data:
            a, b = data["A"].astype(np.float16), data["B"].astype(np.float16)
        check_shapes(a, b, shapes, transposed)
        return a, b
    rng = np.random.default_rng(args.seed)
    return tuple(rng.uniform(-1, 1, shape).astype(np.float16) for shape in shapes)


def check_shapes(a, b, shapes, transposed):
    fits = all(m.ndim == 2 and m.shape[0] <= s[0] and m.shape[1] <= s[1] for m, s in zip((a, b), shapes))
    if not fits or a.shape[1] != b.shape[1 if transposed else 0]:
        raise SystemExit("inputs: A {} and B {} do not fit {} and {}".format(a.shape, b.shape, *shapes))


def pack_tiles(matrix, mesh, rows, columns, by_column=True):
    """Tiles of a matrix, each column by column (or row by row) in whole 32-bit words: [mesh, mesh, words] u32."""
    full = np.zeros((mesh * rows, mesh * columns), np.float16)
    full[: matrix.shape[0], : matrix.shape[1]] = matrix
    order = (0, 2, 3, 1) if by_column else (0, 2, 1, 3)
    tiles = full.reshape(mesh, rows, mesh, columns).transpose(order).reshape(mesh, mesh, rows * columns)
    if rows * columns % 2:
        tiles = np.concatenate([tiles, np.zeros((mesh, mesh, 1), np.float16)], axis=2)
    return np.ascontiguousarray(tiles).view(np.uint32)


def run(args, params, a, b, transposed):
    """Copy in, launch, copy out: C [M, N] and the words of the time stamps [P, P, 14]."""
    mesh, rows, inner, columns = (params[name] for name in ("P", "Mt", "Kt", "Nt"))
    b_tiles = pack_tiles(b, mesh, columns, inner, False) if transposed else pack_tiles(b, mesh, inner, columns)
    runner = SdkRuntime(args.name, cmaddr=args.cmaddr)
    runner.load()
    runner.run()
    copy_in(runner, "A", pack_tiles(a, mesh, rows, inner))
    copy_in(runner, "B", b_tiles)
    runner.launch("main", nonblock=False)
    dtype = np.float32 if params["acc"] == 32 else np.float16
    tiles = copy_out(runner, "C", mesh, rows * columns, dtype)
    words = copy_out(runner, "times", mesh, 14, np.uint16)
    runner.stop()
    # [py, px, columns, rows] -> [M, N]
    c = tiles.reshape(mesh, mesh, columns, rows).transpose(0, 3, 1, 2).reshape(mesh * rows, mesh * columns)
    return c[: a.shape[0], : b.shape[0 if transposed else 1]], words.astype(np.int64)


def copy_in(runner, name, words):
    mesh, count = words.shape[0], words.shape[2]
    runner.memcpy_h2d(runner.get_id(name), words.reshape(-1), 0, 0, mesh, mesh, count, streaming=False,
                      order=MemcpyOrder.ROW_MAJOR, data_type=MemcpyDataType.MEMCPY_32BIT, nonblock=False)


def copy_out(runner, name, mesh, count, dtype):
    wide = np.dtype(dtype).itemsize == 4
    kind = MemcpyDataType.MEMCPY_32BIT if wide else MemcpyDataType.MEMCPY_16BIT
    words = np.zeros(mesh * mesh * count, np.uint32)
    runner.memcpy_d2h(words, runner.get_id(name), 0, 0, mesh, mesh, count, streaming=False,
                      order=MemcpyOrder.ROW_MAJOR, data_type=kind, nonblock=False)
    values = words.view(dtype) if wide else memcpy_view(words, np.dtype(dtype))
    return np.array(values).reshape(mesh, mesh, count)


def align(words):
    """Time stamps of all PEs on one clock [P, P, 4], and cycles waited [P, P]."""
    parts = words[..., :12].reshape(words.shape[:2] + (4, 3))
    stamps = parts[..., 0] + (parts[..., 1] << 16) + (parts[..., 2] << 32)
    places = np.arange(words.shape[0])
    hops = places[:, None] + places[None, :]
    return stamps - stamps[..., :1] + hops[..., None], words[..., 12] + (words[..., 13] << 16)


def report(title, params, stamps, waited, cycles):
    start = stamps[..., 1].min()
    print("{}, {P} x {P} PEs, tiles {Mt} x {Kt} and {Kt} x {Nt}, sums in f{acc}".format(title, **params))
    print("cycles: {}".format(cycles))
    print("  last PE has its first operands: {}".format(stamps[..., 2].max() - start))
    if params["waits"]:
        print("  waited for communication:       {:.0f} (mean), {} (most)".format(waited.mean(), waited.max()))


def check(params, a, b, c):
    """Compare with NumPy in f64.

    Bound: a sum of K products, each step rounded once (relative error u, for f16 also half of the smallest
    subnormal), is off by at most K u / (1 - K u) times the sum of the magnitudes.
    """
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    steps = params["P"] * params["Kt"] + 1
    unit, least = (2.0**-24, 2.0**-150) if params["acc"] == 32 else (2.0**-11, 2.0**-25)
    error = np.abs(c.astype(np.float64) - a64 @ b64)
    bound = steps * unit / (1 - steps * unit) * (np.abs(a64) @ np.abs(b64)) + steps * least
    print("largest error against NumPy: {:.3e} (bound {:.3e})".format(error.max(), bound.max()))
    right = bool((error <= bound).all())
    print("SUCCESS!" if right else "FAILED")
    return 0 if right else 1
