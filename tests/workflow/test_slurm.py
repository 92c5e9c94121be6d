"""Cluster submission for real (long): profile `slurm` on a Slurm of one node that the test brings up."""

from __future__ import annotations

import subprocess

import pytest
from workflow.slurm_cluster import cluster, missing
from workflow.workspace import TINY, environment

OTHER = "other,check,pipeline_gemv,wse2,2,2,4,6,,,32,,0,1,,,1"


@pytest.mark.long
def test_workflow_runs_through_slurm(workspace, tmp_path_factory):
    lacking = missing()
    if lacking:
        pytest.skip(f"no Slurm here (missing: {', '.join(lacking)}); Debian: apt-get install slurm-wlm munge")
    table = workspace.experiments(TINY, OTHER)
    with cluster(tmp_path_factory.mktemp("slurm")) as variables:
        words = ["results/aggregate/measurements.csv", "--workflow-profile", "slurm", "--latency-wait", "10",
                 "--slurm-init-seconds-before-status-checks", "3"]
        result = subprocess.run(
            workspace.command(*words, "--config", table), cwd=workspace.folder, env=environment() | variables,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("has been submitted with SLURM jobid") == 2 * 5 + 1, "each job was one of the cluster"
    rows = workspace.path("results/aggregate/measurements.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 3 and all(",pass," in row for row in rows[1:])
