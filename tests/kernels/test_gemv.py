"""GEMV kernels from cslc to cs_python: right sums on lines of every length, both machines and axes."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from kernels import gemv_runs
from kernels.gemv_runs import Mesh

ARCHS = ["wse2", "wse3"]
GROUPS = [{"group1": 1}, {"group1": 2, "group2": 2}, {"group1": 3, "group2": 1}, {"group1": 9}]
ENDS = {
    "meshgemv": lambda size: size // 2,
    "pipeline_gemv": lambda size: size - 1,
    "ring_gemv": lambda size: slice(None),
}
"""Position on its line of the PE that has the sum without broadcast; all of a ring."""


def variants(sizes: list[int]) -> list[tuple]:
    """Each kernel, machine and axis on lines of these lengths; the rest taken in turns, so that all of it occurs."""
    found = []
    combinations = itertools.product(sizes, gemv_runs.FOLDERS, ARCHS, [0, 1])
    for index, (size, kernel, arch, axis) in enumerate(combinations):
        turn = index // 4 + index  # over sizes and kernels every parameter meets both machines and axes
        lines = 1 + (index // 2 + size) % 3
        params = {"broadcast": turn % 2, "bits": 32 if turn // 2 % 2 else 16}
        if kernel == "meshgemv":
            params["phases"] = 1 + (size + arch.count("3") + axis) % (3 if params["broadcast"] else 4)
        found.append((kernel, arch, Mesh(size, lines, axis), params))
    return found


def named(sizes: list[int]) -> list:
    found = []
    for kernel, arch, mesh, params in variants(sizes):
        words = [f"{name}{value}" for name, value in {"axis": mesh.axis, **params}.items()]
        name = "-".join([kernel, arch, f"{mesh.width}x{mesh.height}", *words])
        found.append(pytest.param(kernel, arch, mesh, params, id=name))
    return found


def check_exact(
    folder: Path, kernel: str, arch: str, mesh: Mesh, params: dict[str, int], rows: int = 3, columns: int = 3
) -> None:
    """Sums of integers are exact; with broadcast on every PE, without it on the one where the reduction ends."""
    given = dict(params)
    a, x = gemv_runs.integers(mesh, rows, columns, given.pop("bits"))
    result = gemv_runs.run(folder, kernel, arch, mesh, a, x, **given)
    right = gemv_runs.product(mesh, a, x)
    if given["broadcast"]:
        assert (result.y == right).all()
    else:
        end = result.y[:, ENDS[kernel](mesh.size)]
        assert (end == np.broadcast_to(right, result.y.shape)[:, ENDS[kernel](mesh.size)]).all()


@pytest.mark.parametrize(("kernel", "arch", "mesh", "params"), named([2, 3, 5, 7]))
def test_sums_are_exact_for_integers(tmp_path, kernel, arch, mesh, params):
    check_exact(tmp_path, kernel, arch, mesh, params)


@pytest.mark.long
@pytest.mark.parametrize(("kernel", "arch", "mesh", "params"), named([4, 6, *range(8, 18), 19, 23, 31]))
def test_sums_are_exact_for_integers_on_longer_lines(tmp_path, kernel, arch, mesh, params):
    check_exact(tmp_path, kernel, arch, mesh, params, 5, 2)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("groups", GROUPS)
def test_groups_of_given_sizes(tmp_path, arch, groups):
    check_exact(tmp_path, "meshgemv", arch, Mesh(9, 1), {"phases": 3, "broadcast": 1, "bits": 32} | groups)


@pytest.mark.long
@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(("phases", "broadcast"), [(1, 1), (2, 1), (3, 1), (2, 0), (4, 0)])
@pytest.mark.parametrize("group", range(1, 12))
def test_groups_of_all_sizes(tmp_path, arch, phases, broadcast, group):
    params = {"phases": phases, "broadcast": broadcast, "bits": 32, "group1": group, "group2": 1 + group % 4}
    check_exact(tmp_path, "meshgemv", arch, Mesh(11, 2, group % 2), params)


@pytest.mark.parametrize("kernel", gemv_runs.FOLDERS)
@pytest.mark.parametrize("bits", [16, 32])
def test_sums_are_within_the_bound(tmp_path, kernel, bits):
    """K + 1 roundings of f32, each relative to the sum of the magnitudes."""
    mesh = Mesh(5, 2)
    rng = np.random.default_rng(2)
    dtype = np.float16 if bits == 16 else np.float32
    a, x = rng.uniform(-1, 1, (2 * 7, 5 * 6)).astype(dtype), rng.uniform(-1, 1, 5 * 6).astype(dtype)
    result = gemv_runs.run(tmp_path, kernel, "wse3", mesh, a, x, broadcast=1)
    steps = 31 * 2.0**-24
    bound = steps / (1 - steps) * gemv_runs.product(mesh, abs(a), abs(x))
    assert (abs(result.y - gemv_runs.product(mesh, a, x)) <= bound).all()
    assert (result.y == result.y[:, :1]).all()


def test_halves_are_summed_in_single_precision(tmp_path):
    a = np.full((4, 8), 2048.0, np.float16)
    a[:, 0] = 1.0
    result = gemv_runs.run(tmp_path, "meshgemv", "wse3", Mesh(4, 2), a, np.ones(8, np.float16))
    assert (result.y == 7 * 2048.0 + 1).all()


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("kernel", gemv_runs.FOLDERS)
def test_all_pes_start_together(tmp_path, kernel, arch):
    mesh = Mesh(6, 4, axis=1)
    result = gemv_runs.run(tmp_path, kernel, arch, mesh, *gemv_runs.integers(mesh, 4, 2))
    start = result.stamps["start"]
    assert start.max() - start.min() <= 30  # one round of the loop that waits
    stamps = np.stack([result.stamps[name] for name in ("start", "product", "reduced", "end")])
    assert (stamps[1:] >= stamps[:-1]).all()


TWICE = """
import sys
sys.path[:0] = [{lib!r}]
import gemv_table, host, numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import SdkRuntime
inputs, outputs, _ = gemv_table.table({params!r})
runner = SdkRuntime("out")
runner.load()
runner.run()
for name in ("first", "second"):
    for array, tile in zip(inputs, host.load_tiles(name + ".npz", inputs, {mesh!r})):
        host.copy_in(runner, {mesh!r}, array, tile)
    runner.launch("main", nonblock=False)
    np.save(name + ".npy", host.copy_out(runner, {mesh!r}, outputs[0]))
