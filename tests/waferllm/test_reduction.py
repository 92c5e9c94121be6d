"""Reductions along a line: groups as the kernels lay them out, by hand on small lines, simulated on longer ones."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.made_up_measurements import SIDES

from waferllm.backends import backend_of
from waferllm.experiments import Experiment
from waferllm.perfmodel.costs import costs
from waferllm.perfmodel.reduction import Group, groups, reduction_cycles, tree
from waferllm.pipeline import through
from wafersim import machine

START = 24
"""Cycles by which starts differ on a line, and a line from another: PEs wait in a loop after the reference wave."""


def test_groups_are_laid_out_around_the_final_root():
    assert groups(9, 3, 4) == [Group(0, 2, 1), Group(3, 5, 4), Group(6, 8, 7)]
    assert groups(8, 3, 4) == [Group(0, 2, 1), Group(3, 5, 4), Group(6, 7, 7)]
    assert groups(5, 5, 2) == [Group(0, 4, 2)]


@given(line=st.integers(2, 900), phases=st.integers(1, 4))
def test_every_phase_of_a_tree_covers_all_that_are_left(line, phases):
    left = line
    for phase in tree(line, phases, line // 2):
        assert [phase[0].first, phase[-1].last] == [0, left - 1]
        assert all(before.last + 1 == after.first for before, after in itertools.pairwise(phase))
        assert all(group.first <= group.root <= group.last for group in phase)
        left = len(phase)
    assert left == 1


@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
def test_reductions_by_hand(arch):
    hop, ramps = costs(arch).hop, costs(arch).ramps
    stage = hop + ramps
    # two PEs: the first one's sum to the second, and back
    assert reduction_cycles(arch, 2, 0, 7) == reduction_cycles(arch, 2, 1, 7) == 2 * (stage + 7)
    # pipeline: a stage for each PE, then straight back
    assert reduction_cycles(arch, 10, 0, 7) == 9 * stage + 7 + ramps + 9 * hop + 7
    # one group of three: both neighbours at the root, one after the other; then the broadcast
    assert reduction_cycles(arch, 3, 1, 7) == stage + 7 + 7 + stage + 7
    # three groups of three: the same in both phases, over three PEs in the second; four PEs to the end
    second = ramps + 3 * hop + 7 + 7
    assert reduction_cycles(arch, 9, 2, 7) == stage + 7 + 7 + second + ramps + 4 * hop + 7


@given(side=st.sampled_from(SIDES), rows=st.integers(1, 40), phases=st.integers(0, 3))
def test_more_rows_and_longer_lines_take_longer(side, rows, phases):
    assert reduction_cycles("wse2", side, phases, rows + 1) > reduction_cycles("wse2", side, phases, rows)
    assert reduction_cycles("wse2", 8 * side, phases, rows) > reduction_cycles("wse2", side, phases, rows)


GROWING = [("meshgemv", 2, "wse2"), ("meshgemv", 2, "wse3"), ("meshgemv", 1, "wse3"), ("pipeline_gemv", 0, "wse3")]


@pytest.mark.parametrize(("kernel", "phases", "arch"), GROWING)
def test_simulated_lines_grow_by_the_cycles_of_the_reduction(kernel, phases, arch, tmp_path):
    cycles, given_ones = [], []
    for side in (9, 60):
        case = Experiment(f"line{side}", "gemv_lines", kernel, arch, side, 1, 11, 11 * side, phases=phases or 2)
        cycles.append(through(case, backend_of("wafersim"), tmp_path, "kernels_csl")[0]["cycles"])
        given_ones.append(reduction_cycles(arch, side, phases, 11))
    assert abs((cycles[1] - cycles[0]) - (given_ones[1] - given_ones[0])) <= START
