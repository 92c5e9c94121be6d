"""MeshGEMV from cslc to cs_python: right sums on meshes of every shape, and the kept results are what comes out."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "kernels_csl" / "meshgemv"


def command(module: str) -> str:
    return f"{sys.executable} -m wafersim.cli.{module}"


def toolchain(*arguments: str, cwd: Path) -> str:
    result = subprocess.run(arguments, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    return result.stdout


def run(folder: Path, arch: str, inputs: Path | None = None, **params: int) -> dict[str, np.ndarray]:
    """Compile and run; what the host program wrote."""
    given = {"broadcast": 1, "bits": 32} | params
    text = ",".join(f"{name}:{value}" for name, value in given.items())
    dims = f"--fabric-dims={given['width'] + 7},{given['height'] + 2}"
    cslc = [sys.executable, "-m", "wafersim.cli.cslc", f"--arch={arch}", str(KERNEL / "layout.csl"), dims]
    toolchain(*cslc, "--fabric-offsets=4,1", f"--params={text}", "-o", "out", "--memcpy", "--channels=1", cwd=folder)
    cs_python = [sys.executable, "-m", "wafersim.cli.cs_python", str(KERNEL / "run.py")]
    given_inputs = ["--inputs", str(inputs)] if inputs else []
    toolchain(*cs_python, "--name", "out", "--out", "result.npz", *given_inputs, cwd=folder)
    with np.load(folder / "result.npz") as data:
        return dict(data)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(
    ("width", "height", "group"),
    [(4, 4, 2), (7, 3, 3), (5, 2, 5), (6, 1, 1), (3, 2, 2)],
    ids=["square", "last group smaller", "one group", "groups of one", "smallest width"],
)
def test_sums_are_exact_for_integers_on_meshes_of_every_shape(tmp_path, arch, width, height, group):
    rng = np.random.default_rng(5)
    rows, columns = 3 * height, 2 * width
    a = rng.integers(-9, 10, (rows, columns)).astype(np.float32)
    x = rng.integers(-9, 10, columns).astype(np.float32)
    np.savez(tmp_path / "inputs.npz", A=a, x=x)
    shape = {"width": width, "height": height, "M": rows, "N": columns, "group": group}
    result = run(tmp_path, arch, tmp_path / "inputs.npz", **shape)
    assert (result["y"] == a @ x).all()
    assert (result["y_pes"] == (a @ x).reshape(height, 1, 3)).all()


def test_halves_are_summed_in_single_precision(tmp_path):
    a = np.full((4, 8), 2048.0, np.float16)
    a[:, 0] = 1.0
    x = np.ones(8, np.float16)
    np.savez(tmp_path / "inputs.npz", A=a, x=x)
    result = run(tmp_path, "wse3", tmp_path / "inputs.npz", width=4, height=2, M=4, N=8, group=2, bits=16)
    assert (result["y"] == 7 * 2048.0 + 1).all()


def test_all_pes_start_together(tmp_path):
    result = run(tmp_path, "wse3", width=6, height=4, M=16, N=12, group=3)
    start = result["stamps"][..., 1]
    assert start.max() - start.min() <= 30  # one round of the loop that waits
    assert (result["stamps"][..., 1:] >= result["stamps"][..., :-1]).all()


def test_host_program_refuses_inputs_of_another_size(tmp_path):
    np.savez(tmp_path / "inputs.npz", A=np.zeros((4, 4), np.float32), x=np.zeros(4, np.float32))
    with pytest.raises(AssertionError, match=r"inputs: A \(4, 4\) and x \(4,\) do not fit M, N = \(8, 4\)"):
        run(tmp_path, "wse2", tmp_path / "inputs.npz", width=4, height=2, M=8, N=4, group=2)


def test_kept_results_are_what_the_command_gives(tmp_path):
    script = [sys.executable, str(ROOT / "scripts/dev/run_meshgemv.py"), "--cslc", command("cslc")]
    script += ["--cs-python", command("cs_python")]
    toolchain(*script, "--work", str(tmp_path), "--out", str(tmp_path / "meshgemv.csv"), cwd=ROOT)
    kept, new = (
        list(csv.DictReader((folder / "meshgemv.csv").open()))
        for folder in (ROOT / "results/paper", tmp_path)
    )
    assert new == kept, "cycles have changed: if they should, run make generated"


def test_table_of_the_readme_shows_the_kept_results():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in csv.DictReader((ROOT / "results/paper/meshgemv.csv").open()):
        shape = f"| {row['arch']} | {row['width']} x {row['height']} | {row['M']} x {row['N']}, f{row['bits']} |"
        errors = f"{float(row['max_error']):.1e} | {float(row['error_bound']):.1e}"
        assert f"{shape} {row['cycles']} | {row['product_cycles']} | {errors} |" in readme
