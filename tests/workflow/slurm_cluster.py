"""A Slurm cluster of one node, this machine, without an accounting database: started and ended with the test."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=300
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def environment_path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def missing() -> list[str]:
    return [name for name in DAEMONS if program(name) is None]


def program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Variables (PATH) with which Slurm's commands find the cluster, also within jobs."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    configuration = folder / "slurm.conf"
    configuration.write_text(settings(folder), encoding="utf-8")
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    munge = [f"--{name}={folder}/munge.{name.partition('-')[0]}" for name in ("key-file", "socket", "pid-file")]
    munge += [f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"]
    environment = {"SLURM_CONF": str(configuration)}
    with contextlib.ExitStack() as stack:
        stack.enter_context(daemon(["munged", "--foreground", "--force", *munge], folder, environment))
        wait_for(lambda: (folder / "munge.socket").exists())
        stack.enter_context(daemon(["slurmctld", "-D"], folder, environment))
        stack.enter_context(daemon(["slurmd", "-D", "-N", "localhost"], folder, environment))
        wait_for(lambda: "idle" in told(["sinfo", "-h", "-o", "%T"], environment))
        yield {"PATH": wrappers(folder / "bin", configuration)}


def wrappers(folder: Path, configuration: Path) -> str:
    """PATH with commands that know the cluster: Snakemake hides variables of Slurm from its jobs."""
    folder.mkdir()
    for name in ("sbatch", "srun", "squeue", "sinfo", "scancel", "scontrol", "sacct", "sacctmgr"):
        wrapper = folder / name
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF="{configuration}" exec "{program(name)}" "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
    return os.pathsep.join([str(folder), environment_path()])


def settings(folder: Path) -> str:
    """The node says that it has twice its cores: a job that asks for two to go through stages uses one at a time."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return CONFIGURATION.format(
        folder=folder, host=socket.gethostname().partition(".")[0], user=getpass.getuser(),
        ports=free_ports(2), cpus=2 * (os.cpu_count() or 1), memory=pages * size // 2**20 * 9 // 10,
    )  # fmt: skip


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def daemon(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{command[0]}.out").open("w") as log:
        words = [program(command[0]) or command[0], *command[1:]]
        process = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | environment)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def told(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True).stdout


def wait_for(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the cluster did not come up"
        time.sleep(0.2)
