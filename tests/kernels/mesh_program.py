"""Compile a program for a mesh and run it: a layout, parameters, arrays and calls go in, the arrays come back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wafersim.cli import cslc

PROGRAMS = Path(__file__).parent / "csl"


def compile_program(layout: Path, folder: Path, arch: str, params: Mapping[str, int]) -> None:
    """Into folder/out; `params` of the layout, `width` and `height` among them."""
    arguments = [
        *(str(layout), f"--arch={arch}", "-o", str(folder / "out"), "--memcpy", "--channels=1"),
        *(f"--fabric-dims={params['width'] + 7},{params['height'] + 2}", "--fabric-offsets=4,1"),
        "--params=" + ",".join(f"{name}:{value}" for name, value in params.items()),
    ]
    assert cslc.main(arguments) == 0, "cslc fails: its messages are in the captured output"


def host_program(*arguments: str, cwd: Path) -> None:
    command = sys.executable, "-m", "wafersim.cli.cs_python", *arguments
    result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout


def call(folder: Path, calls: list[str], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`arrays` [height, width, n] as they are after the calls, "function" or "function:argument" (csl/run.py)."""
    np.savez(folder / "in.npz", **arrays)  # pyright: ignore[reportArgumentType]
    host_program(str(PROGRAMS / "run.py"), "out", *calls, cwd=folder)
    return dict(np.load(folder / "out.npz"))
