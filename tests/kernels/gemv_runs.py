"""Compile and run a GEMV kernel for the tests: tiles from global A and x, the sums of every PE back.

In: a kernel, machine, mesh, axis, shape of a tile and further parameters. Out: `Run`: y of each PE and the time stamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kernels.mesh_program import compile_program, host_program

from waferllm.run import aligned_stamps

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "meshgemv": ROOT / "kernels_csl/meshgemv",
    "pipeline_gemv": ROOT / "kernels_csl/baselines/pipeline_gemv",
    "ring_gemv": ROOT / "kernels_csl/baselines/ring_gemv",
}


@dataclass(frozen=True)
class Mesh:
    """A line is a row (axis 0) or a column (axis 1) of the mesh; the reduction runs along it."""

    size: int
    lines: int
    axis: int = 0

    @property
    def width(self) -> int:
        return self.size if self.axis == 0 else self.lines

    @property
    def height(self) -> int:
        return self.lines if self.axis == 0 else self.size

    def by_pe(self, values: np.ndarray) -> np.ndarray:
        """[line, position, ...] to [py, px, ...] or back."""
        return values if self.axis == 0 else np.swapaxes(values, 0, 1)


@dataclass(frozen=True)
class Run:
    y: np.ndarray
    """[line, position, Mt] f32"""
    stamps: dict[str, np.ndarray]
    """[height, width] cycles since the reference wave left PE (0, 0), by name"""

    @property
    def cycles(self) -> int:
        return int(self.stamps["end"].max() - self.stamps["start"].min())


def compile_kernel(folder: Path, kernel: str, arch: str, mesh: Mesh, **params: int) -> None:
    given = {"width": mesh.width, "height": mesh.height, "axis": mesh.axis} | params
    compile_program(FOLDERS[kernel] / "layout.csl", folder, arch, given)


def save_tiles(path: Path, mesh: Mesh, a: np.ndarray, x: np.ndarray) -> None:
    """A [lines * Mt, size * Kt] in tiles column by column; x [size * Kt] in parts, the same for all lines."""
    rows, columns = a.shape[0] // mesh.lines, a.shape[1] // mesh.size
    tiles = a.reshape(mesh.lines, rows, mesh.size, columns).transpose(0, 2, 3, 1).reshape(mesh.lines, mesh.size, -1)
    parts = np.broadcast_to(x.reshape(1, mesh.size, columns), (mesh.lines, mesh.size, columns))
    np.savez(path, A=mesh.by_pe(tiles), x=mesh.by_pe(parts))


def run(folder: Path, kernel: str, arch: str, mesh: Mesh, a: np.ndarray, x: np.ndarray, **params: int) -> Run:
    """Compile for the shape and type of `a` and run it."""
    shape = {"Mt": a.shape[0] // mesh.lines, "Kt": a.shape[1] // mesh.size, "bits": 8 * a.itemsize}
    compile_kernel(folder, kernel, arch, mesh, **shape, **params)
    save_tiles(folder / "tiles.npz", mesh, a, x)
    host = str(FOLDERS[kernel] / "run.py"), "--name", "out", "--tiles", "tiles.npz", "--out", "outputs.npz"
    host_program(*host, cwd=folder)
    return load(folder / "outputs.npz", mesh)


def load(path: Path, mesh: Mesh) -> Run:
    with np.load(path) as outputs:
        times, names, y = outputs["times"], list(outputs["stamp_names"]), outputs["y"]
    stamps = aligned_stamps(times)
    return Run(mesh.by_pe(y), {name: stamps[..., i] for i, name in enumerate(names)})


def integers(mesh: Mesh, rows: int, columns: int, bits: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A and x of small integers: products and sums are exact in f32, so that any order of adding gives the same."""
    rng = np.random.default_rng(seed)
    dtype = np.float16 if bits == 16 else np.float32
    a = rng.integers(-9, 10, (mesh.lines * rows, mesh.size * columns))
    return a.astype(dtype), rng.integers(-9, 10, mesh.size * columns).astype(dtype)


def product(mesh: Mesh, a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A x in f64 by line: [line, 1, Mt]."""
    return (a.astype(np.float64) @ x.astype(np.float64)).reshape(mesh.lines, 1, -1)
