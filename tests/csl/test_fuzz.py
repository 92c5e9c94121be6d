"""Damaged sources give diagnostics: never another exception, never a hang."""

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from csl.case_compile import compile_case
from csl.case_files import FRONT_END_KINDS, Case, all_cases
from csl.mutate import mutated

from wafersim.csl.diagnostics import Diagnostics
from wafersim.csl.parser import parse_source
from wafersim.csl.source import Source

SECONDS_EACH = 20
STEPS_EACH = 20_000
LIBRARIES = Path(__file__).parents[2] / "src" / "wafersim" / "stdlib"


@dataclass(frozen=True)
class Variant(Case):
    """A case whose text is not that of its file."""

    changed: str = ""

    @property
    def text(self) -> str:
        return self.changed


def variant(case: Case, random_: random.Random) -> Variant:
    return Variant(case.path, case.kind, [], case.options, mutated(case.text, random_))


def seeds() -> list[Case]:
    """What gets damaged: the cases, and the libraries as if they were programs."""
    return all_cases() + [Case(path, "error", []) for path in sorted(LIBRARIES.rglob("*.csl"))]


def seeds_of_compiler() -> list[Case]:
    return [case for case in seeds() if case.kind not in FRONT_END_KINDS]


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


def check_parser(case: Variant, random_: random.Random) -> None:
    diagnostics = Diagnostics()
    parse_source(Source("fuzz.csl", case.text), diagnostics)
    diagnostics.render()


def check_compiler(case: Variant, random_: random.Random) -> None:
    compiled = compile_case(case, random_.choice(("wse2", "wse3")), step_limit=STEPS_EACH)
    assert compiled.image is not None or compiled.diagnostics.has_errors, "neither an image nor an error"
    compiled.diagnostics.render()


Check = Callable[[Variant, random.Random], None]


def fuzz(check: Check, sources: list[Case], first_seed: int, count: int) -> None:
    for seed in range(first_seed, first_seed + count):
        random_ = random.Random(seed)
        damaged = variant(random_.choice(sources), random_)
        try:
            with bounded(SECONDS_EACH):
                check(damaged, random_)
        except Exception as problem:
            where = f"seed {seed}, a variant of {damaged.path.name}"
            pytest.fail(f"{where}: {type(problem).__name__}: {problem}\n{damaged.text}")


def test_parser_survives_damaged_sources() -> None:
    fuzz(check_parser, seeds(), 0, 300)


def test_compiler_survives_damaged_sources() -> None:
    fuzz(check_compiler, seeds_of_compiler(), 0, 150)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_parser_survives_many_damaged_sources(part: int) -> None:
    fuzz(check_parser, seeds(), 1000 + part * 1000, 1000)


@pytest.mark.long
@pytest.mark.parametrize("part", range(20))
def test_compiler_survives_many_damaged_sources(part: int) -> None:
    fuzz(check_compiler, seeds_of_compiler(), 1000 + part * 500, 500)