runner.stop()
"""


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("kernel", gemv_runs.FOLDERS)
def test_a_second_launch_starts_from_nothing(tmp_path, kernel, arch):
    mesh = Mesh(5, 2)
    gemv_runs.compile_kernel(tmp_path, kernel, arch, mesh, Mt=3, Kt=2, bits=32)
    inputs = {name: gemv_runs.integers(mesh, 3, 2, seed=seed) for seed, name in enumerate(("first", "second"))}
    for name, (a, x) in inputs.items():
        gemv_runs.save_tiles(tmp_path / f"{name}.npz", mesh, a, x)
    params = {"Mt": 3, "Kt": 2, "bits": 32}
    lib = str(gemv_runs.ROOT / "kernels_csl/lib")
    (tmp_path / "twice.py").write_text(TWICE.format(lib=lib, params=params, mesh=(2, 5)), encoding="utf-8")
    gemv_runs.host_program("twice.py", cwd=tmp_path)
    for name, (a, x) in inputs.items():
        assert (np.load(tmp_path / f"{name}.npy") == gemv_runs.product(mesh, a, x)).all()


@pytest.mark.parametrize("arch", ARCHS)
def test_the_tree_needs_fewer_cycles_than_a_line_and_a_line_fewer_than_the_pipeline(tmp_path, arch):
    mesh = Mesh(24, 1)
    cycles = []
    for kernel, params in (("meshgemv", {"phases": 2}), ("meshgemv", {"phases": 1}), ("pipeline_gemv", {})):
        cycles.append(gemv_runs.run(tmp_path, kernel, arch, mesh, *gemv_runs.integers(mesh, 4, 2), **params).cycles)
    assert cycles == sorted(set(cycles))


def test_host_program_refuses_tiles_of_another_size(tmp_path):
    mesh = Mesh(2, 1)
    gemv_runs.compile_kernel(tmp_path, "meshgemv", "wse2", mesh, Mt=3, Kt=2, bits=32)
    gemv_runs.save_tiles(tmp_path / "tiles.npz", mesh, *gemv_runs.integers(mesh, 4, 2))
    host = str(gemv_runs.FOLDERS["meshgemv"] / "run.py"), "--name", "out", "--tiles", "tiles.npz", "--out", "y.npz"
    with pytest.raises(AssertionError, match=r"A is float32 \(1, 2, 8\)"):
        gemv_runs.host_program(*host, cwd=tmp_path)
