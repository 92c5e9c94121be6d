"""Random functions give the same results at compile time and on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from csl import case_run, random_functions
from csl.case_compile import compile_case
from csl.case_files import Case

STEPS = 2_000_000


def differences(seed: int, folder: Path) -> str:
    """Empty if the program of a seed compiles and gives twice the same."""
    path = folder / f"seed_{seed}.csl"
    path.write_text(random_functions.program(seed))
    case = Case(path, "run", [], {})
    compiled = compile_case(case, "wse3", step_limit=STEPS)
    if compiled.image is None:
        return f"seed {seed}: {compiled.problems[0]}\n{case.text}"
    lines = case_run.run_image(case, compiled.image, ["known", "run"])
    values = [line.partition(" = ")[2] for line in lines]
    same = len(values) == 2 and values[0] == values[1] != ""
    return "" if same else f"seed {seed}: {lines}\n{case.text}"


def check(seeds: range, folder: Path) -> None:
    problems = [problem for seed in seeds if (problem := differences(seed, folder))]
    assert not problems, problems[0]


def test_programs_differ() -> None:
    """The generator reaches what it is for: every statement form and most programs have results of their own."""
    text = "".join(random_functions.program(seed) for seed in range(40))
    forms = ("while (", "inline for (", "switch (", "break :", "continue", "return", "&first", "swapped(", "|= ", ".* ")
    assert [form for form in forms if form not in text] == []


@pytest.mark.parametrize("part", range(4))
def test_compile_time_and_machine_agree(part: int, tmp_path: Path) -> None:
    check(range(20 * part, 20 * part + 20), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_compile_time_and_machine_agree_often(part: int, tmp_path: Path) -> None:
    check(range(1000 + 300 * part, 1300 + 300 * part), tmp_path)
