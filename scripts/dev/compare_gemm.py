"""Cycles of the GEMM kernels at equal sizes: compile, run, check each case, print a table in Markdown.

In: kernels_csl. Out: a table on the terminal, a row per mesh and a column per kernel. Each case is checked
against NumPy with the bound of the tests; a wrong one ends the script.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from kernels.gemm_case import (  # pyright: ignore[reportMissingImports]
    ALIGNING,
    FOLDERS,
    Case,
    compile_case,
    excess,
    matrices,
    run_case,
)


def main() -> int:
    options = parse_options()
    print(f"{options.arch}, tiles {options.tile}, sums in f{options.acc}\n")
    print("| P | " + " | ".join(options.kernels) + " |")
    print("|---:|" + "---:|" * len(options.kernels))
    for side in options.P:
        cells = [measure(kernel, side, options) for kernel in options.kernels]
        print(f"| {side} | " + " | ".join(cells) + " |", flush=True)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Cycles of the GEMM kernels at equal sizes")
    parser.add_argument("--arch", choices=["wse2", "wse3"], default="wse3")
    parser.add_argument("--P", type=int, nargs="+", default=[4, 8, 16], help="sides of the meshes")
    parser.add_argument("--tile", type=int, default=4, help="side of all tiles: the matrices grow with the mesh")
    parser.add_argument("--acc", type=int, choices=[16, 32], default=16)
    parser.add_argument("--kernels", nargs="+", choices=FOLDERS, default=list(FOLDERS))
    return parser.parse_args()


def measure(kernel: str, side: int, options: argparse.Namespace) -> str:
    """Cycles of one case, and behind a slash those until all operands were aligned."""
    case = Case(kernel, options.arch, (side, side), (side * options.tile,) * 3, acc=options.acc)
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_case(case, Path(folder))
        a, b = matrices(case)
        result = run_case(case, compiled, a, b)
    if excess(case, a, b, result["C"]) > 1:
        sys.exit(f"{kernel}, P = {side}: wrong result")
    ready = result["stamps"][..., 2].max() - result["stamps"][..., 1].min()
    return f"{result['cycles']} / {ready}" if kernel in ALIGNING else str(result["cycles"])


if __name__ == "__main__":
    sys.exit(main())
