"""A run that is killed is finished by the same command: no manual unlock, nothing wrong, nothing done twice."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workflow.workspace import ROOT, TINY, Workspace, environment

from waferllm import locks

TABLE = [TINY.replace("tiny", f"tiny{number}") for number in range(2)]
MEASUREMENTS = "results/aggregate/measurements.csv"


@pytest.mark.parametrize(
    "whole_group", [pytest.param(True, id="with its jobs", marks=pytest.mark.long), pytest.param(False, id="alone")]
)
def test_killed_run_is_finished_by_the_same_command(workspace, whole_group):
    words = [MEASUREMENTS, "--config", workspace.experiments(*TABLE)]
    process = subprocess.Popen(
        workspace.command(*words), cwd=workspace.folder, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(lambda: any(workspace.folder.glob("results/run/*/stats.json")))
    os.killpg(process.pid, signal.SIGKILL) if whole_group else os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list(workspace.folder.glob(".snakemake/locks/*")), "it was killed while it held the folder"
    assert not workspace.path(MEASUREMENTS).exists()
    finished = finished_jobs(workspace)
    assert finished

    result = workspace.snakemake(*words)
    assert result.returncode == 0, result.stdout
    rows = workspace.path(MEASUREMENTS).read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(TABLE) and all(",pass," in row for row in rows[1:])
    again = {name for name, changed in finished.items() if workspace.path(name).stat().st_mtime_ns != changed}
    assert not again, "finished jobs that were done again"


def finished_jobs(workspace: Workspace) -> dict[str, int]:
    """Files of jobs that ended (a job's benchmark comes last) without a mark of being incomplete, with their times."""
    marked = [decoded(path.name) for path in workspace.folder.glob(".snakemake/incomplete/*")]
    found = {}
    for benchmark in workspace.folder.glob("results/benchmarks/*/*.tsv"):
        job = workspace.path(f"results/{benchmark.parent.name}") / benchmark.stem
        name = str(job.relative_to(workspace.folder))
        if any(entry == name or entry.startswith(f"{name}/") for entry in marked):
            continue
        for path in job.glob("*.*"):
            if not path.name.startswith("."):
                found[str(path.relative_to(workspace.folder))] = path.stat().st_mtime_ns
    return found


def decoded(name: str) -> str:
    return base64.b64decode(name).decode()


def wait_for(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


# ------------------------------------------------------------------------------------------------ locks


def test_folder_belongs_to_one_process(tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").write_text("results/x\n")
    holder = hold(tmp_path, "claim")
    assert not locks.claim(tmp_path), "a living process has it"
    holder.kill()
    holder.wait()
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").write_text("results/x\n")
    assert locks.claim(tmp_path), "its holder was killed"
    assert not (tmp_path / "locks").exists(), "stale lock files are removed"


def test_claim_waits_for_jobs_of_a_killed_run(tmp_path, capsys):
    job = hold(tmp_path, "join")
    begin = time.monotonic()
    killer = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {job.pid}"])
    assert locks.claim(tmp_path)
    assert time.monotonic() - begin > 0.3
    assert "waiting for jobs of a killed run" in capsys.readouterr().err
    killer.wait()
    job.wait()


def hold(folder: Path, call: str) -> subprocess.Popen[str]:
    """Another process that has called `locks.<call>` and lives."""
    program = f"import time\nfrom waferllm import locks\nlocks.{call}({str(folder)!r})\n"
    program += "print('held', flush=True)\ntime.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process
