"""A folder in which the workflow runs as in a fresh clone: Snakefile, rules, scripts, kernels, settings; no results."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "workflow", "profiles", "scripts", "config", "kernels_csl", "envs")
HEADER = "id,item,kernel,arch,width,height,M,K,N,acc,bits,phases,axis,broadcast,align,overlap,seed"
TEXT_HEADER = "id,model,arch,width,height,count,together,block,concatenate,prompt"
TINY = "tiny,figure_10,meshgemv,wse3,2,2,5,7,,,16,1,0,1,,,1"
"""One small experiment."""


@dataclass(frozen=True)
class Workspace:
    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, text: str) -> Path:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def experiments(self, *rows: str) -> str:
        """Writes a table of experiments; returns the option that selects it."""
        self.write("config/experiments.test.csv", "\n".join([HEADER, *rows]) + "\n")
        return "experiments=config/experiments.test.csv"

    def generations(self, *rows: str) -> None:
        """Writes the table of models that generate text."""
        self.write("config/generations.csv", "\n".join([TEXT_HEADER, *rows]) + "\n")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *words]

    def snakemake(self, *words: str, config: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Runs the command; standard error is part of the output."""
        command = self.command(*words, *(["--config", *config] if config else []))
        return subprocess.run(
            command, cwd=self.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def results(self) -> dict[str, int]:
        """All files below results/ with their times of change."""
        files = (path for path in self.path("results").rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.stat().st_mtime_ns for path in files}


def make(folder: Path) -> Workspace:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, folder / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part, follow_symlinks=False)
    made = Workspace(folder)
    made.generations()
    return made


def wrong_kernels(workspace: Workspace) -> str:
    """A copy of the kernels in which GEMVs with 16 bits subtract products from the sum; the option that selects it."""
    wrong = workspace.path("kernels_wrong")
    shutil.copytree(workspace.path("kernels_csl"), wrong)
    path = wrong / "lib/gemv/product.csl"
    text = path.read_text(encoding="utf-8")
    right = "@fmachs(sum_out, sum_in, column, value)"
    assert text.count(right) == 1
    path.write_text(text.replace(right, right.replace(", value", ", -value")), encoding="utf-8")
    return "kernels=kernels_wrong"


def environment() -> dict[str, str]:
    """Of the interpreter that runs the tests, with this checkout's packages."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "src")}
