"""The choice between one thread and all: by what their stints took, whatever the times are."""

from __future__ import annotations

import random

from wafersim._engine import together

STINTS = 1000


def share(alone: list[float], with_all: list[float]) -> float:
    modes = together(alone, with_all)
    return sum(modes) / len(modes)


def test_all_threads_work_where_they_are_faster():
    assert share([1.0] * STINTS, [0.6] * STINTS) > 0.9


def test_one_thread_works_where_the_cores_are_not_free():
    assert share([1.0] * STINTS, [3.0] * STINTS) < 0.02, "trials that fail become rare"


def test_a_stint_that_was_disturbed_changes_nothing():
    chance = random.Random(1)
    with_all = [2.0 if chance.random() < 0.05 else 0.55 for _ in range(STINTS)]
    assert share([1.0] * STINTS, with_all) > 0.75


def test_the_choice_follows_the_load_of_the_machine():
    with_all = [3.0] * STINTS + [0.6] * STINTS + [3.0] * STINTS
    modes = together([1.0] * (3 * STINTS), with_all)
    parts = [sum(modes[k * STINTS : (k + 1) * STINTS]) / STINTS for k in range(3)]
    assert parts[0] < 0.02 and parts[1] > 0.7 and parts[2] < 0.05
