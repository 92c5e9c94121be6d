"""What the commands of a toolchain take: a block that runs them goes in, seconds and memory come out."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterator

PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ru_maxrss counts in."""


@contextlib.contextmanager
def of_commands() -> Iterator[dict[str, float]]:
    """Fills the dictionary when the block ends.

    wall_seconds: of the block. cpu_seconds: of the processes that it waited for, all their threads together. peak_mb:
    most memory of any process that this one has waited for so far, so that each stage should be a process of its own.
    """
    used: dict[str, float] = {}
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    yield used
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    used |= {
        "wall_seconds": round(time.monotonic() - begin, 3),
        "cpu_seconds": round(cpu, 3),
        "peak_mb": round(after.ru_maxrss * PEAK_UNIT / 1e6, 1),
    }
