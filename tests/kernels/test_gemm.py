"""GEMM kernels on the simulated wafer against NumPy, with the bound that follows from precision and length."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from kernels.gemm_case import (
    FOLDERS,
    ROOT,
    Case,
    command,
    compile_case,
    excess,
    join,
    matrices,
    run_case,
)

from waferllm.run import aligned_stamps

SQUARE = [((side, side), arch) for side in range(2, 7) for arch in ("wse2", "wse3")]
OTHERS = [((2, 3), "wse2"), ((4, 6), "wse3"), ((5, 2), "wse2"), ((3, 4), "wse3")]
SIZES = {
    (2, 2): (7, 9, 6),
    (3, 3): (9, 9, 9),
    (4, 4): (23, 7, 4),
    (5, 5): (5, 13, 24),
    (6, 6): (12, 5, 24),
    (2, 3): (8, 6, 17),
    (4, 6): (13, 12, 24),
    (5, 2): (3, 10, 20),
    (3, 4): (12, 8, 30),
}
"""M, N, K: tiles odd and even, 1 and more; most do not divide."""


def checked(case: Case, folder, waits: bool = False) -> dict[str, np.ndarray]:
    compiled = compile_case(case, folder / "out")
    a, b = matrices(case)
    result = run_case(case, compiled, a, b)
    assert excess(case, a, b, result["C"]) <= 1
    start, ready, end = (result["stamps"][..., i] for i in (1, 2, 3))
    assert start.max() - start.min() < 40, "the PEs start together"
    assert (start <= ready).all() and (ready < end).all()
    if waits:
        assert (result["waited"] > 0).all() and (result["waited"] < result["cycles"]).all()
    return result


@pytest.mark.parametrize(("mesh", "arch"), SQUARE + OTHERS, ids=str)
@pytest.mark.parametrize("kernel", FOLDERS)
def test_small_meshes(kernel, mesh, arch, tmp_path):
    acc, waits = 16 if sum(mesh) % 3 else 32, mesh[0] % 2
    checked(Case(kernel, arch, mesh, SIZES[mesh], acc=acc, options=(("waits", waits),)), tmp_path, bool(waits))


@pytest.mark.parametrize(("kernel", "mesh"), [("meshgemm", (4, 4)), ("cannon", (2, 3))], ids=str)
def test_tiles_that_the_host_aligns(kernel, mesh, tmp_path):
    case = Case(kernel, "wse3", mesh, SIZES[mesh])
    results = [checked(dataclasses.replace(case, align=align), tmp_path / str(align)) for align in (0, 1)]
    assert (results[0]["C"] == results[1]["C"]).all()
    assert results[0]["cycles"] < results[1]["cycles"]


@pytest.mark.parametrize("kernel", ["meshgemm", "cannon", "summa"])
def test_without_overlap(kernel, tmp_path):
    """The other order of product and communication gives the same numbers."""
    case = Case(kernel, "wse3", (3, 3), (9, 9, 6))
    results = [checked(dataclasses.replace(case, options=(("overlap", overlap),)), tmp_path / str(overlap))
               for overlap in (0, 1)]
    assert (results[0]["C"] == results[1]["C"]).all()
    assert (results[0]["stamps"] != results[1]["stamps"]).any()


@pytest.mark.parametrize(("kernel", "acc"), [("meshgemm", 16), ("summa", 32)])
def test_long_columns(kernel, acc, tmp_path):
    """Tiles too large for the product of a whole slab at once."""
    checked(Case(kernel, "wse3", (2, 2), (40, 10, 10), acc=acc), tmp_path)


def test_tiles_that_nobody_aligned_are_seen(tmp_path):
    case = Case("meshgemm", "wse3", (3, 3), (6, 6, 6), align=0)
    compiled = compile_case(case, tmp_path / "out")
    a, b = matrices(case)
    assert excess(case, a, b, run_case(dataclasses.replace(case, align=1), compiled, a, b)["C"]) > 1


@pytest.mark.long
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("side", range(7, 18))
@pytest.mark.parametrize("kernel", FOLDERS)
def test_meshes_up_to_17(kernel, side, arch, tmp_path):
    for acc in (16, 32):
        sizes = side * (side % 4 + 2) - 1, side * (side % 5 + 1), side * (side % 3 + 2) - 1
        checked(Case(kernel, arch, (side, side), sizes, acc=acc), tmp_path / str(acc))


@pytest.mark.long
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("mesh", [(2, 7), (11, 3), (8, 12), (13, 4), (5, 17), (9, 6)], ids=str)
@pytest.mark.parametrize("kernel", FOLDERS)
def test_larger_meshes_that_are_not_square(kernel, mesh, arch, tmp_path):
    checked(Case(kernel, arch, mesh, (3 * mesh[1] - 1, 2 * mesh[0], 2 * mesh[0] * mesh[1])), tmp_path)


TWICE = """
import sys
sys.path.insert(0, {lib!r})
import numpy as np
import host
from gemm_tables import slabs, transposed

params = {params!r}
inputs, outputs, names = transposed(params) if {transposed} else slabs(params, "ready")
mesh = params["height"], params["width"]
tiles = host.load_tiles({tiles!r}, inputs, mesh)
outputs.append(host.Array("times", np.uint16, 3 * len(names)))
runner = host.SdkRuntime({name!r})
runner.load()
runner.run()
results = []
for _ in range(2):
    for array, tile in zip(inputs, tiles):
        host.copy_in(runner, mesh, array, tile)
    runner.launch("main", nonblock=False)
    results.append({{array.name: host.copy_out(runner, mesh, array) for array in outputs}})
runner.stop()
np.savez({out!r}, C=np.stack([each["C"] for each in results]), times=np.stack([each["times"] for each in results]))
"""


@pytest.mark.parametrize("mesh", [(3, 3), (2, 3)], ids=str)
@pytest.mark.parametrize("kernel", FOLDERS)
def test_a_second_launch_gives_the_same(kernel, mesh, tmp_path):
    case = Case(kernel, "wse3", mesh, SIZES[mesh])
    compiled = compile_case(case, tmp_path / "out")
    a, b = matrices(case)
    first = run_case(case, compiled, a, b)
    script = tmp_path / "twice.py"
    params = {name: int(value) for name, value in (pair.split(":") for pair in case.params().split(","))}
    script.write_text(TWICE.format(lib=str(ROOT / "kernels_csl/lib"), params=params, name=str(compiled),
                                   transposed=kernel == "meshgemm_t", tiles=str(compiled / "tiles.npz"),
                                   out=str(tmp_path / "twice.npz")))
    command("cs_python", script)
    with np.load(tmp_path / "twice.npz") as data:
        assert (data["C"][0] == data["C"][1]).all() and (join(case, data["C"][0]) == first["C"]).all()
        stamps = [aligned_stamps(times.reshape(*times.shape[:2], -1, 3)) for times in data["times"]]
    for each in stamps:
        assert (np.diff(each[..., 1:], axis=-1) >= 0).all()
    lasted = [each[..., -1].max() - each[..., 1].min() for each in stamps]
    assert lasted[0] == first["cycles"] and abs(lasted[1] - lasted[0]) <= 40, "up to how evenly the PEs start"
