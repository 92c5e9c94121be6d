"""`pip install .` into an empty environment gives commands that work (long: it builds the engine)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run(command: list, **options) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.long
def test_installed_commands_compile_and_run_a_kernel(tmp_path):
    environment = tmp_path / "venv"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run([sys.executable, "-m", "venv", environment])
    commands = environment / "bin"
    run([commands / "pip", "install", "-q", ROOT], env=clean)
    kernel = ROOT / "kernels_csl" / "meshgemv"
    run(
        [commands / "cslc", "--arch=wse3", kernel / "layout.csl", "--fabric-dims=9,4", "--fabric-offsets=4,1",
         "--params=width:2,height:2,Mt:4,Kt:4,bits:32", "-o", "out", "--memcpy", "--channels=1"],
        cwd=tmp_path, env=clean,
    )  # fmt: skip
    np.savez(tmp_path / "tiles.npz", A=np.ones((2, 2, 16), np.float32), x=np.ones((2, 2, 4), np.float32))
    host = ["--name", "out", "--tiles", "tiles.npz", "--out", "outputs.npz"]
    assert "cycles:" in run([commands / "cs_python", kernel / "run.py", *host], cwd=tmp_path, env=clean)
