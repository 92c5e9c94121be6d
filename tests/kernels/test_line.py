"""All-reduces along rows and columns in turns, on the same colors and queues, give what NumPy gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kernels.mesh_program import PROGRAMS, call, compile_program

SIZES = [2, 3, 4, 5, 7, 9]
MESHES = [(2, 2), (2, 9), (3, 4), (4, 3), (5, 5), (7, 2), (9, 7)]


def mixed(v: np.ndarray, rounds: int) -> None:
    """What csl/all_reduce/pe.csl does; integers, so that every order of adding gives the same."""
    height, width, n = v.shape
    px, py = np.arange(width)[None, :, None], np.arange(height)[:, None, None]
    for turn in range(rounds):
        v[:] = v.sum(1, keepdims=True) + px
        v[..., : 1 + turn % n] = v[..., : 1 + turn % n].max(0, keepdims=True)
        v[:] = -(v.sum(0, keepdims=True) + py)
        some = (np.arange(height) + turn) % 3 != 0
        v[some] = v[some].max(1, keepdims=True)
        v[:] = v.max(0, keepdims=True)
        short = n - turn % n
        v[..., :short] = v[..., :short].sum(1, keepdims=True)
        v[:] = np.remainder(v, 8) + px + 2 * py
    v[:] = v.sum(1, keepdims=True)


def simulate(folder: Path, arch: str, v: np.ndarray, rounds: int, launches: int = 1, **params: int) -> np.ndarray:
    height, width, n = v.shape
    given = {"width": width, "height": height, "n": n} | params
    compile_program(PROGRAMS / "all_reduce/layout.csl", folder, arch, given)
    return call(folder, ["prepare", *[f"mixed:{rounds}"] * launches], {"v": v.astype(np.float32)})["v"]


def check(folder: Path, arch: str, mesh: tuple[int, int], n: int, rounds: int, launches=1, **params: int) -> None:
    width, height = mesh
    v = np.random.default_rng(1).integers(-9, 10, (height, width, n)).astype(np.float64)
    found = simulate(folder, arch, v, rounds, launches, **params)
    for _ in range(launches):
        mixed(v, rounds)
    assert (found == v).all()


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_rows_and_columns_in_turns(tmp_path, arch, mesh):
    check(tmp_path, arch, mesh, n=1 + 5 * (sum(mesh) % 3), rounds=4)


@pytest.mark.long
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("height", range(2, 10))
@pytest.mark.parametrize("width", range(2, 10))
def test_rows_and_columns_of_all_lengths(tmp_path, arch, width, height):
    check(tmp_path, arch, (width, height), n=1 + (width * height) % 7, rounds=3)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(("group_x", "group_y"), [(1, 6), (2, 1), (6, 4), (4, 5)])
def test_groups_of_given_sizes(tmp_path, arch, group_x, group_y):
    check(tmp_path, arch, (6, 6), n=3, rounds=2, group_x=group_x, group_y=group_y)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_launches_one_after_the_other(tmp_path, arch):
    check(tmp_path, arch, (4, 6), n=20, rounds=2, launches=3)
