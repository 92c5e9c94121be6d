"""What each kind of case does with its source: a `Case` goes in, the lines to compare come out."""

from __future__ import annotations

from pathlib import Path

from csl.case_files import Case

from wafersim.csl.diagnostics import Diagnostics
from wafersim.csl.dump import dump_ast, dump_tokens
from wafersim.csl.lexer import tokenize
from wafersim.csl.parser import parse, parse_source
from wafersim.csl.source import Source


def run_case(case: Case, arch: str, out: Path) -> list[str]:
    """Lines that the case gives; `out` is an empty folder for artifacts."""
    diagnostics = Diagnostics()
    source = Source("", case.text, case.path)
    if case.kind == "dump=tokens":
        return dump_tokens(tokenize(source, diagnostics)).split("\n")
    if case.kind == "dump=ast":
        return dump_ast(parse(tokenize(source, diagnostics), diagnostics)).split("\n")
    parse_source(source, diagnostics)
    return [line for item in diagnostics.items for line in item.lines()]

