"""Compile and run MeshGEMV on meshes of a few sizes, print cycles and the check against NumPy.

In: kernels_csl/meshgemv. Out: a table on the terminal and, with --out, the same rows as CSV.
The toolchain is a pair of commands; --cslc and --cs-python name another one than ours.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "kernels_csl" / "meshgemv"


@dataclass(frozen=True)
class Case:
    arch: str
    width: int
    height: int
    M: int
    N: int
    group: int
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
    print("MeshGEMV y = A x: rows of A over y, columns over x; K-tree reduction along x (K = 2)")
    print(f"{'arch':5} {'mesh':>7} {'A':>11} {'type':>4} {'group':>5} {'cycles':>7} {'product':>7} "
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
    parser.add_argument("--mesh", action="append", help="WIDTHxHEIGHT; default: 4x4 and 16x16")
    parser.add_argument("--per-pe", default="16x16", help="ROWSxCOLUMNS of A on a PE (default %(default)s)")
    parser.add_argument("--group", type=int, default=0, help="PEs in a group (default: about sqrt(width))")
    parser.add_argument("--bits", action="append", type=int, choices=[16, 32], help="type of A and x; default: 32")
    parser.add_argument("--no-broadcast", action="store_true", help="leave the sums in the root column")
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
            group = options.group or max(1, round(math.sqrt(width)))
            for bits in options.bits or [32]:
                broadcast = int(not options.no_broadcast)
                found.append(Case(arch, width, height, rows * height, columns * width, group, broadcast, bits))
    return found


def run_case(case: Case, options: argparse.Namespace) -> Result:
    folder = options.work.resolve() / f"{case.arch}_{case.width}x{case.height}_{case.M}x{case.N}_f{case.bits}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    params = ",".join(f"{name}:{value}" for name, value in asdict(case).items() if name != "arch")
    start = time.monotonic()
    # The fabric has room for the memcpy library around the program: 4 columns west, 3 east, 1 row on each side.
    run_step(shlex.split(options.cslc) + [
        f"--arch={case.arch}", str(KERNEL / "layout.csl"), f"--fabric-dims={case.width + 7},{case.height + 2}",
        "--fabric-offsets=4,1", f"--params={params}", "-o", str(folder), "--memcpy", "--channels=1",
    ])
    # The simulator leaves sim.log and statistics in the folder it runs in.
    text = run_step(shlex.split(options.cs_python) + [
        str(KERNEL / "run.py"), "--name", str(folder), "--out", str(folder / "result.npz"),
    ], cwd=folder)
    seconds = time.monotonic() - start
    return Result(**asdict(case), **parse_report(text), seconds=round(seconds, 1))


def run_step(command: list[str], cwd: Path = ROOT) -> str:
    try:
        result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError as error:
        raise StepFailed(f"error: command not found: {error.filename}") from error
    if result.returncode:
        raise StepFailed(f"{result.stdout}\nerror: exit code {result.returncode} of: {shlex.join(command)}")
    return result.stdout


def parse_report(text: str) -> dict[str, Any]:
    """The figures that kernels_csl/meshgemv/run.py prints."""
    patterns = {
        "cycles": r"^cycles: (\d+)",
        "product_cycles": r"local product done: (\d+)",
        "max_error": r"largest error against NumPy: (\S+)",
        "error_bound": r"\(bound (\S+)\)",
    }
    values = {}
    for name, pattern in patterns.items():
        match = re.search(pattern, text, flags=re.MULTILINE)
        if match is None:
            raise StepFailed(f"{text}\nerror: the host program did not report {name}")
        values[name] = float(match[1]) if "error" in name else int(match[1])
    return values


def table_row(result: Result) -> str:
    mesh, shape = f"{result.width}x{result.height}", f"{result.M}x{result.N}"
    return (f"{result.arch:5} {mesh:>7} {shape:>11} {'f' + str(result.bits):>4} {result.group:>5} {result.cycles:>7} "
            f"{result.product_cycles:>7} {result.max_error:>10.3e} {result.error_bound:>9.2e} {result.seconds:>5.1f}")


def write_csv(path: Path, results: list[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [field.name for field in fields(Result) if field.name != "seconds"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(result) for result in results)


if __name__ == "__main__":
    sys.exit(main())
