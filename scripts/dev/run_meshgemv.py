"""Compile and run GEMV kernels on meshes of a few sizes, print cycles and the check against NumPy.

In: kernels_csl/meshgemv and its baselines. Out: a table on the terminal and, with --out, the same rows as CSV.
The toolchain is a pair of commands; --cslc and --cs-python name another one than ours.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from waferllm.run import aligned_stamps

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"meshgemv": "meshgemv", "pipeline": "baselines/pipeline_gemv", "ring": "baselines/ring_gemv"}


@dataclass(frozen=True)
class Case:
    """One run: A is M x N, M over the mesh's y and N over its x; `phases` counts for meshgemv only."""

    arch: str
    kernel: str
    width: int
    height: int
    M: int
    N: int
    phases: int
    broadcast: int
    bits: int


@dataclass(frozen=True)
class Result(Case):
    cycles: int
    product_cycles: int
    """First start to the last PE's end of its local product."""
    max_error: float
    """Largest |y - NumPy| (NumPy in f64)."""
    error_bound: float
    seconds: float
    """Compile and run, wall clock of the machine that simulates."""


class StepFailed(Exception):
    """A command of the toolchain failed; the text has its output."""


def main() -> int:
    options = parse_options()
    print("GEMV y = A x: rows of A over y, columns over x; reduction along x, K-tree with `phases` phases for meshgemv")
    print(f"{'arch':5} {'kernel':>8} {'phases':>6} {'mesh':>7} {'A':>11} {'type':>4} {'cycles':>7} {'product':>7} "
          f"{'max error':>10} {'bound':>9} {'s':>5}")
    results = []
    try:
        for case in cases(options):
            results.append(run_case(case, options))
            print(table_row(results[-1]), flush=True)
    except StepFailed as error:
        print(error, file=sys.stderr)
        return 1
    print("every result is within its error bound")
    if options.out:
        write_csv(options.out, results)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", action="append", choices=["wse2", "wse3"], help="default: both")
    parser.add_argument("--kernel", action="append", choices=list(FOLDERS), help="default: meshgemv")
    parser.add_argument("--mesh", action="append", help="WIDTHxHEIGHT; default: 4x4 and 16x16")
    parser.add_argument("--per-pe", default="16x16", help="ROWSxCOLUMNS of A on a PE (default %(default)s)")
    parser.add_argument("--phases", action="append", type=int, help="K of the K-tree; default: 2")
    parser.add_argument("--bits", action="append", type=int, choices=[16, 32], help="type of A and x; default: 32")
    parser.add_argument("--no-broadcast", action="store_true", help="leave the sums where the reduction ends")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cslc", default="cslc")
    parser.add_argument("--cs-python", default="cs_python")
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "meshgemv", help="folder for compiled programs")
    parser.add_argument("--out", type=Path, help="CSV file for the results, all but the seconds")
    return parser.parse_args()


def cases(options: argparse.Namespace) -> list[Case]:
    rows, columns = map(int, options.per_pe.split("x"))
    found = []
    for arch in options.arch or ["wse2", "wse3"]:
        for mesh in options.mesh or ["4x4", "16x16"]:
            width, height = map(int, mesh.split("x"))
            for kernel in options.kernel or ["meshgemv"]:
                for phases in (options.phases or [2]) if kernel == "meshgemv" else [1]:
                    for bits in options.bits or [32]:
                        shape = width, height, rows * height, columns * width
                        found.append(Case(arch, kernel, *shape, phases, int(not options.no_broadcast), bits))
    return found


