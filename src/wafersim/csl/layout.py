"""The place stage: a layout file goes in, the mesh with its compiled programs comes out.

The layout block is evaluated once; tiles with equal (file, parameters) share one program, tiles with
equal routes share one routing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known
from wafersim.csl.analyse.program import ProgramBuilder
from wafersim.csl.analyse.unit import SourceLoader, Target, Unit
from wafersim.csl.builtins.common import closest
from wafersim.csl.diagnostics import Abort, Diagnostics, Note
from wafersim.csl.lower import lower
from wafersim.csl.parser import parse_source
from wafersim.csl.placement import LayoutRecord, TileCode, as_operands
from wafersim.csl.sharing import variants
from wafersim.csl.source import NO_SPAN, Span
from wafersim.ir.program import ColorConfig, Dir, Image, Program
from wafersim.machine import Machine
from wafersim.tiles.grid import distinct, pairs, patch_rows, relabelled, tile_table

Routing = tuple[ColorConfig, ...]


@dataclass(slots=True)
class Compilation:
    """What all units of one compilation share."""

    machine: Machine
    diagnostics: Diagnostics
    loader: SourceLoader
    target: Target
    units: list[Unit] = field(default_factory=list)
    """The layout's unit and those of the programs, in order."""

    def new_unit(self, name: str, is_layout: bool = False, **settings: Any) -> Unit:
        target = replace(self.target, extra=(*self.target.extra, *settings.items()))
        unit = Unit(target, self.diagnostics, self.loader, ProgramBuilder(name, target.data_base), is_layout=is_layout)
        self.units.append(unit)
        return unit


def new_compilation(
    machine: Machine, diagnostics: Diagnostics, import_paths: tuple[str, ...] = (), **limits: int
) -> Compilation:
    """A compilation for a machine; `limits` are those of `Target` (`step_limit`, ...)."""
    loader = SourceLoader(diagnostics, parse_source, import_paths)
    target = Target(machine.arch, import_paths=import_paths, extra=(("machine", machine),), **limits)
    return Compilation(machine, diagnostics, loader, target)


@dataclass(slots=True)
class Placed:
    """An evaluated layout: its record and the unit that was evaluated."""

    layout: LayoutRecord
    unit: Unit


def evaluate(
    compilation: Compilation, path: Path, params: Mapping[str, int], colors: Mapping[str, int], *, share: bool = True
) -> Placed:
    """Run the layout block of a file with the parameters of the command line; without `share` step by step."""
    file = compilation.loader.load(path, NO_SPAN)
    unit = compilation.new_unit(path.name, is_layout=True)
    unit.one_by_one = not share
    layout = unit.state["layout"] = LayoutRecord()
    values = {name: Known(t.COMPTIME_INT, value) for name, value in params.items()}
    values |= {name: Known(t.COLOR, value) for name, value in colors.items()}
    _check_params(unit, file, list(values), NO_SPAN, path.name)
    blocks = [item for item in file.items if isinstance(item, ast.LayoutBlock)]
    if len(blocks) != 1 and not compilation.diagnostics.has_errors:
        problem = "has no layout block" if not blocks else "has two layout blocks"
        raise unit.error(blocks[1].span if blocks else NO_SPAN, f"'{path}' {problem}")
    unit.run(file, values, layout=True)
    if layout.rectangle is None and not compilation.diagnostics.has_errors:
        raise unit.error(blocks[0].span, "the layout sets no program rectangle (@set_rectangle)")
    return Placed(layout, unit)


def _check_params(unit: Unit, file: ast.File, given: list[str], span: Span, shown: str) -> None:
    """Every parameter given must be declared."""
    known = [item.name for item in file.items if isinstance(item, ast.VarDecl) and item.kind == "param"]
    for name in given:
        if name not in known:
            unit.error(span, f"'{shown}' has no param '{name}'{closest(name, known)}")


# --------------------------------------------------------------------------------------------- programs


@dataclass(slots=True)
class CompiledProgram:
    program: Program
    routes: dict[int, tuple[ColorConfig, Span]]
    """By color: what the program says about its own tiles (`@set_local_color_config`)."""
    host_routes: dict[int, tuple[str, ...]]
    """By color: `in` and `out` for streams from and to the host."""


def compile_program(compilation: Compilation, code: TileCode, **settings: Any) -> CompiledProgram:
    """Compile a PE program with its parameters; `settings` are further settings for builtins (rectangle, exports)."""
    file = compilation.loader.load(code.path, code.span, code.shown)
    unit = compilation.new_unit(code.shown, **settings)
    placed = nullcontext() if code.span is NO_SPAN else _placed_here(compilation, code)
    with placed:
        operands = as_operands(code.params)
        _check_params(unit, file, list(operands), code.span, code.shown)
        unit.run(file, operands)
        program = lower(unit, compilation.machine, code.span)
    routes = unit.state.get("local_routes", {})
    return CompiledProgram(program, routes, unit.state.get("host_routes", {}))


