"""How much faster several threads are than one, on a machine that may have other work to do.

In: benchmarks of `wafersim bench` as NAME:SIDE:CYCLES, or NAME:SIDE:CYCLES:FIRST where what counts begins in a later
cycle than the 300th. Out: a line each, with the median ratio of wall times and the number of pairs of runs. The meshes
of all numbers of threads advance in turn by the same slices, so a pair has done the same work. Pairs during which other
processes took more than a twentieth of the machine are left out (/proc/stat).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

from wafersim import bench
from wafersim.runtime import mesh as meshes
from wafersim.runtime.exports import functions_by_program

CASES = ("exchange:128:40", "exchange:720:4", "reduce:128:40", "compute:128:2000")
LEAST_PAIRS, MOST_FOREIGN = 7, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "cases", nargs="*", default=CASES, metavar="NAME:SIDE:CYCLES[:FIRST]", help="cycles: of a slice"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--arch", default="wse3", choices=("wse2", "wse3"))
    parser.add_argument("--seconds", type=float, default=60, help="at most, for each case")
    options = parser.parse_args()
    for case in options.cases:
        name, *numbers = case.split(":")
        size, cycles, first = map(int, (*numbers, "300")[:3])
        image = bench.compiled(name, size, size, bench.Plan(rounds=30_000, arch=options.arch))
        runs = [started(image, count, first) for count in (1, options.threads)]
        print(
            f"{name} {size} x {size}, {options.threads} threads: {measure(runs, cycles, options.seconds)}", flush=True
        )


def measure(runs: list[Any], cycles: int, seconds: float) -> str:
    pairs, dropped, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end and len(pairs) < 4 * LEAST_PAIRS:
        busy, own, start = busy_seconds(), time.process_time(), time.monotonic()
        pair = [timed(mesh, cycles) for mesh in runs]
        foreign = busy_seconds() - busy - (time.process_time() - own)
        if foreign > MOST_FOREIGN * (time.monotonic() - start) * (os.cpu_count() or 1):
            dropped += 1
        else:
            pairs.append(pair)
    if not pairs:
        return f"nothing measured, the machine was never free ({dropped} pairs)"
    ratio = statistics.median(one / many for one, many in pairs)
    rate = [
        runs[0].width * runs[0].height * cycles / statistics.median(times) / 1e6 for times in zip(*pairs, strict=True)
    ]
    few = "" if len(pairs) >= LEAST_PAIRS else "; too few to rely on"
    return (
        f"{ratio:.2f} times as fast as one ({rate[0]:.2f} and {rate[1]:.2f} M PE-cycles/s; "
        f"{len(pairs)} pairs, {dropped} left out{few})"
    )


def started(image: Any, threads: int, cycles: int) -> Any:
    mesh = meshes.make(image, engine="fast", threads=threads)
    mesh.launch(0, 0, image.width, image.height, functions_by_program(image, "main"), [])
    mesh.run(cycles, [])
    return mesh


def timed(mesh: Any, cycles: int) -> float:
    start = time.monotonic()
    mesh.run(cycles, [])
    return max(time.monotonic() - start, 1e-9)


def busy_seconds() -> float:
    """Time that all processors of the machine have worked."""
    user, nice, system, _idle, _wait, interrupts, soft, steal, *_ = (
        int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + interrupts + soft + steal) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
