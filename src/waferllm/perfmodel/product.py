"""Cycles of the local products, which all kernels of a family share (kernels_csl/lib/product.csl,
lib/gemv/product.csl)."""

from __future__ import annotations

import math

from waferllm.experiments import Experiment
from waferllm.kernels import gemv_shape, kernel_of, mesh_for, whole_slab
from waferllm.perfmodel.costs import BOOKKEEPING, Costs, costs


def product_cycles(experiment: Experiment) -> float:
    """All local products of one PE, one after the other and without communication."""
    if kernel_of(experiment).family == "gemv":
        return gemv_product(experiment)
    slabs, rows, inner, columns = slab_shape(experiment)
    return slabs * slab_product(rows, inner, columns, experiment.acc, costs(experiment.arch))


def slab_shape(experiment: Experiment) -> tuple[int, int, int, int]:
    """Products a PE makes, and the sizes of one: rows of A, length of the sums, columns of C."""
    mesh = mesh_for(experiment)
    slabs = math.lcm(mesh.width, mesh.height)
    rows = mesh.padded["M"] // mesh.height
    if experiment.kernel == "meshgemm_t":
        return slabs, rows, mesh.padded["K"] // mesh.width, mesh.padded["N"] // slabs
    return slabs, rows, mesh.padded["K"] // slabs, mesh.padded["N"] // mesh.width


def slab_product(rows: int, inner: int, columns: int, acc: int, cost: Costs) -> float:
    """C += A B for one slab: two operations on all products of it, or a multiply-add for each element of B."""
    count = rows * inner * columns
    if whole_slab(acc, rows, count):
        return cost.vector("f16", count, 1) + cost.vector("f16", count, 1, 1) + BOOKKEEPING["slab"]
    kind, words = ("fmac16", 1) if acc == 16 else ("mixed", 2)
    each = cost.vector(kind, rows, words, 1) + cost.map_iteration
    return inner * (columns * each + BOOKKEEPING["column"]) + BOOKKEEPING["slab"]


def gemv_product(experiment: Experiment) -> float:
    """y = A x on one PE: a multiply-add of a column of A for each element of x, sums in f32."""
    cost = costs(experiment.arch)
    _, rows, columns = gemv_shape(experiment, mesh_for(experiment))
    kind, words = ("mixed", 1) if experiment.bits == 16 else ("fmac32", 2)
    return columns * (cost.vector(kind, rows, 2, words) + cost.map_iteration) + BOOKKEEPING["gemv"]
