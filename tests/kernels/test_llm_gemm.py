"""Products one after the other in one program (lib/llm/meshgemm.csl) give what NumPy gives, within their bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from kernels.gemm_case import pad
from kernels.mesh_program import PROGRAMS, call, compile_program

from waferllm.partition import rings


@dataclass(frozen=True)
class Shape:
    """Of one product, a PE: rows, columns of a slab, columns."""

    rows: int
    inner: int
    columns: int


class Mesh:
    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self.slabs = math.lcm(width, height)

    def left(self, a: np.ndarray, shape: Shape) -> np.ndarray:
        """[height, width, n]: each tile [rows, slabs of the PE, inner]."""
        a = pad(a, self.height * shape.rows, self.slabs * shape.inner)
        tiles = a.reshape(self.height, shape.rows, self.width, -1).transpose(0, 2, 1, 3)
        tiles = tiles[:, rings.positions("interleaved", self.width)]
        return np.ascontiguousarray(tiles).reshape(self.height, self.width, -1)

    def right(self, b: np.ndarray, shape: Shape) -> np.ndarray:
        b = pad(b, self.slabs * shape.inner, self.width * shape.columns)
        tiles = b.reshape(self.height, -1, self.width, shape.columns).transpose(0, 2, 1, 3)
        tiles = tiles[rings.positions("interleaved", self.height)]
        return np.ascontiguousarray(tiles).reshape(self.height, self.width, -1)

    def join(self, c: np.ndarray, columns: int) -> np.ndarray:
        tiles = c.reshape(self.height, self.width, -1, columns)
        return tiles.transpose(0, 2, 1, 3).reshape(-1, self.width * columns)


def simulate(
    folder: Path, arch: str, mesh: Mesh, first: Shape, second: Shape, rows: int, launches: int, inputs: dict
) -> dict:
    given = {"width": mesh.width, "height": mesh.height, "M1": first.rows, "M2": rows, "Ks1": first.inner,
             "Ks2": second.inner, "N1": first.columns, "N2": second.columns}
    compile_program(PROGRAMS / "llm_gemm/layout.csl", folder, arch, given)
    return call(folder, ["main"] * launches, inputs)


def check(
    folder: Path, arch: str, size: tuple[int, int], first: Shape, second: Shape, rows: int, launches: int = 1
) -> None:
    """C1 = launches (A1 B1 + A1 B3), the second term in the first `rows` rows of each PE; C2 = launches A2 B2."""
    mesh, rng = Mesh(*size), np.random.default_rng(1)

    def random(count: int, across: int) -> np.ndarray:
        return rng.uniform(-1, 1, (count, across)).astype(np.float16)

    k1, k2 = mesh.slabs * first.inner - 1, mesh.slabs * second.inner
    a1, a2 = random(mesh.height * first.rows, k1), random(mesh.height * first.rows, k2)
    b1, b2, b3 = (random(k, mesh.width * shape.columns) for k, shape in ((k1, first), (k2, second), (k1, first)))
    weights = [mesh.right(b, shape) for b, shape in ((b1, first), (b2, second), (b3, first))]
    area = mesh.height, mesh.width, first.rows
    found = simulate(folder, arch, mesh, first, second, rows, launches, {
        "A1": mesh.left(a1.astype(np.float32), first),
        "A2": mesh.left(a2.astype(np.float32), second),
        "W": np.concatenate(weights, axis=2),
        "C1": np.zeros((*area[:2], first.rows * first.columns), np.float32),
        "C2": np.zeros((*area[:2], first.rows * second.columns), np.float32),
    })
    again = np.where(np.arange(len(a1)) % first.rows < rows, 1, 0)[:, None] * a1
    compare(mesh.join(found["C1"], first.columns), [a1, again] * launches, [b1, b3] * launches)
    compare(mesh.join(found["C2"], second.columns), [a2] * launches, [b2] * launches)


def compare(c: np.ndarray, a: list[np.ndarray], b: list[np.ndarray]) -> None:
    """A sum of n products in any order, each rounded once with the addition, is off by at most n u / (1 - n u) times
    the sum of the magnitudes; inputs are exact in f16."""
    left, right = np.concatenate(a, 1).astype(np.float64), np.concatenate(b, 0).astype(np.float64)
    terms, unit = left.shape[1] + 1, 2.0**-24
    bound = terms * unit / (1 - terms * unit) * (np.abs(left) @ np.abs(right)) + 2.0**-149
    assert (np.abs(c - left @ right) <= bound).all()


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("mesh", [(4, 4), (5, 5), (6, 4), (3, 2)], ids=str)
def test_products_of_several_shapes(tmp_path, arch, mesh):
    check(tmp_path, arch, mesh, Shape(3, 2, 5), Shape(3, 3, 4), rows=2)


@pytest.mark.parametrize(("arch", "mesh"), [("wse2", (8, 8)), ("wse3", (2, 4))], ids=str)
def test_one_row_and_several_launches(tmp_path, arch, mesh):
    check(tmp_path, arch, mesh, Shape(1, 1, 3), Shape(1, 4, 7), rows=1, launches=2)
