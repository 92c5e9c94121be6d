"""Runs every annotated case file under cases/ and compares all lines with its manifest."""

import pytest
from csl.case_files import Case, all_cases, write_expected
from csl.case_kinds import run_case

RUNS = [(case, arch) for case in all_cases() for arch in case.arches]


@pytest.mark.parametrize(("case", "arch"), RUNS, ids=[f"{case.name}-{arch}" for case, arch in RUNS])
def test_case(case: Case, arch: str, request: pytest.FixtureRequest, tmp_path) -> None:
    actual = run_case(case, arch, tmp_path)
    if request.config.getoption("--update-cases") and actual != case.expected:
        write_expected(case, actual)
        pytest.skip("expected lines rewritten")
    assert actual == case.expected


def test_file_names_are_sentences_and_files_are_small() -> None:
    cases = all_cases()
    assert all(case.path.stem == case.path.stem.lower() and "_" in case.path.stem for case in cases)
    lengths = sorted(len(case.text.splitlines()) for case in cases)
    assert lengths[len(lengths) // 2] <= 30
