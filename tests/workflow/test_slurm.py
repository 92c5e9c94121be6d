"""Cluster submission for real (long): profile `slurm` on a Slurm of one node that the test brings up."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import pytest
from workflow.slurm_cluster import cluster, missing
from workflow.workspace import ROOT, TINY, Workspace, environment, wrong_kernels

OTHER = "other,check,pipeline_gemv,wse2,2,2,4,6,,,32,,0,1,,,1"
SUBMITTED = "has been submitted with SLURM jobid"
STARTED = "Building DAG of jobs..."


def through_slurm(workspace: Workspace, folder: Path, *words: str, code: int = 0) -> str:
    """Runs the workflow on a cluster that lives meanwhile; returns what it told."""
    with cluster(folder) as variables:
        options = ["--workflow-profile", "slurm", "--latency-wait", "10",
                   "--slurm-init-seconds-before-status-checks", "3"]
        result = subprocess.run(
            workspace.command(*words, *options), cwd=workspace.folder, env=environment() | variables,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    assert result.returncode == code, result.stdout
    return result.stdout


def measurements(workspace: Workspace) -> list[dict[str, str]]:
    with workspace.path("results/aggregate/measurements.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lines(table: str) -> int:
    """Rows of a table of this repository."""
    with (ROOT / table).open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(line for line in file if not line.startswith("#")))


def starts(workspace: Workspace) -> list[int]:
    """How often each job of the cluster started Snakemake."""
    logs = workspace.path(".snakemake/slurm_logs").rglob("*.log")
    return [log.read_text(encoding="utf-8").count(STARTED) for log in logs]


@pytest.fixture(autouse=True)
def _slurm():
    lacking = missing()
    if lacking:
        pytest.skip(f"no Slurm here (missing: {', '.join(lacking)}); Debian: apt-get install slurm-wlm munge")


@pytest.mark.long
def test_workflow_runs_through_slurm(workspace, tmp_path_factory):
    table = workspace.experiments(TINY, OTHER)
    target = "results/aggregate/measurements.csv"
    told = through_slurm(workspace, tmp_path_factory.mktemp("slurm"), target, "--config", table)
    assert told.count(SUBMITTED) == 2 + 1, "a job of the cluster for each experiment, and one for the table"
    assert starts(workspace) == [1, 1, 1], "stages of an experiment run in one process"
    assert [row["verdict"] for row in measurements(workspace)] == ["pass", "pass"]


@pytest.mark.long
def test_a_wrong_kernel_ends_its_job_only(workspace, tmp_path_factory):
    config = ("--config", workspace.experiments(TINY, OTHER), wrong_kernels(workspace))
    told = through_slurm(workspace, tmp_path_factory.mktemp("slurm"), *config, code=1)
    assert "validation failed: tiny" in told
    assert workspace.path("results/failed/tiny/report.json").exists()
    assert not workspace.path("results/validate/tiny.json").exists()
    assert workspace.path("results/validate/other.json").exists(), "the other job goes on"


@pytest.mark.long
def test_the_quick_profile_through_slurm_gives_the_results_that_are_kept(workspace, tmp_path_factory):
    """Experiments and texts, each a job: takes about half an hour on two free cores."""
    shutil.copy2(ROOT / "config/generations.csv", workspace.path("config"))
    shutil.copytree(ROOT / "results" / "llm", workspace.path("results/llm"))  # records that tables have a row of
    told = through_slurm(workspace, tmp_path_factory.mktemp("slurm"))
    rows, texts = measurements(workspace), list(workspace.path("results/generate").glob("*.json"))
    assert len(rows) == lines("config/experiments.quick.csv") and len(texts) == lines("config/generations.csv")
    assert {row["verdict"] for row in rows} == {"pass"}
    kept = [path for folder in ("tables", "figures") for path in sorted((ROOT / "results" / folder).iterdir())]
    items = len({path.stem for path in kept if path.parent.name == "tables"})
    figures = len({path.stem for path in kept if path.parent.name == "figures"})
    assert told.count(SUBMITTED) == len(rows) + len(texts) + 1 + items + figures
    assert set(starts(workspace)) == {1}
    for path in kept:
        made = workspace.path(str(path.relative_to(ROOT)))
        assert made.read_bytes() == path.read_bytes(), f"{made.relative_to(workspace.folder)} is another one than kept"
