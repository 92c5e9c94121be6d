"""Budgets of size: files and functions that a reader can take in at once. Exceptions are named with a reason."""

from __future__ import annotations

import ast
import re
import statistics
from dataclasses import dataclass
from pathlib import Path

from project.repository import ROOT, tracked

FILE_CAP = {".py": 800, ".cpp": 800, ".h": 800, ".csl": 400, ".smk": 200}
FUNCTION_CAP = 120
FUNCTION_MEDIAN, FUNCTION_P90 = 12, 40
FILE_P90 = 500
CASE_MEDIAN = 30

FILE_EXCEPTIONS: dict[str, str] = {
    "src/wafersim/stdlib/math.csl": "one bundled library is one file; its functions share tables and reductions",
}
"""Path -> why the file may be longer than its cap."""

FUNCTION_EXCEPTIONS: dict[str, str] = {}
"""path:function -> why the function may be longer than 120 lines."""


@dataclass(frozen=True)
class Function:
    name: str
    lines: int


def sources(*suffixes: str) -> list[str]:
    return [path for path in tracked() if Path(path).suffix in suffixes]


def length(path: str) -> int:
    return (ROOT / path).read_text(encoding="utf-8", errors="replace").count("\n")


def python_functions(path: str) -> list[Function]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [Function(f"{path}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]


def cpp_functions(path: str) -> list[Function]:
    """Functions by layout: a line that opens a body, up to the closing brace of the same indent."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    no_function = "if|for|while|switch|else|do|catch|return|namespace|struct|class|enum"
    opening = re.compile(rf"^(\s*)(?!{no_function})\S.*\)[\w\s]*\{{$")
    functions, index = [], 0
    while index < len(lines):
        match = opening.match(lines[index])
        if match is None:
            index += 1
            continue
        end = next((i for i in range(index + 1, len(lines)) if lines[i].startswith(match[1] + "}")), index)
        name = re.search(r"([\w:~]+)\s*\(", lines[index])
        functions.append(Function(f"{path}:{name[1] if name else index + 1}", end - index + 1))
        index = end + 1
    return functions


def all_functions() -> list[Function]:
    found = [function for path in sources(".py") for function in python_functions(path)]
    return found + [function for path in sources(".cpp", ".h") for function in cpp_functions(path)]


def p90(values: list[int]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[8]


def test_no_file_is_longer_than_its_cap():
    long = {path: length(path) for path in sources(*FILE_CAP) if length(path) > FILE_CAP[Path(path).suffix]}
    assert set(long) == set(FILE_EXCEPTIONS), long


def test_most_files_are_short():
    assert p90([length(path) for path in sources(".py", ".cpp", ".h")]) <= FILE_P90


def test_no_function_is_longer_than_the_cap():
    long = {function.name: function.lines for function in all_functions() if function.lines > FUNCTION_CAP}
    assert set(long) == set(FUNCTION_EXCEPTIONS), long


def test_functions_are_short():
    lines = [function.lines for function in all_functions()]
    assert statistics.median(lines) <= FUNCTION_MEDIAN
    assert p90(lines) <= FUNCTION_P90


def test_cases_are_short():
    lines = [length(path) for path in sources(".csl") if path.startswith("tests/csl/cases/")]
    assert not lines or statistics.median(lines) <= CASE_MEDIAN
