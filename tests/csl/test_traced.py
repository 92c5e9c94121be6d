"""Traced numbers: what a run gives holds for all rows that stay with it, for any expression and any numbers."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wafersim.csl.comptime.traced import Traced, Tracer, explore, settled
from wafersim.csl.diagnostics import InternalError
from wafersim.tiles.columns import Column, Domain, Node, integers

LIMITS = (-(1 << 63), (1 << 63) - 1, 1 << 62)
NUMBERS = st.one_of(st.integers(-9, 9), st.integers(-(1 << 66), 1 << 66), st.sampled_from(LIMITS))
STEPS = ["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "neg", "~", "abs", "<", "==", "!=", ">=", "bool", "index",
         "in", "key", "text", "float", "bits", "swap"]  # fmt: skip
BINARY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "&": operator.and_, "|": operator.or_, "^": operator.xor,
}  # fmt: skip


def walk(x: Any, y: Any, steps: list[tuple[str, int]]) -> tuple[list[Any], Any]:
    """Does what the steps say: the answers of all looks on the way, and the number in the end."""
    answers: list[Any] = []
    for name, constant in steps:
        if name in BINARY:
            x = BINARY[name](x, y if constant % 2 else constant)
        elif name in ("//", "%") and (y if constant % 2 else constant) != 0:
            divisor = y if constant % 2 else constant
            x = x // divisor if name == "//" else x % divisor
        elif name == "<<":
            x = x << abs(constant) % 5
        elif name == ">>" and y >= 0 and y < 80:
            x = x >> y
        elif name == "neg":
            x = -x
        elif name == "~":
            x = ~x
        elif name == "abs":
            x = abs(x)
        elif name in ("<", "==", "!=", ">="):
            compare = {"<": operator.lt, "==": operator.eq, "!=": operator.ne, ">=": operator.ge}[name]
            answers.append((compare(x, y), compare(constant, x)))
        elif name == "bool":
            answers.append(bool(x))
        elif name == "index":
            answers.append([1, 2, 3][x % 3])
        elif name == "in":
            answers.append(x in (1, 2, constant))
        elif name == "key":
            answers.append({constant: "a"}.get(x % 4))
        elif name == "text":
            answers.append(f"{y}")
        elif name == "float":
            answers.append(float(x % 8) + 0.5)
        elif name == "bits":
            answers.append((x % 16).bit_length())
        elif name == "swap":
            x, y = y, x
        x = x % (1 << 200)
    return answers, x


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(-5, 5)), max_size=8),
)
def test_each_row_gets_what_it_would_get_alone(rows: list[tuple[int, int]], steps: list[tuple[str, int]]) -> None:
    tracer, leaves = Tracer(), (Node("leaf", (), 0), Node("leaf", (), 0))
    columns = {leaf: Column.of(integers([row[i] for row in rows])) for i, leaf in enumerate(leaves)}

    def run(domain: Domain) -> tuple[list[Any], Any]:
        answers, result = walk(tracer.value(leaves[0]), tracer.value(leaves[1]), steps)
        return answers, result.node if type(result) is Traced else result

    seen = []
    for domain, (answers, result) in explore(tracer, Domain(columns, None, len(rows)), run):
        numbers = domain.numbers(result).tolist()
        for row, number in zip(domain.row_numbers().tolist(), numbers, strict=True):
            seen.append(row)
            assert (answers, number) == walk(rows[row][0], rows[row][1], steps)
    assert sorted(seen) == list(range(len(rows)))


def test_a_number_that_outlives_its_run_is_refused() -> None:
    tracer, leaf = Tracer(), Node("leaf", (), 0)
    domain = Domain({leaf: Column.of(integers([1, 2]))}, None, 2)
    kept = [value for _, value in explore(tracer, domain, lambda _: tracer.value(leaf))]
    with tracer.inside(domain), pytest.raises(InternalError):
        kept[0] + 1
    with pytest.raises(InternalError):
        kept[0] == 1  # noqa: B015


def test_settled_data_is_plain() -> None:
    tracer, leaf = Tracer(), Node("leaf", (), 0)
    domain = Domain({leaf: Column.of(integers([5, 6, 5]))}, None, 3)
    found = list(explore(tracer, domain, lambda _: settled(([tracer.value(leaf)], {"a": tracer.value(leaf) + 1}))))
    assert [(chunk.count, value) for chunk, value in found] == [(2, ([5], {"a": 6})), (1, ([6], {"a": 7}))]
