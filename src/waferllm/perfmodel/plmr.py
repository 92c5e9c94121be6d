"""PLMR: what the paper's device model asks of an algorithm; an experiment goes in, one record comes out.

P parallelism: PEs at work. L latency: hops and routing stages on the longest chain of transfers that wait for each
other. M memory: bytes a PE. R routing paths: colors. The complexities are those of the paper (WaferLLM, OSDI 2025,
sections 4 to 6): a step of MeshGEMM goes 2 hops, of Cannon and SUMMA up to the whole line; a K-tree has about K/2
P^(1/K) stages where a pipeline has P - 1 and a ring 2 (P - 1); all-gather needs the memory of whole rows and columns.
The numbers here are exact for our kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waferllm.experiments import Experiment
from waferllm.kernels import gemv_shape, kernel_of, memory_breakdown, mesh_for, tree_phases


@dataclass(frozen=True)
class Plmr:
    """`step_hops`: the longest way of one transfer; `hops`, `stages`: of the whole chain."""

    parallelism: int
    step_hops: int
    hops: int
    stages: int
    memory_bytes: int
    colors: int


def plmr(experiment: Experiment) -> Plmr:
    step, hops, stages = LATENCY[experiment.kernel](experiment)
    return Plmr(
        parallelism=experiment.width * experiment.height,
        step_hops=step,
        hops=hops,
        stages=stages,
        memory_bytes=sum(memory_breakdown(experiment).values()),
        colors=kernel_of(experiment).colors_of(experiment),
    )


Latency = tuple[int, int, int]
"""Longest way of a transfer, hops and stages of the chain."""


def _shift(step: Callable[[int], int], experiment: Experiment) -> Latency:
    """Alignment, then a shift after each product but the last."""
    slabs = math.lcm(experiment.width, experiment.height)
    longest = max(step(experiment.width), step(experiment.height))
    turns = max((places - 1) * (slabs // places) for places in (experiment.width, experiment.height))
    count = slabs - 1 + (turns if experiment.align else 0)
    return longest, longest * count, count


def _summa(experiment: Experiment) -> Latency:
    slabs, longest = math.lcm(experiment.width, experiment.height), max(experiment.width, experiment.height) - 1
    return longest, longest * slabs, slabs


def _allgather(experiment: Experiment) -> Latency:
    """All PEs of a line in turn; who is heard does not pass anything on."""
    places = max(experiment.width, experiment.height)
    return places - 1, (places - 1) * places, places


def _transposed(experiment: Experiment) -> Latency:
    """No alignment: B shifts along y, the sums go once around the ring along x."""
    slabs = math.lcm(experiment.width, experiment.height)
    longest = max(min(2, experiment.width - 1), min(2, experiment.height - 1))
    count = slabs - 1 + experiment.width - 1
    return longest, longest * count, count


def _line(experiment: Experiment) -> int:
    return gemv_shape(experiment, mesh_for(experiment))[0]


def _pipeline(experiment: Experiment) -> Latency:
    away = _line(experiment) - 1
    spread = experiment.broadcast
    return max(1, away * spread), away * (1 + spread), away + spread


def _ring(experiment: Experiment) -> Latency:
    """Reduce-scatter, then all-gather, on a ring whose last transfer goes the whole line."""
    line = _line(experiment)
    return line - 1, 2 * 2 * (line - 1), 2 * (line - 1)


def _ktree(experiment: Experiment) -> Latency:
    line = _line(experiment)
    phases = tree_phases(line, experiment.phases)
    stages = sum(members // 2 for members, _ in phases)
    hops = sum(members // 2 * spacing for members, spacing in phases)
    away = line // 2 * experiment.broadcast
    return max([away, *(spacing for _, spacing in phases)]), hops + away, stages + experiment.broadcast


def _bound(step: Callable[[int], int]) -> Callable[[Experiment], Latency]:
    return lambda experiment: _shift(step, experiment)


LATENCY: Mapping[str, Callable[[Experiment], Latency]] = {
    "meshgemm": _bound(lambda places: min(2, places - 1)),
    "meshgemm_t": _transposed,
    "cannon": _bound(lambda places: places - 1),
    "summa": _summa,
    "allgather": _allgather,
    "meshgemv": _ktree,
    "pipeline_gemv": _pipeline,
    "ring_gemv": _ring,
}
