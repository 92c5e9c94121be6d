"""GEMM kernels on the simulated wafer, checked by their own host programs against NumPy with a stated bound."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNELS = {
    "meshgemm": "meshgemm",
    "cannon": "baselines/cannon",
    "summa": "baselines/summa",
    "allgather": "baselines/allgather",
}
SHIFTING = ("meshgemm", "cannon")


def build(kernel: str, arch: str, out: Path, **params: int) -> Path:
    """Compile a kernel; `params` as in its layout."""
    if kernel in SHIFTING:
        params.setdefault("align", 1)
    params.setdefault("waits", 0)
    if kernel != "allgather":
        params.setdefault("overlap", 1)
    side = params["P"]
    text = ",".join(f"{name}:{value}" for name, value in params.items())
    source = ROOT / "kernels_csl" / KERNELS[kernel] / "layout.csl"
    options = [f"--arch={arch}", f"--fabric-dims={side + 11},{side + 4}", "--fabric-offsets=4,1", "--memcpy",
               "--channels=1", f"--params={text}", "-o", str(out)]
    call("cslc", source, options)
    return out


def call(command: str, first: Path, options: list[str]) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    line = [sys.executable, "-m", f"wafersim.cli.{command}", str(first), *options]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def run(kernel: str, compiled: Path, *options: str) -> str:
    program = ROOT / "kernels_csl" / KERNELS[kernel] / "run.py"
    return call("cs_python", program, ["--name", str(compiled), "--check", *options]).stdout


def measure(kernel: str, arch: str, folder: Path, **params: int) -> dict[str, np.ndarray]:
    """Compile, run, check; what the host program wrote."""
    folder.mkdir(exist_ok=True)
    compiled = build(kernel, arch, folder / f"{kernel}-{arch}", **params)
    results = folder / f"{kernel}-{arch}.npz"
    assert "SUCCESS!" in run(kernel, compiled, "--out", str(results))
    with np.load(results) as data:
        return dict(data)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("side", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("kernel", KERNELS)
def test_small_meshes(kernel, side, arch, tmp_path):
    """Odd and even tiles (odd ones are padded to whole words), sums in f32 and f16."""
    shape = {2: (4, 3, 5), 3: (3, 3, 3), 4: (6, 1, 2), 5: (1, 5, 3), 6: (2, 4, 1)}[side]
    acc = 16 if side % 2 == 0 else 32
    result = measure(kernel, arch, tmp_path, P=side, Mt=shape[0], Kt=shape[1], Nt=shape[2], acc=acc, waits=1)
    start, aligned, end = (result["stamps"][..., i] for i in (1, 2, 3))
    assert (start <= aligned).all() and (aligned < end).all()
    assert start.max() - start.min() < 40, "the PEs start together"
    assert (result["waited"] > 0).all() and (result["waited"] < result["cycles"]).all()


@pytest.mark.parametrize("kernel", ["meshgemm", "cannon", "summa"])
def test_without_overlap(kernel, tmp_path):
    """The other order of product and communication gives the same numbers."""
    size = {"P": 3, "Mt": 3, "Kt": 2, "Nt": 3, "acc": 16}
    results = [measure(kernel, "wse3", tmp_path / str(overlap), overlap=overlap, **size) for overlap in (0, 1)]
    assert (results[0]["C"] == results[1]["C"]).all()
    assert results[0]["cycles"] != results[1]["cycles"]


@pytest.mark.long
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("side", range(7, 18))
@pytest.mark.parametrize("kernel", KERNELS)
def test_meshes_up_to_17(kernel, side, arch, tmp_path):
    for acc in (16, 32):
        measure(kernel, arch, tmp_path / str(acc), P=side, Mt=side % 4 + 2, Kt=side % 3 + 1, Nt=side % 5 + 1, acc=acc)


@pytest.mark.parametrize("kernel", KERNELS)
def test_smaller_matrices_are_padded(kernel, tmp_path):
    """M, K, N that do not divide: the host fills up with zeros and cuts the result."""
    rng = np.random.default_rng(5)
    a, b = rng.uniform(-1, 1, (7, 8)).astype(np.float16), rng.uniform(-1, 1, (8, 5)).astype(np.float16)
    np.savez(tmp_path / "in.npz", A=a, B=b.T if kernel.endswith("_t") else b)
    compiled = build(kernel, "wse3", tmp_path / "out", P=3, Mt=3, Kt=3, Nt=2, acc=32)
    run(kernel, compiled, "--inputs", str(tmp_path / "in.npz"), "--out", str(tmp_path / "c.npz"))
    with np.load(tmp_path / "c.npz") as data:
        assert data["C"].shape == (7, 5)
        assert np.abs(data["C"] - a.astype(float) @ b.astype(float)).max() < 1e-5


def test_host_program_sees_a_wrong_result(tmp_path):
    """Tiles that were never aligned give a wrong product, and the host program says so."""
    compiled = build("meshgemm", "wse3", tmp_path / "out", P=3, Mt=2, Kt=2, Nt=2, acc=32, align=0)
    with pytest.raises(AssertionError, match="FAILED"):
        run("meshgemm", compiled)
