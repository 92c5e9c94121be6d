"""Damaged sources give diagnostics: never another exception, never a hang."""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from csl.case_compile import compile_case
from csl.case_files import all_cases
from csl.mutate import mutated

from wafersim.csl.diagnostics import Diagnostics
from wafersim.csl.parser import parse_source
from wafersim.csl.source import Source

SECONDS_EACH = 10
LIBRARIES = Path(__file__).parents[2] / "src" / "wafersim" / "stdlib"


def seeds() -> list[tuple[str, str]]:
    """Name and text of each source that gets damaged."""
    paths = [case.path for case in all_cases()] + sorted(LIBRARIES.rglob("*.csl"))
    return [(path.name, path.read_text()) for path in paths]


@contextmanager
def bounded(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_parser(text: str) -> None:
    diagnostics = Diagnostics()
    with bounded(SECONDS_EACH):
        parse_source(Source("fuzz.csl", text), diagnostics)
        diagnostics.render()


def check_compiler(text: str) -> None:
    """The whole compiler, on both machines in turn by the length of the text; what compiles passes the verifier."""
    case = SimpleNamespace(text=text, path=Path(__file__).parent / "fuzz.csl", kind="error", options={})
    with bounded(SECONDS_EACH):
        compile_case(case, ("wse2", "wse3")[len(text) % 2]).diagnostics.render()


def fuzz(check, first_seed: int, count: int) -> None:
    sources = seeds()
    for seed in range(first_seed, first_seed + count):
        random_ = random.Random(seed)
        name, text = random_.choice(sources)
        damaged = mutated(text, random_)
        try:
            check(damaged)
        except Exception as problem:
            pytest.fail(f"seed {seed}, a variant of {name}: {type(problem).__name__}: {problem}\n{damaged}")


def test_parser_survives_damaged_sources() -> None:
    fuzz(check_parser, 0, 300)


def test_compiler_survives_damaged_sources() -> None:
    fuzz(check_compiler, 0, 100)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_compiler_survives_many_damaged_sources(part: int) -> None:
    fuzz(check_compiler, 50_000 + part * 1000, 1000)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_parser_survives_many_damaged_sources(part: int) -> None:
    fuzz(check_parser, 1000 + part * 1000, 1000)
