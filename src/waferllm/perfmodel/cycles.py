"""Cycles of a whole kernel by formula: an experiment goes in, its cycles by term come out.

Every formula is steps x (product + transfer + bookkeeping) + latency. A PE has one issue slot for its main thread
and all its microthreads, and each wavelet that it sends or receives takes a cycle of it; so transfers of both axes
add up, and overlap hides the latency of a transfer but not its words. Notation: W x H mesh, L = lcm(W, H) slabs, a
and b 32-bit words of a slab of A and B, n elements of the result a PE.

    MeshGEMM, Cannon   align + L product + (L - 1) (2 (a + b) + s), with a + b only if W = H = P,
                       align = (a + b) (P // 2 + 1) + chunks s' if W = H = P, else most shifts (2 (a + b) + s')
    MeshGEMM, transp.  L (product + b + sums + s)
    SUMMA              first + L (product + a + b + s)
    all-gather         places (words of a turn + s) + L product
    pipeline GEMV      product + (P - 1) stage + n + broadcast
    K-tree GEMV        product + sum over phases of (members to the root) (stage + passed PEs) + 2 n + broadcast
    ring GEMV          product + 2 (P - 1) (words of a part + stage + s)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from waferllm.experiments import Experiment
from waferllm.kernels import gemv_shape, mesh_for, tree_phases
from waferllm.perfmodel.costs import BOOKKEEPING, costs
from waferllm.perfmodel.product import product_cycles, slab_shape

Terms = dict[str, float]


def cycles(experiment: Experiment) -> float:
    """First start to last end."""
    return sum(terms(experiment).values())


def terms(experiment: Experiment) -> Terms:
    """The parts of the sum: product, transfer, bookkeeping, latency."""
    return FORMULAS[experiment.kernel](experiment)


# ------------------------------------------------------------------------------------------------ GEMM


def slab_words(experiment: Experiment) -> tuple[int, int]:
    """32-bit words of a slab of A and of B."""
    _, rows, inner, columns = slab_shape(experiment)
    return -(-rows * inner // 2), -(-inner * columns // 2)


def _parts(product: float, transfer: float, bookkeeping: float, latency: float) -> Terms:
    return {"product": product, "transfer": transfer, "bookkeeping": bookkeeping + BOOKKEEPING["end"], "latency":
    latency}


def _shift(longest: Callable[[int], int], experiment: Experiment) -> Terms:
    """Compute-shift; `longest` is the longest way of a shift in hops, from the PEs of the ring."""
    slabs = math.lcm(experiment.width, experiment.height)
    a, b = slab_words(experiment)
    aligned, own = _alignment(experiment, a, b) if experiment.align else (0, 0)
    hops = max(longest(experiment.width), longest(experiment.height)) * costs(experiment.arch).hop
    square = experiment.width == experiment.height
    own += BOOKKEEPING["align"] + BOOKKEEPING["slot" if square else "step"] * (slabs - 1)
    passes = 1 if square else 2  # on a square mesh the slabs leave during the product
    return _parts(product_cycles(experiment), aligned + passes * (a + b) * (slabs - 1), own, hops)


def _alignment(experiment: Experiment, a: int, b: int) -> tuple[float, float]:
    """Transfers and bookkeeping: chunks handed on unstored on a square mesh, shift after shift on another one."""
    if experiment.width == experiment.height:
        chunks = -(-max(a, b) // costs(experiment.arch).chunk)
        return (a + b) * (experiment.width // 2 + 1), chunks * BOOKKEEPING["chunk"]
    slabs = math.lcm(experiment.width, experiment.height)
    shifts = max((places - 1) * (slabs // places) for places in (experiment.width, experiment.height))
    return 2 * (a + b) * shifts, shifts * BOOKKEEPING["shift"]


def _summa(experiment: Experiment) -> Terms:
    slabs = math.lcm(experiment.width, experiment.height)
    a, b = slab_words(experiment)
    hops = (experiment.width + experiment.height) * costs(experiment.arch).hop
    own = BOOKKEEPING["first"] + slabs * BOOKKEEPING["turn"]
    return _parts(product_cycles(experiment), (a + b) * (slabs + 1), own, hops)


def _allgather(experiment: Experiment) -> Terms:
    slabs = math.lcm(experiment.width, experiment.height)
    a, b = slab_words(experiment)
    places = max(experiment.width, experiment.height)
    hops = (experiment.width + experiment.height) * costs(experiment.arch).hop
    own = BOOKKEEPING["begin"] + places * BOOKKEEPING["gather"]
    return _parts(product_cycles(experiment), slabs * (a + b), own, hops)


def _transposed(experiment: Experiment) -> Terms:
    slabs, rows, inner, columns = slab_shape(experiment)
    words = -(-inner * columns // 2)
    sums = rows * columns * (2 if experiment.acc == 32 else 1)
    hops = (experiment.width + experiment.height) * costs(experiment.arch).hop
    moved = slabs * (2 * words + sums)
    return _parts(product_cycles(experiment), moved, (slabs - 1) * BOOKKEEPING["reduce"], hops)


# ------------------------------------------------------------------------------------------------ GEMV


def _gemv(reduction: Callable[[Experiment, int, int], tuple[float, float, float]], experiment: Experiment) -> Terms:
    """Product, reduction, broadcast; `reduction` gives transfer, bookkeeping and latency."""
    line, rows, _ = gemv_shape(experiment, mesh_for(experiment))
    transfer, own, latency = reduction(experiment, line, rows)
    return _parts(product_cycles(experiment), transfer, own, latency)


def _spread(experiment: Experiment, farthest: int, rows: int) -> tuple[float, float, float]:
    """Broadcast of the result from its root to the farthest PE."""
    if not experiment.broadcast:
        return 0, 0, 0
    return rows, BOOKKEEPING["spread"], farthest * costs(experiment.arch).hop


def _pipeline(experiment: Experiment, line: int, rows: int) -> tuple[float, float, float]:
    moved, own, away = _spread(experiment, line - 1, rows)
    return rows + moved, BOOKKEEPING["phase"] + own, (line - 1) * costs(experiment.arch).stage + away


def _ktree(experiment: Experiment, line: int, rows: int) -> tuple[float, float, float]:
    cost = costs(experiment.arch)
    moved, own, latency = _spread(experiment, line // 2, rows)
    for members, spacing in tree_phases(line, experiment.phases):
        latency += members // 2 * (cost.stage + (spacing - 1) * cost.hop)
        moved += rows * (2 if members > 2 else 1)
        own += BOOKKEEPING["phase"] * (2 if members > 2 else 1)  # a root in the middle hears two sides
    return moved, own, latency


def _ring(experiment: Experiment, line: int, rows: int) -> tuple[float, float, float]:
    part = -(-rows // line)
    steps = 2 * (line - 1)
    own = 2 * BOOKKEEPING["round"] + steps * BOOKKEEPING["ring"]
    return steps * part, own, line * costs(experiment.arch).hop


def _bind(formula: Callable[..., Terms], first: Callable[..., object]) -> Callable[[Experiment], Terms]:
    return lambda experiment: formula(first, experiment)


FORMULAS: Mapping[str, Callable[[Experiment], Terms]] = {
    "meshgemm": _bind(_shift, lambda places: min(2, places - 1)),
    "meshgemm_t": _transposed,
    "cannon": _bind(_shift, lambda places: places - 1),
    "summa": _summa,
    "allgather": _allgather,
    "meshgemv": _bind(_gemv, _ktree),
    "pipeline_gemv": _bind(_gemv, _pipeline),
    "ring_gemv": _bind(_gemv, _ring),
}
