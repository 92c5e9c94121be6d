"""Cycles of the GEMM kernels at equal sizes: compile, run, check each case, print a table in Markdown.

In: kernels_csl. Out: a table on the terminal, a row per mesh and a column per kernel. The host program checks each
case against NumPy; a wrong one ends the script.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNELS = {
    "meshgemm": "meshgemm",
    "cannon": "baselines/cannon",
    "summa": "baselines/summa",
    "allgather": "baselines/allgather",
}
ALIGNED = ("meshgemm", "cannon")
"""Kernels with the parameter `align`."""


def main() -> int:
    options = parse_options()
    what = "tiles" if options.tile else "matrices"
    print(f"{options.arch}, {what} {options.tile or options.matrix} in each dimension, "
          f"sums in f{options.acc}, {'over' if options.overlap else 'no over'}lap\n")
    print("| P | tile | " + " | ".join(options.kernels) + " |")
    print("|---:|---:|" + "---:|" * len(options.kernels))
    for side in options.P:
        tile = options.tile or -(-options.matrix // side)
        cells = [str(measure(kernel, side, tile, options)) for kernel in options.kernels]
        print(f"| {side} | {tile} | " + " | ".join(cells) + " |", flush=True)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Cycles of the GEMM kernels at equal sizes")
    parser.add_argument("--arch", choices=["wse2", "wse3"], default="wse3")
    parser.add_argument("--P", type=int, nargs="+", default=[2, 4, 8], help="sides of the meshes")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--tile", type=int, help="side of all tiles: the matrices grow with the mesh")
    size.add_argument("--matrix", type=int, help="side of all matrices: the tiles shrink")
    parser.add_argument("--acc", type=int, choices=[16, 32], default=16)
    parser.add_argument("--overlap", type=int, choices=[0, 1], default=1, help="0: communicate, then multiply")
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=list(KERNELS))
    return parser.parse_args()


def measure(kernel: str, side: int, tile: int, options: argparse.Namespace) -> int | str:
    """Cycles of one case; '-' where the compiler says that a PE has not enough memory."""
    params = {"P": side, "Mt": tile, "Kt": tile, "Nt": tile, "acc": options.acc, "waits": 0}
    if kernel != "allgather":
        params["overlap"] = options.overlap
    if kernel in ALIGNED:
        params["align"] = 1
    text = ",".join(f"{name}:{value}" for name, value in params.items())
    folder = ROOT / "kernels_csl" / KERNELS[kernel]
    with tempfile.TemporaryDirectory() as out:
        compiled = command("cslc", str(folder / "layout.csl"), f"--arch={options.arch}", "--memcpy", "--channels=1",
                           f"--fabric-dims={side + 11},{side + 4}", "--fabric-offsets=4,1",
                           f"--params={text}", "-o", out)
        if compiled.returncode and "memory" in compiled.stderr:
            return "-"
        done = compiled if compiled.returncode else command(
            "cs_python", str(folder / "run.py"), "--name", out, "--check")
    found = re.search(r"^cycles: (\d+)$", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        sys.exit(f"{kernel}, P = {side}: {done.stdout}{done.stderr}")
    return int(found[1])


def command(name: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", f"wafersim.cli.{name}", *arguments], capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
