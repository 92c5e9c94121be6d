"""Compiles a case: a `Case` and an architecture go in, the image, its diagnostics and its prints come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from csl import case_run
from csl.case_files import Case

from wafersim import machine
from wafersim.csl import ast, layout
from wafersim.csl import types as t
from wafersim.csl.builtins.asserts import PRINTS
from wafersim.csl.diagnostics import Abort, Diagnostics
from wafersim.csl.parser import parse_source
from wafersim.csl.placement import LayoutRecord, Placing
from wafersim.csl.source import NO_SPAN, Source
from wafersim.ir import verify
from wafersim.ir.program import Image


@dataclass
class Compiled:
    """`image` is None where the case does not compile."""

    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    image: Image | None = None
    prints: list[str] = field(default_factory=list)
    compilation: layout.Compilation | None = None
    file: ast.File | None = None

    @property
    def problems(self) -> list[str]:
        return [line for item in self.diagnostics.items for line in item.lines()]


def compile_case(case: Case, arch: str, *, share: bool = True, **limits: int) -> Compiled:
    """A case with a layout block is a layout; any other is the program of each tile of a small rectangle.

    Without `share` every tile is evaluated and compiled on its own. `limits` are those of the compilation
    (`step_limit`, ...).
    """
    result = Compiled()
    compilation = result.compilation = layout.new_compilation(machine.load(arch), result.diagnostics, (), **limits)
    try:
        file = result.file = compilation.loader.add(case.path, Source("", case.text, case.path))
        if not any(isinstance(item, ast.LayoutBlock) for item in file.items):
            _export_calls(case, file, result.diagnostics)
        if not result.diagnostics.has_errors:
            result.image = _compile(case, file, compilation, share)
    except Abort:
        pass
    result.prints = [line for unit in compilation.units for _, line in unit.state.get(PRINTS, ())]
    if result.diagnostics.has_errors:
        result.image = None
    elif result.image is not None:
        verify.verify_image(result.image)
    return result


def _export_calls(case: Case, file: ast.File, diagnostics: Diagnostics) -> None:
    """Adds exports of the functions to launch, and of variables, where the case leaves them out."""
    exported = case.text.count("@export_symbol")
    names = [name for name in case_run.calls(case, file) if not exported or f"@export_symbol({name}" not in case.text]
    text = "".join(f"@export_symbol({name});" for name in names)
    file.items += parse_source(Source("", f"comptime {{ {text} }}"), diagnostics).items if names else []
    for item in file.items:
        if isinstance(item, ast.VarDecl) and item.kind == "var" and item.attributes.storage is None:
            item.attributes.storage = "export"


def _compile(case: Case, file: ast.File, compilation: layout.Compilation, share: bool) -> Image | None:
    if any(isinstance(item, ast.LayoutBlock) for item in file.items):
        placed = layout.evaluate(compilation, case.path, _params(case), {}, share=share)
    else:
        placed = _place_everywhere(case, file, compilation)
    return None if compilation.diagnostics.has_errors else layout.compile_mesh(compilation, placed, share=share)


def _place_everywhere(case: Case, file: ast.File, compilation: layout.Compilation) -> layout.Placed:
    width, height = map(int, case.options.get("size", "1x1").split("x"))
    declared = {item.name for item in file.items if isinstance(item, ast.VarDecl) and item.kind == "param"}
    record = LayoutRecord(rectangle=(width, height), declares_exports=False)
    unit = compilation.new_unit("layout", is_layout=True)
    for y in range(height):
        for x in range(width):
            place = {name: value for name, value in (("x", x), ("y", y)) if name in declared}
            params = tuple((name, t.COMPTIME_INT, value) for name, value in (_params(case) | place).items())
            group, numbers = record.code(Path(case.path), "", params, NO_SPAN)
            record.place_one(unit, Placing(x, y, NO_SPAN, group, numbers))
    return layout.Placed(record, unit)


def _params(case: Case) -> dict[str, int]:
    pairs = [item.partition(":") for item in case.options.get("params", "").split(",") if item]
    return {name: int(value) for name, _, value in pairs}
