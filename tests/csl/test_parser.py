"""Units of lexer and parser that no case file can show."""

from pathlib import Path

import pytest

from wafersim.csl.diagnostics import Diagnostics
from wafersim.csl.parser import parse_source
from wafersim.csl.source import Source


def parse_text(text: str):
    diagnostics = Diagnostics()
    return parse_source(Source("", text), diagnostics), diagnostics


def test_every_file_of_an_examples_checkout_parses(examples_path: Path) -> None:
    sources = sorted(examples_path.rglob("*.csl"))
    assert len(sources) > 100
    problems = []
    for path in sources:
        diagnostics = Diagnostics()
        parse_source(Source(str(path.relative_to(examples_path)), path.read_text()), diagnostics)
        problems += [line for item in diagnostics.items for line in item.lines()]
    assert problems == []


def test_span_of_a_declaration_covers_its_text() -> None:
    file, _ = parse_text("const a = 1;\nvar b: [2]f32 = @zeros([2]f32);\n")
    assert [item.span.text for item in file.items] == ["const a = 1", "var b: [2]f32 = @zeros([2]f32)"]


@pytest.mark.parametrize("piece", ["(", "[", ".{", "-", "if (a) ", "comptime ", "*", "[1]", "@f("])
def test_deep_nesting_is_an_error_not_a_crash(piece: str) -> None:
    _, diagnostics = parse_text("const a = " + piece * 20_000)
    assert "levels deep" in diagnostics.items[0].message


@pytest.mark.parametrize("text", ["{", "if (a) {", "while (a) "])
def test_deep_statements_are_an_error_not_a_crash(text: str) -> None:
    _, diagnostics = parse_text("fn f() void {\n" + text * 20_000)
    assert "levels deep" in diagnostics.items[0].message


@pytest.mark.parametrize("piece", [" + a", ".a", "[0]", "(1)"])
def test_a_long_chain_is_limited(piece: str) -> None:
    _, diagnostics = parse_text("const a = a" + piece * 2000 + ";")
    assert diagnostics.items[0].message == "more than 1000 operators in one expression"
    assert not parse_text("const a = a" + piece * 900 + ";")[1].items


def test_text_that_is_not_csl_ends_after_the_usual_number_of_errors() -> None:
    _, diagnostics = parse_text("# " * 1000)
    assert len(diagnostics.items) == 20
