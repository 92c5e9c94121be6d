"""Run a host program and print what each call of its runtime takes: seconds of CPU and wall, memory afterwards, peak.

    cs_python scripts/dev/time_host.py kernels_csl/meshgemv/run.py --name out --tiles tiles.npz --out outputs.npz

In: a host program and its arguments. Out: a line for each call on the terminal, besides what the program prints.
"""

from __future__ import annotations

import functools
import resource
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wafersim.runtime.sdkruntime import SdkRuntime

CALLS = ("__init__", "load", "run", "memcpy_h2d", "memcpy_d2h", "launch", "stop")


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for name in CALLS:
        setattr(SdkRuntime, name, timed(name, getattr(SdkRuntime, name)))
    print(f"{'call':<12} {'CPU s':>8} {'wall s':>8} {'MB':>8} {'peak MB':>8} {'cycle':>10}")
    sys.argv = sys.argv[1:]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        print(row("in all", time.process_time(), time.monotonic() - START, None))


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(runtime: Any, *arguments: Any, **options: Any) -> Any:
        cpu, wall = time.process_time(), time.monotonic()
        result = function(runtime, *arguments, **options)
        print(row(name, time.process_time() - cpu, time.monotonic() - wall, runtime), flush=True)
        return result

    return call


def row(name: str, cpu: float, wall: float, runtime: Any) -> str:
    device = getattr(runtime, "_device", None)
    cycle = device.mesh.cycle if device else ""
    return f"{name:<12} {cpu:8.2f} {wall:8.2f} {resident():8.0f} {peak():8.0f} {cycle:>10}"


def resident() -> float:
    """MB of memory now; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return 0.0


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


START = time.monotonic()

if __name__ == "__main__":
    main()