def _placed_here(compilation: Compilation, code: TileCode) -> AbstractContextManager[None]:
    return compilation.diagnostics.context(code.span, f"'{code.shown}' is placed here")


def compile_mesh(compilation: Compilation, placed: Placed, *, share: bool = True) -> Image:
    """Compile the programs and give every tile its program, patches and routing. Fabric size is not set.

    Without `share` each combination of parameters is compiled on its own.
    """
    layout = placed.layout
    assert layout.rectangle is not None
    width, height = layout.rectangle
    names = layout.exports if layout.declares_exports else None

    def compile_code(code: TileCode) -> tuple[CompiledProgram, Program]:
        try:
            compiled = compile_program(compilation, code, rectangle=layout.rectangle, exports=names)
        except Abort:
            compiled = CompiledProgram(Program(code.shown), {}, {})
        return compiled, compiled.program

    found = [item for group in layout.groups.values() for item in variants(group, compile_code, share=share)]
    found.sort(key=lambda item: int(item.tiles[0]))
    programs = tile_table([item.tiles for item in found], layout.tiles)
    routings = _Routings(compilation.diagnostics, layout, [item.compiled for item in found])
    numbers = routings.numbers(programs)
    rows, patches = patch_rows([(item.tiles, item.values) for item in found], layout.tiles)
    exports = [(item.name, str(item.type), item.mutable) for item in layout.exports.values()]
    return Image(
        compilation.machine.arch, width, height, width, height, 0, 0, [item.compiled.program for item in found],
        routings.table, pairs(programs, numbers), exports, rows=rows, patches=patches,
    )  # fmt: skip


class _Routings:
    """Interns the routings of tiles."""

    def __init__(self, diagnostics: Diagnostics, layout: LayoutRecord, programs: list[CompiledProgram]) -> None:
        self.diagnostics, self.layout, self.programs = diagnostics, layout, programs
        self.table: list[Routing] = []
        self._known: dict[Routing, int] = {}

    def numbers(self, programs: Any) -> Any:
        """The number of each tile's routing, from the number of its program."""
        layers = list(self.layout.routes.values())
        own = [program if program.routes or program.host_routes else None for program in self.programs]
        classes = relabelled(programs, [0 if program is None else 1 + i for i, program in enumerate(own)])
        configs = self._merged_configs()
        first, combination = distinct([classes, *(relabelled(layer.numbers - 1, configs) for layer in layers)])
        width, _ = self.layout.rectangle or (1, 1)
        table = []
        for tile in first.tolist():
            routes = {
                color: self.layout.configs[layer.numbers[tile] - 1]
                for color, layer in self.layout.routes.items()
                if layer.numbers[tile]
            }
            number = int(programs[tile])
            position = (tile % width, tile // width)
            routing = self._merge(position, routes, own[number] if number >= 0 else None)
            table.append(self._number(routing))
        return relabelled(combination, table)

    def _merged_configs(self) -> list[int]:
        """For each of the layout's configurations a number that equal ones share."""
        seen: dict[ColorConfig, int] = {}
        return [seen.setdefault(config, 1 + len(seen)) for config, _ in self.layout.configs]

    def _number(self, routing: Routing) -> int:
        found = self._known.setdefault(routing, len(self.table))
        if found == len(self.table):
            self.table.append(routing)
        return found

    def _merge(
        self, position: tuple[int, int], routes: dict[int, tuple[ColorConfig, Span]], own: CompiledProgram | None
    ) -> Routing:
        merged = {color: config for color, (config, _) in routes.items()}
        for color, (config, span) in (own.routes if own else {}).items():
            if color in merged and merged[color] != config:
                where = Note(routes[color][1], "the layout configures it here")
                message = f"color {color} of tile {position} is configured by the program and by the layout"
                self.diagnostics.error(span, message, where)
            merged[color] = config
        for color, ways in (own.host_routes if own else {}).items():
            merged[color] = _with_host(merged.get(color, ColorConfig(color)), ways)
        return tuple(merged[color] for color in sorted(merged))


def _with_host(config: ColorConfig, ways: tuple[str, ...]) -> ColorConfig:
    """Joins the host link to a color: streams come in from HOST to RAMP or leave from RAMP to HOST."""
    rx, tx = config.rx, config.tx
    for way in ways:
        rx |= Dir.HOST if way == "in" else Dir.RAMP
        tx |= Dir.RAMP if way == "in" else Dir.HOST
    return replace(config, rx=int(rx), tx=int(tx))
