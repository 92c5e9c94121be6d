"""The table of kernels: no gaps against the folders, files of each stage agree with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from waferllm.kernels import KERNELS

ROOT = Path(__file__).resolve().parents[2] / "kernels_csl"

def test_each_folder_has_a_row():
    folders = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.rglob("layout.csl")}
    assert folders - {"llm"} <= {row.folder for row in KERNELS.values()}, "llm runs from config/generations.csv"


@pytest.mark.parametrize("name", KERNELS)
def test_each_row_has_a_folder(name):
    folder = ROOT / KERNELS[name].folder
    assert (folder / "layout.csl").is_file() and (folder / "run.py").is_file()
