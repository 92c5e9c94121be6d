"""Who may import whom: the table of docs/architecture.md, on the imports that are in the code."""

from __future__ import annotations

import ast
import re
import sys

import pytest
from project.repository import read, tracked

FORBIDDEN = [
    ("src/wafersim/csl/", ("numpy", "wafersim._engine", "wafersim.runtime", "wafersim.image", "waferllm")),
    ("src/wafersim/ir/", ("numpy", "wafersim.csl", "wafersim._engine", "wafersim.runtime", "waferllm")),
    ("src/wafersim/tiles/", ("wafersim.csl", "wafersim.ir", "wafersim._engine", "wafersim.runtime", "waferllm")),
    ("src/wafersim/image.py", ("wafersim.csl", "wafersim._engine", "wafersim.runtime", "waferllm")),
    ("src/wafersim/machine.py", ("wafersim.csl", "wafersim._engine", "wafersim.runtime", "waferllm")),
    ("src/wafersim/runtime/", ("wafersim.csl", "waferllm")),
    ("src/wafersim/", ("waferllm",)),
    ("src/waferllm/", ("wafersim._engine", "wafersim.csl", "wafersim.ir")),
    ("kernels_csl/", ("wafersim", "waferllm")),
    ("scripts/", ("wafersim._engine",)),
]


def imports(path: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.removeprefix("src/").removesuffix(".py").split("/")[: -node.level]
                base = ".".join([*package, base] if base else package)
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(("part", "names"), FORBIDDEN, ids=[part for part, _ in FORBIDDEN])
def test_part_imports_nothing_that_it_must_not_know(part, names):
    wrong = [
        f"{path}: {name}"
        for path in tracked()
        if path.startswith(part) and path.endswith(".py")
        for name in imports(path)
        if any(name == banned or name.startswith(banned + ".") for banned in names)
    ]
    assert not wrong


def test_host_programs_use_numpy_the_standard_library_and_the_sdk_only():
    shared = {path.rpartition("/")[2].removesuffix(".py") for path in tracked() if path.startswith("kernels_csl/lib/")}
    allowed = {"numpy", "cerebras", "__future__"} | sys.stdlib_module_names | shared
    for path in tracked():
        if path.startswith("kernels_csl/") and path.endswith(".py"):
            assert {name.split(".")[0] for name in imports(path)} <= allowed, path


def test_host_programs_keep_to_the_syntax_of_python_3_8():
    for path in tracked():
        if path.startswith("kernels_csl/") and path.endswith(".py"):
            ast.parse(read(path), feature_version=(3, 8))


def test_engine_core_knows_no_python():
    for path in tracked():
        if path.startswith("engine/") and not path.startswith("engine/bindings/"):
            assert not re.search(r"#include\s*[<\"](nanobind|Python\.h)", read(path)), path
