"""Simulated cycles follow the formulas: in size, in growth with the mesh, in their parts; colors are exact."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from waferllm.artifacts import place
from waferllm.backends import backend_of
from waferllm.experiments import Experiment
from waferllm.kernels import KERNELS, kernel_of, memory_breakdown, mesh_for, tree_phases
from waferllm.perfmodel.costs import costs
from waferllm.perfmodel.cycles import FORMULAS, cycles, terms
from waferllm.perfmodel.plmr import LATENCY, plmr
from waferllm.perfmodel.product import product_cycles
from waferllm.pipeline import through

SOURCES = Path(__file__).resolve().parents[2] / "kernels_csl"
PRESENT = [name for name, kernel in KERNELS.items() if (SOURCES / kernel.folder / "layout.csl").is_file()]
TOLERANCE = 0.15
"""Of the formula's cycles against the simulated ones."""
GROWTH = 0.15
"""Of the ratio of cycles on two meshes."""


def experiment(kernel, side, tile=4, arch="wse3", **changes):
    """A square mesh with the same tiles whatever its side."""
    gemm = KERNELS[kernel].family == "gemm"
    size = side * tile
    shape = {"width": side, "height": side if gemm else 2, "M": size if gemm else 2 * tile, "K": size}
    rest: dict[str, Any] = {"id": f"{kernel}{side}", "item": "check", "kernel": kernel, "arch": arch}
    return Experiment(**(rest | shape | {"acc": 16, "N": size if gemm else 1} | changes))


def simulated(case, folder):
    return through(case, backend_of("wafersim"), folder, SOURCES)[0]["cycles"]


QUICK = ("meshgemm", "meshgemv")
RUNS = [(kernel, "wse3") for kernel in PRESENT] + [
    pytest.param(kernel, "wse2", marks=() if kernel in QUICK else pytest.mark.long) for kernel in PRESENT
]


@pytest.mark.parametrize(("kernel", "arch"), RUNS)
def test_simulated_cycles_follow_the_formula_over_the_mesh(kernel, arch, tmp_path):
    small, large = (experiment(kernel, side, arch=arch) for side in (3, 8))
    measured = simulated(small, tmp_path), simulated(large, tmp_path)
    assert_colors_and_memory(small, tmp_path)
    formula = cycles(small), cycles(large)
    assert formula[0] == pytest.approx(measured[0], rel=TOLERANCE)
    assert formula[1] == pytest.approx(measured[1], rel=TOLERANCE)
    assert formula[1] / formula[0] == pytest.approx(measured[1] / measured[0], rel=GROWTH)


def assert_colors_and_memory(case, folder):
    """The program of a case that was run has the colors of the table, and fits its estimate."""
    command = [sys.executable, "-m", "wafersim.cli.main", "info", "--json", str(place("compile", case.id, folder))]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(told["colors"]) == plmr(case).colors
    used = max(2 * program["words"] for program in told["programs"])
    assert used <= sum(memory_breakdown(case).values()) <= used + 2048


@pytest.mark.parametrize("kernel", ["meshgemm", "pipeline_gemv"])
def test_simulated_cycles_follow_the_formula_over_the_tile(kernel, tmp_path):
    case = experiment(kernel, 3, tile=18)
    assert cycles(case) == pytest.approx(simulated(case, tmp_path), rel=TOLERANCE)


@pytest.mark.long
@pytest.mark.parametrize("kernel", [kernel for kernel in PRESENT if KERNELS[kernel].family == "gemm"])
def test_simulated_cycles_follow_the_formula_on_a_mesh_that_is_not_square(kernel, tmp_path):
    case = experiment(kernel, 4, height=3, tile=6)
    assert cycles(case) == pytest.approx(simulated(case, tmp_path), rel=TOLERANCE)


def test_every_kernel_has_formulas():
    assert set(FORMULAS) == set(LATENCY) == set(KERNELS)


def test_parts_of_the_formula():
    case = experiment("meshgemm", 4)
    assert set(terms(case)) == {"product", "transfer", "bookkeeping", "latency"}
    # 4 slabs; 64 products at 8 a cycle, then their sums at 4, and 20 cycles around them
    assert terms(case)["product"] == product_cycles(case) == 4 * (8 + 16 + 20)
    # both tiles of 8 words leave and go 2 places to align; then they move on 3 times
    assert terms(case)["transfer"] == (1 + 2) * (8 + 8) + 3 * (8 + 8)
    assert terms(experiment("meshgemm", 4, align=0))["transfer"] == 3 * (8 + 8)


def test_vector_costs_come_from_the_machine_table():
    cost = costs("wse3")
    # width 8 against two streams of 16-bit words that share 8 words a cycle
    assert (cost.vector("f16", 64, 1), cost.vector("f16", 64, 1, 1), cost.stage) == (8, 16, 9)
    assert costs("wse2").vector("f16", 64, 1) == 16


def test_groups_of_the_k_tree():
    assert tree_phases(16, 2) == [(4, 1), (4, 4)]
    assert tree_phases(27, 3) == [(3, 1), (3, 3), (3, 9)]
    assert tree_phases(17, 1) == [(17, 1)] and tree_phases(2, 2) == [(2, 1), (1, 2)]


def test_latency_as_the_paper_states_it():
    """MeshGEMM: two hops a step whatever the mesh; the tree: about K/2 P^(1/K) stages against P - 1."""
    assert [plmr(experiment("meshgemm", side)).step_hops for side in (2, 3, 9, 17)] == [1, 2, 2, 2]
    assert [plmr(experiment("cannon", side)).step_hops for side in (3, 9)] == [2, 8]
    tree, line, ring = (plmr(experiment(kernel, 16, broadcast=0)).stages for kernel in
                        ("meshgemv", "pipeline_gemv", "ring_gemv"))  # fmt: skip
    assert (tree, line, ring) == (4, 15, 30)


def test_memory_of_all_gather_grows_with_the_mesh():
    grown = [sum(kernel_of(case).buffers(case, mesh_for(case)).values())
             for case in (experiment("allgather", 4), experiment("allgather", 8))]  # fmt: skip
    assert grown[1] > 1.5 * grown[0]
    same = [plmr(experiment("meshgemm", side)).memory_bytes for side in (4, 8)]
    assert same[0] == same[1]
