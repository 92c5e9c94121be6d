"""One workflow at a time in a folder, and no trace of a killed one: kernel locks in `.snakemake/` that die with us.

Snakemake's own lock files outlive a process that is killed; the next run then asks for `--unlock`. Here the main
process holds a lock of the operating system as long as it lives, and each job's script one of its own. Who gets the
main lock knows that lock files lying about are stale and removes them, after jobs that a killed run left behind ended.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from pathlib import Path

MAIN, JOBS = "main.lock", "jobs.lock"
_held: list[int] = []
"""Descriptors of this process's locks: open until it ends."""


def claim(folder: str | Path) -> bool:
    """Take the folder for this process; False if a living process has it (Snakemake reports that one itself)."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    if not _lock(folder / MAIN, fcntl.LOCK_EX | fcntl.LOCK_NB):
        return False
    _wait_for_jobs(folder)
    shutil.rmtree(folder / "locks", ignore_errors=True)
    return True


def join(folder: str | Path = ".snakemake") -> None:
    """Called by the script of a job: a run that starts anew waits until this process has ended."""
    if Path(folder).is_dir():
        _lock(Path(folder) / JOBS, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _wait_for_jobs(folder: Path) -> None:
    told = False
    while not _lock(folder / JOBS, fcntl.LOCK_EX | fcntl.LOCK_NB, keep=False):
        if not told:
            print("waiting for jobs of a killed run to end", file=sys.stderr, flush=True)
        told = True
        time.sleep(0.2)


def _lock(path: Path, mode: int, keep: bool = True) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, mode)
    except OSError:
        os.close(descriptor)
        return False
    if keep:
        _held.append(descriptor)
    else:
        os.close(descriptor)
    return True
