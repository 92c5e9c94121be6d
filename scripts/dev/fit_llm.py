"""Simulate tiny models, write the cycles of their prompts and tokens, and fit the costs of the formulas to them.

    python scripts/dev/fit_llm.py                 the fit to the points that are kept
    python scripts/dev/fit_llm.py --simulate      run all of them again first, and keep them (a quarter of an hour)

Costs that come out are to be written into BOOKKEEPING of waferllm.perfmodel.decode and .prefill by hand.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from waferllm.backends.commands import Commands
from waferllm.llm.wafer import WaferGenerator
from waferllm.model.checkpoint import tiny
from waferllm.perfmodel import decode, prefill
from waferllm.perfmodel.points import HELD_OUT, PATH, Point, load_points

KERNELS = Path(__file__).resolve().parents[2] / "kernels_csl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", action="store_true")
    points = load_points()
    if parser.parse_args().simulate:
        points = simulated(points)
        with PATH.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, [f.name for f in dataclasses.fields(Point)], lineterminator="\n")
            table.writeheader()
            table.writerows(dataclasses.asdict(point) for point in points)
    tokens = [point for point in points if point.phase == "decode"]
    shared = fit("decode", tokens, list(decode.BOOKKEEPING), {})
    own = [name for name in prefill.BOOKKEEPING if name in ("move", "word", "head", "token")]
    prompts = [point for point in points if point.phase == "prefill"]
    fit("prefill", prompts, own, {name: shared[name] for name in prefill.BOOKKEEPING if name not in own})


def simulated(points: Sequence[Point]) -> list[Point]:
    """The same runs again: points of one program stand together."""
    programs = "wafersim.cli.cslc", "wafersim.cli.cs_python"
    compiler, runner = ((sys.executable, "-m", name) for name in programs)
    runs: dict[Point, list[Point]] = {}
    for point in points:
        runs.setdefault(dataclasses.replace(point, phase="", cached=0, cycles=0), []).append(point)
    found = []
    for run, wanted in runs.items():
        most = max(point.cached for point in wanted) + 1
        shape = dataclasses.replace(run.shape, capacity=max(run.shape.capacity, most + 1))
        backend = Commands("wafersim", compiler, runner)
        with (
            tempfile.TemporaryDirectory() as folder,
            WaferGenerator(shape, tiny.seeded_tensors(shape.config), run.arch, backend, Path(folder), KERNELS) as wafer,
        ):
            token = wafer.prefill([(7 * i + 5) % shape.config.vocab for i in range(run.prompt)])
            while wafer.length < most:
                token = wafer.decode(token)
            for point in wanted:
                at = 0 if point.phase == "prefill" else point.cached - (run.prompt - 1 if run.together else 0)
                found.append(dataclasses.replace(point, cycles=wafer.cycles[at]))
        print(*dataclasses.astuple(run)[:6], wafer.cycles[:3], flush=True)
    return found


def counted(point: Point) -> tuple[float, Counter]:
    """Cycles that follow from the machine table, and how often each cost counts."""
    if point.phase == "decode":
        cycles, own = decode.terms(point.shape, point.arch, point.cached)
        return sum(cycles.values()), own
    prompt, layers = prefill.Prompt(point.shape, point.arch, point.prompt), point.shape.config.layers
    total, own = 0.0, Counter()
    works = [(work, layers) for work in prompt.layer().values()]
    for work, times in [*works, (prompt.transition(), 2 * layers), (prompt.vector_out(), 1)]:
        total += times * sum(work.cycles.values())
        for name, count in work.own.items():
            own[name] += times * count
    return total, own


def fit(title: str, points: Sequence[Point], names: Sequence[str], given: dict[str, float]) -> dict[str, float]:
    """Least squares on relative errors over the points that are not held out; costs below zero are left out."""
    rows = [counted(point) for point in points]
    cycles = np.array([point.cycles for point in points], float)
    known = np.array([total + sum(cost * own[name] for name, cost in given.items()) for total, own in rows])
    matrix = np.array([[own[name] for name in names] for _, own in rows], float) / cycles[:, None]
    used = np.array([point.side < HELD_OUT for point in points])
    rest = 1 - known / cycles
    kept, found = list(range(len(names))), np.zeros(0)
    while True:
        found = np.linalg.lstsq(matrix[used][:, kept], rest[used], rcond=None)[0]
        if found.min() >= 0:
            break
        del kept[int(found.argmin())]
    costs = dict.fromkeys(names, 0.0) | {names[i]: float(cost) for i, cost in zip(kept, found, strict=True)}
    errors = np.abs(matrix @ np.array([costs[name] for name in names]) - rest)
    print(title, {name: round(cost, 1) for name, cost in costs.items()})
    print(f"  mean {errors[used].mean():.3f}, largest {errors[used].max():.3f}, held out {errors[~used].max():.3f}")
    return costs


if __name__ == "__main__":
    main()
