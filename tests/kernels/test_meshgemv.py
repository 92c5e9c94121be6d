"""The kept results of MeshGEMV are what the command gives, and what the README shows."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(module: str) -> str:
    return f"{sys.executable} -m wafersim.cli.{module}"


def test_kept_results_are_what_the_command_gives(tmp_path):
    script = [sys.executable, str(ROOT / "scripts/dev/run_meshgemv.py"), "--cslc", command("cslc")]
    script += ["--cs-python", command("cs_python"), "--work", str(tmp_path), "--out", str(tmp_path / "meshgemv.csv")]
    result = subprocess.run(script, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
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