def run_case(case: Case, options: argparse.Namespace) -> Result:
    name = f"{case.arch}_{case.kernel}{case.phases}_{case.width}x{case.height}_{case.M}x{case.N}_f{case.bits}"
    folder = options.work.resolve() / name
    folder.mkdir(parents=True, exist_ok=True)
    kernel = ROOT / "kernels_csl" / FOLDERS[case.kernel]
    params = {"width": case.width, "height": case.height, "Mt": case.M // case.height, "Kt": case.N // case.width,
              "bits": case.bits, "broadcast": case.broadcast}
    if case.kernel == "meshgemv":
        params["phases"] = case.phases
    a, x = make_inputs(case, options.seed)
    save_tiles(folder / "tiles.npz", case, a, x)
    start = time.monotonic()
    # The fabric has room for the memcpy library around the program: 4 columns west, 3 east, 1 row on each side.
    run_step(shlex.split(options.cslc) + [
        f"--arch={case.arch}", str(kernel / "layout.csl"), f"--fabric-dims={case.width + 7},{case.height + 2}",
        "--fabric-offsets=4,1", "--params=" + ",".join(f"{name}:{value}" for name, value in params.items()),
        "-o", "out", "--memcpy", "--channels=1",
    ], folder)
    # The simulator leaves sim.log and statistics in the folder it runs in.
    host = [str(kernel / "run.py"), "--name", "out", "--tiles", "tiles.npz", "--out", "outputs.npz"]
    run_step(shlex.split(options.cs_python) + host, folder)
    seconds = time.monotonic() - start
    with np.load(folder / "outputs.npz") as outputs:
        error, bound = check(case, a, x, outputs["y"])
        cycles, product = read_stamps(outputs["times"], list(outputs["stamp_names"]))
    return Result(**asdict(case), cycles=cycles, product_cycles=product, max_error=float(f"{error:.3e}"),
                  error_bound=float(f"{bound:.3e}"), seconds=round(seconds, 1))


def make_inputs(case: Case, seed: int) -> tuple[np.ndarray, np.ndarray]:
    dtype = np.float16 if case.bits == 16 else np.float32
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (case.M, case.N)).astype(dtype), rng.uniform(-1, 1, case.N).astype(dtype)


def save_tiles(path: Path, case: Case, a: np.ndarray, x: np.ndarray) -> None:
    """Tile (py, px) of A column by column; the part of x of a column of PEs on each of them."""
    width, height = case.width, case.height
    tiles = a.reshape(height, case.M // height, width, case.N // width).transpose(0, 2, 3, 1)
    parts = np.broadcast_to(x.reshape(width, -1), (height, width, case.N // width))
    np.savez(path, A=tiles.reshape(height, width, -1), x=parts)


def check(case: Case, a: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Largest error against NumPy in f64 and its bound.

    Bound: N + 1 roundings of f32 (unit u), each relative to the sum of the magnitudes: (N+1) u / (1 - (N+1) u).
    """
    a64, x64 = a.astype(np.float64), x.astype(np.float64)
    right = (a64 @ x64).reshape(case.height, 1, -1)
    steps = (case.N + 1) * 2.0**-24
    bound = steps / (1 - steps) * (np.abs(a64) @ np.abs(x64)).reshape(case.height, 1, -1)
    if not case.broadcast:
        column = case.width // 2 if case.kernel == "meshgemv" else case.width - 1
        y = y[:, column : column + 1]
    error = np.abs(y - right)
    if not (error <= bound).all():
        raise StepFailed(f"error: {case}: off by {error.max():.3e}, bound {bound.max():.3e}")
    return error.max(), bound.max()


def read_stamps(times: np.ndarray, names: list[str]) -> tuple[int, int]:
    """Cycles from the first start to the last end, and to the last end of a local product, on one clock."""
    stamps = aligned_stamps(times)
    start = stamps[..., names.index("start")].min()
    return int(stamps[..., -1].max() - start), int(stamps[..., names.index("product")].max() - start)


def run_step(command: list[str], cwd: Path) -> str:
    try:
        result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError as error:
        raise StepFailed(f"error: command not found: {error.filename}") from error
    if result.returncode:
        raise StepFailed(f"{result.stdout}\nerror: exit code {result.returncode} of: {shlex.join(command)}")
    return result.stdout


def table_row(result: Result) -> str:
    mesh, shape = f"{result.width}x{result.height}", f"{result.M}x{result.N}"
    return (f"{result.arch:5} {result.kernel:>8} {result.phases:>6} {mesh:>7} {shape:>11} {'f' + str(result.bits):>4} "
            f"{result.cycles:>7} {result.product_cycles:>7} {result.max_error:>10.3e} {result.error_bound:>9.2e} "
            f"{result.seconds:>5.1f}")


def write_csv(path: Path, results: list[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [field.name for field in fields(Result) if field.name != "seconds"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(result) for result in results)


if __name__ == "__main__":
    sys.exit(main())
