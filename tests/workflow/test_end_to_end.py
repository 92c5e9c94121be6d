"""The workflow for real, on meshes of 2 x 2: complete runs, what is made again, other toolchains, failures."""

from __future__ import annotations

import csv
import json
import sys

import pytest
from workflow.workspace import TINY, Workspace, wrong_kernels

OTHER = "other,check,pipeline_gemv,wse2,2,2,4,6,,,32,,0,1,,,1"
MEASUREMENTS = "results/aggregate/measurements.csv"
STAGES = ("inputs", "partition", "compile", "run", "validate")


def measurements(workspace: Workspace) -> dict[str, dict[str, str]]:
    with workspace.path(MEASUREMENTS).open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def jobs(output: str) -> dict[str, int]:
    """Rule → number of jobs, from the table that Snakemake prints."""
    lines = output.partition("Job stats:")[2].splitlines()[3:]
    rows = [line.split() for line in lines[: lines.index("")]]
    return {name: int(count) for name, count in rows if name != "total"}


def test_run_makes_measurements_and_a_second_one_only_what_changed(workspace):
    table = workspace.experiments(TINY, OTHER)
    result = workspace.snakemake(MEASUREMENTS, config=(table,))
    assert result.returncode == 0, result.stdout
    rows = measurements(workspace)
    assert {name: row["verdict"] for name, row in rows.items()} == {"tiny": "pass", "other": "pass"}
    assert int(rows["tiny"]["cycles"]) > 0
    assert "figure_10  meshgemv" in result.stdout and "5x7" in result.stdout
    for stage in STAGES:
        assert workspace.path(f"results/logs/{stage}/tiny.log").exists()
        assert workspace.path(f"results/benchmarks/{stage}/tiny.tsv").exists()

    before = workspace.results()
    again = workspace.snakemake(MEASUREMENTS, config=(table,))
    assert again.returncode == 0 and "Nothing to be done" in again.stdout
    assert workspace.results() == before

    workspace.experiments(TINY.removesuffix("1") + "2", OTHER)
    plan = workspace.snakemake(MEASUREMENTS, "--dry-run", config=(table,))
    assert jobs(plan.stdout) == dict.fromkeys((*STAGES, "aggregate"), 1), "only the experiment whose row changed"

    workspace.experiments(TINY, OTHER)
    source = workspace.path("kernels_csl/meshgemv/layout.csl")
    source.write_text(source.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    plan = workspace.snakemake(MEASUREMENTS, "--dry-run", config=(table,))
    assert jobs(plan.stdout) == {"compile": 1, "run": 1, "validate": 1, "aggregate": 1}, "only the kernel that changed"


def test_sdk_backend_calls_the_commands_of_its_folder(workspace):
    """Our own commands stand in for the vendor's, behind a folder of wrappers that keep a record."""
    folder = workspace.path("sdk")
    folder.mkdir()
    for command in ("cslc", "cs_python"):
        wrapper = folder / command
        call = f'exec "{sys.executable}" -m wafersim.cli.{command} "$@"'
        wrapper.write_text(f'#!/bin/sh\necho "{command} $*" >> "{folder}/calls"\n{call}\n', encoding="utf-8")
        wrapper.chmod(0o755)
    workspace.write("sdk.yaml", f"backend: sdk\nsdk:\n  folder: {folder}\n")
    table = workspace.experiments(TINY)
    result = workspace.snakemake(MEASUREMENTS, "--configfile", "sdk.yaml", config=(table,))
    assert result.returncode == 0, result.stdout
    assert measurements(workspace)["tiny"]["provenance"] == "sdk"
    calls = (folder / "calls").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("cslc kernels_csl/meshgemv/layout.csl --arch=wse3") for line in calls)
    assert any(line.startswith("cs_python kernels_csl/meshgemv/run.py --name results/compile/tiny/") for line in calls)


def test_sdk_backend_without_its_commands_is_refused(workspace):
    table = workspace.experiments(TINY)
    result = workspace.snakemake("results/compile/tiny", config=(table, "backend=sdk", "sdk={folder: nowhere}"))
    assert result.returncode == 1
    assert "backend 'sdk': no command 'cslc' in the folder 'nowhere'" in result.stdout


def test_wrong_kernel_is_caught_and_only_its_branch_stops(workspace):
    table = workspace.experiments(TINY, OTHER)
    result = workspace.snakemake(config=(table, wrong_kernels(workspace)))
    assert result.returncode == 1
    assert "error: validate tiny: experiment tiny: fail: worst element y[" in result.stdout
    assert "validation failed: tiny" in result.stdout
    report = json.loads(workspace.path("results/failed/tiny/report.json").read_text(encoding="utf-8"))
    assert report["worst"]["error"] > report["worst"]["bound"]
    assert workspace.path("results/failed/tiny/outputs.npz").exists()
    assert not workspace.path("results/validate/tiny.json").exists()
    assert workspace.path("results/validate/other.json").exists(), "the other branch goes on"
    assert not workspace.path(MEASUREMENTS).exists()

    mended = workspace.snakemake(MEASUREMENTS, config=(table,))
    assert mended.returncode == 0, mended.stdout
    assert measurements(workspace)["tiny"]["verdict"] == "pass"
    assert not workspace.path("results/failed/tiny").exists()


@pytest.mark.parametrize("profile", ["quick", "paper", "scale", "slurm"])
def test_profile_plans_its_jobs(shared_workspace, profile):
    executor = ("--executor", "dryrun") if profile == "slurm" else ()
    result = shared_workspace.snakemake("--workflow-profile", profile, "--dry-run", *executor)
    assert result.returncode == 0, result.stdout
    results = set() if profile == "scale" else {"tables", "figures"}
    assert {"compile", "run", "aggregate"} | results <= set(jobs(result.stdout))


def test_models_generate_text(workspace):
    workspace.generations("short,tiny,wse3,4,4,2,0,0,0,ab")
    result = workspace.snakemake("results/generate/short.json", config=(workspace.experiments(TINY),))
    assert result.returncode == 0, result.stdout
    record = json.loads(workspace.path("results/generate/short.json").read_text(encoding="utf-8"))
    assert record["verdict"] == "pass" and len(record["tokens"]) == 2
