"""What each kind of case does with its source: a `Case` goes in, the lines to compare come out."""

from __future__ import annotations

from pathlib import Path

from csl.case_compile import Compiled, compile_case
from csl.case_files import Case
from csl.case_run import run_image, variables

from wafersim.csl.diagnostics import Diagnostics
from wafersim.csl.dump import dump_ast, dump_tokens
from wafersim.csl.dump_comptime import dump_units
from wafersim.csl.lexer import tokenize
from wafersim.csl.parser import parse, parse_source
from wafersim.csl.source import Source
from wafersim.ir.text import print_mesh, print_program


def run_case(case: Case, arch: str, out: Path) -> list[str]:
    """Lines that the case gives; `out` is an empty folder for artifacts."""
    diagnostics = Diagnostics()
    source = Source("", case.text, case.path)
    if case.kind == "dump=tokens":
        return dump_tokens(tokenize(source, diagnostics)).split("\n")
    if case.kind == "dump=ast":
        return dump_ast(parse(tokenize(source, diagnostics), diagnostics)).split("\n")
    if case.kind == "parse":
        parse_source(source, diagnostics)
        return [line for item in diagnostics.items for line in item.lines()]
    return _compiled_lines(case, compile_case(case, arch))


def _compiled_lines(case: Case, compiled: Compiled) -> list[str]:
    """What the kinds that compile compare; problems where there should be none."""
    if case.kind == "error" or compiled.image is None or compiled.problems:
        return compiled.problems or ["compiled without an error"]
    if case.kind == "comptime":
        return compiled.prints
    if case.kind == "dump=comptime":
        return dump_units(compiled.compilation.units).splitlines()
    if case.kind == "dump=mesh":
        return print_mesh(compiled.image).splitlines()
    if case.kind == "dump=program":
        return [line for program in compiled.image.programs for line in print_program(program).splitlines()]
    assert case.kind == "run"
    return run_image(case, compiled.image, variables(compiled.file))

