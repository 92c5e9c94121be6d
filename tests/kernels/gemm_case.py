"""One GEMM on the simulated wafer for the tests: matrices in, C, aligned stamps and the error bound out.

Places the tiles by the definitions in the kernels' READMEs, written down a second time here on purpose:
waferllm.partition is tested against the same kernels.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from waferllm.run import aligned_stamps

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "meshgemm": "meshgemm",
    "meshgemm_t": "meshgemm_t",
    "cannon": "baselines/cannon",
    "summa": "baselines/summa",
    "allgather": "baselines/allgather",
}
ALIGNING = ("meshgemm", "cannon")
INTERLEAVED = ("meshgemm", "meshgemm_t")


@dataclass(frozen=True)
class Case:
    """`mesh`: width and height; `sizes`: M, N, K of the matrices; `options`: further parameters of the layout."""

    kernel: str
    arch: str
    mesh: tuple[int, int]
    sizes: tuple[int, int, int]
    acc: int = 16
    align: int = 1
    options: tuple[tuple[str, int], ...] = ()

    @property
    def width(self) -> int:
        return self.mesh[0]

    @property
    def height(self) -> int:
        return self.mesh[1]

    @property
    def slabs(self) -> int:
        return math.lcm(self.width, self.height)

    @property
    def tiles(self) -> dict[str, int]:
        """Sizes of the tiles as the layout takes them."""
        m, n, k = self.sizes
        rows = -(-m // self.height)
        if self.kernel == "meshgemm_t":
            return {"Mt": rows, "Kt": -(-k // self.width), "Ns": -(-n // self.slabs)}
        return {"Mt": rows, "Nt": -(-n // self.width), "Ks": -(-k // self.slabs)}

    def params(self) -> str:
        given = {"width": self.width, "height": self.height, **self.tiles, "acc": self.acc, **dict(self.options)}
        if self.kernel in ALIGNING:
            given["align"] = self.align
        return ",".join(f"{name}:{value}" for name, value in given.items())


def compile_case(case: Case, out: Path) -> Path:
    source = ROOT / "kernels_csl" / FOLDERS[case.kernel] / "layout.csl"
    command("cslc", source, f"--arch={case.arch}", f"--fabric-dims={case.width + 11},{case.height + 4}",
            "--fabric-offsets=4,1", "--memcpy", "--channels=1", f"--params={case.params()}", "-o", out)
    return out


def command(name: str, *arguments: object) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    line = [sys.executable, "-m", f"wafersim.cli.{name}", *map(str, arguments)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_case(case: Case, compiled: Path, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """C [M, N], `stamps` [height, width, s] on one clock, `cycles`, and `waited` if measured."""
    tiles, outputs = compiled / "tiles.npz", compiled / "outputs.npz"
    a_tiles, b_tiles = cut(case, a, b)
    np.savez(tiles, A=a_tiles, B=b_tiles)
    host = ROOT / "kernels_csl" / FOLDERS[case.kernel] / "run.py"
    command("cs_python", host, "--name", compiled, "--tiles", tiles, "--out", outputs)
    with np.load(outputs) as data:
        result = dict(data)
    result["C"] = join(case, result["C"])
    result["stamps"] = aligned_stamps(result["times"])
    result["cycles"] = result["stamps"][..., -1].max() - result["stamps"][..., 1].min()
    return result


def places(count: int, case: Case) -> np.ndarray:
    """Ring place of each place of the line."""
    line = np.arange(count)
    if case.kernel not in INTERLEAVED:
        return line
    return np.where(line % 2 == 0, line // 2, count - 1 - line // 2)


def pad(matrix: np.ndarray, rows: int, columns: int) -> np.ndarray:
    full = np.zeros((rows, columns), matrix.dtype)
    full[: matrix.shape[0], : matrix.shape[1]] = matrix
    return full


def first_slab(case: Case, px: int, py: int, along: str) -> int:
    x = places(case.width, case)[px] * (case.slabs // case.width)
    y = places(case.height, case)[py] * (case.slabs // case.height)
    if not case.align:
        return (x + y) % case.slabs
    return x if along == "x" else y


def cut(case: Case, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tiles [height, width, n] of A and B."""
    if case.kernel == "meshgemm_t":
        return cut_transposed(case, a, b)
    rows, columns, inner = (case.tiles[name] for name in ("Mt", "Nt", "Ks"))
    a = pad(a, case.height * rows, case.slabs * inner)
    b = pad(b, case.slabs * inner, case.width * columns)
    a_tiles, b_tiles = [], []
    for py in range(case.height):
        for px in range(case.width):
            k = slab_indices(case, first_slab(case, px, py, "x"), case.slabs // case.width, inner)
            a_tiles.append(a[py * rows : (py + 1) * rows, k].T.ravel())
            k = slab_indices(case, first_slab(case, px, py, "y"), case.slabs // case.height, inner)
            b_tiles.append(b[k, px * columns : (px + 1) * columns].ravel())
    shape = case.height, case.width, -1
    return np.array(a_tiles).reshape(shape), np.array(b_tiles).reshape(shape)


def slab_indices(case: Case, first: int, held: int, size: int) -> np.ndarray:
    return (first * size + np.arange(held * size)) % (case.slabs * size)


def cut_transposed(case: Case, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, inner, columns = (case.tiles[name] for name in ("Mt", "Kt", "Ns"))
    a = pad(a, case.height * rows, case.width * inner)
    b = pad(b, case.slabs * columns, case.width * inner)
    a_tiles, b_tiles = [], []
    held = case.slabs // case.height
    for py, place in enumerate(places(case.height, case)):
        for px in range(case.width):
            k = slice(px * inner, (px + 1) * inner)
            a_tiles.append(a[py * rows : (py + 1) * rows, k].T.ravel())
            b_tiles.append(b[place * held * columns : (place + 1) * held * columns, k].ravel())
    shape = case.height, case.width, -1
    return np.array(a_tiles).reshape(shape), np.array(b_tiles).reshape(shape)


def join(case: Case, tiles: np.ndarray) -> np.ndarray:
    """C from tiles that lie column by column."""
    rows = case.tiles["Mt"]
    columns = tiles.shape[2] // rows
    blocks = tiles.reshape(case.height, case.width, columns, rows)
    full = blocks.transpose(0, 3, 1, 2).reshape(case.height * rows, case.width * columns)
    return full[: case.sizes[0], : case.sizes[1]]


def matrices(case: Case, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    m, n, k = case.sizes
    rng = np.random.default_rng(seed)
    shape = (n, k) if case.kernel == "meshgemm_t" else (k, n)
    return rng.uniform(-1, 1, (m, k)).astype(np.float16), rng.uniform(-1, 1, shape).astype(np.float16)


def excess(case: Case, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Largest error over its bound; at most 1 is right.

    A sum of n products in any order, each product and each sum rounded at most once (relative error u, and half of the
    smallest subnormal), is off by at most n u / (1 - n u) times the sum of the magnitudes, plus 2 n halves of the
    smallest subnormal. n is the padded K: sums that start from zero, and zeros, round exactly.
    """
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    if case.kernel == "meshgemm_t":
        b64 = b64.T
    terms = case.sizes[2] + 1
    unit, least = (2.0**-24, 2.0**-150) if case.acc == 32 else (2.0**-11, 2.0**-25)
    bound = terms * unit / (1 - terms * unit) * (np.abs(a64) @ np.abs(b64)) + 2 * terms * least
    return float((np.abs(c.astype(np.float64) - a64 @ b64) / bound).max())
