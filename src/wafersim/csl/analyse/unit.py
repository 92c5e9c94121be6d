"""A unit: one PE program, or the layout of a compilation, while it is analysed.

Source file and parameters go in (`Unit.run`), declarations are analysed on demand, comptime blocks run,
and the functions that tasks and exports need are lowered from a work list into the unit's `ProgramBuilder`.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wafersim.csl import ast
from wafersim.csl.analyse.program import ProgramBuilder
from wafersim.csl.diagnostics import Abort, Diagnostics, Note, TooManyErrors
from wafersim.csl.source import NO_SPAN, Source, Span

if TYPE_CHECKING:
    from wafersim.csl.analyse.functions import FunctionInstance
    from wafersim.csl.analyse.iterations import Iterations
    from wafersim.csl.analyse.modules import Module
    from wafersim.csl.analyse.operands import Known
    from wafersim.csl.comptime.traced import Tracer

STEPS_PER_TILE = 64
STACK_FRAMES = 20_000
"""Enough for the deepest compile-time calls and imports that are allowed."""
LIBRARY = Path(__file__).parents[2] / "stdlib"


@dataclass(frozen=True, slots=True)
class Target:
    """What the analysis needs to know of the machine and the command line."""

    arch: str = "wse3"
    data_base: int = 0
    """First word of data."""
    import_paths: tuple[str, ...] = ()
    """Folders where relative imports are looked for after the importing file's own."""
    step_limit: int = 500_000
    """Iterations and calls a compilation may execute at compile time; layouts get `STEPS_PER_TILE` more per tile."""
    extra: tuple[tuple[str, Any], ...] = ()
    """Further settings that builtins and libraries read (rectangle, fabric size, channels, ...)."""

    def get(self, name: str, default: Any = None) -> Any:
        return dict(self.extra).get(name, default)


@dataclass(slots=True)
class SourceLoader:
    """Reads and parses each file once for all units of a compilation."""

    diagnostics: Diagnostics
    parse: Callable[[Source, Diagnostics], ast.File]
    import_paths: tuple[str, ...] = ()
    library: Path = LIBRARY
    _files: dict[Path, ast.File] = field(default_factory=dict)

    def load(self, path: Path, span: Span, shown: str | None = None) -> ast.File:
        """The AST of a file; an error at `span` if it cannot be read."""
        key = Path(os.path.normpath(path.absolute()))
        found = self._files.get(key)
        if found is None:
            try:
                text = path.read_text(encoding="utf-8-sig")  # editors put byte order marks
            except (OSError, UnicodeDecodeError) as problem:
                reason = getattr(problem, "strerror", None) or "not a text file"
                raise self.diagnostics.error(span, f"cannot read '{shown or path}': {reason}") from None
            found = self.add(key, Source(shown or str(path), text, key))
        return found

    def add(self, path: Path, source: Source) -> ast.File:
        """Parse a source and remember it under `path`."""
        file = self._files[path] = self.parse(source, self.diagnostics)
        return file

    def resolve(self, name: str, importer: Source, span: Span) -> tuple[Path, str]:
        """Path of an imported file and the name to show for it: `<lib>` or relative to the importer."""
        if name.startswith("<") and name.endswith(">"):
            path = self.library / f"{name[1:-1]}.csl"
            if not path.is_file():
                raise self.diagnostics.error(span, f"there is no library {name}")
            return path, name
        folder = importer.path.parent if importer.path else Path()
        for base in (folder, *map(Path, self.import_paths)):
            if (base / name).is_file():
                return base / name, os.path.relpath(base / name)
        where = "in the folder of this file" + (", nor in the import paths" if self.import_paths else "")
        raise self.diagnostics.error(span, f"there is no file '{name}' {where}")


class StepLimit(Exception):
    """Compile-time execution went on for too long."""


@dataclass(slots=True, eq=False)
class Unit:
    """State shared by all analysers of one program.

    `state` is for builtins: each keeps its own record under its own key (`unit.state.setdefault(...)`).
    """

    target: Target
    diagnostics: Diagnostics
    loader: SourceLoader
    program: ProgramBuilder
    is_layout: bool = False
    state: dict[str, Any] = field(default_factory=dict)
    modules: list[Module] = field(default_factory=list)
    """All module instances, in order of creation; the root is first."""
    functions: dict[Any, FunctionInstance] = field(default_factory=dict)
    """Run-time functions by (declaration, module, compile-time arguments)."""
    work: deque[FunctionInstance] = field(default_factory=deque)
    """Functions referenced but not lowered yet."""
    steps: int = 0
    at_end: list[Callable[[], None]] = field(default_factory=list)
    """Called once after all functions are lowered (checks across declarations, look-ups of later bindings)."""
    closed: dict[tuple[int, int], Known] = field(default_factory=dict)
    """Values of literals that name no local, by node and module: layouts evaluate the same ones for every tile."""
    call_depth: int = 0
    """Compile-time calls that are running."""
    instance_depth: int = 0
    """How many generic functions led, each from the one before, to the function being lowered."""
    imports: dict[tuple[Any, ...], Module] = field(default_factory=dict)
    tracer: Tracer | None = None
    """Of a layout, once it has a loop."""
    iterations: list[Iterations] = field(default_factory=list)
    """Loops of a layout that are being evaluated, the innermost last."""
    one_by_one: bool = False
    """All loops are executed one iteration after the other."""
    dependent: set[int] = field(default_factory=set)
    """Loops (`id` of the node) that must be executed one iteration after the other."""

    @property
    def root(self) -> Module:
        return self.modules[0]

    @property
    def arch(self) -> str:
        return self.target.arch

    def step(self, span: Span) -> None:
        """Count one step of compile-time execution; too many end the compilation with an error."""
        self.steps += 1
        limit = self.target.step_limit
        if self.steps > limit and self.steps > (limit := limit + STEPS_PER_TILE * self._tiles()):
            message = f"compile-time execution does not end within {limit} iterations and calls"
            self.diagnostics.error(span, message + " (--max-inlined-iterations raises the limit)")
            raise StepLimit

    def _tiles(self) -> int:
        """Tiles of the rectangle, once a layout has set it."""
        width, height = getattr(self.state.get("layout"), "rectangle", None) or (0, 0)
        return width * height

    def error(self, span: Span, message: str, *notes: Note) -> Abort:
        return self.diagnostics.error(span, message, *notes)

    def run(self, file: ast.File, params: dict[str, Known], layout: bool = False) -> Module:
        """Analyse a root file with its parameters: declarations, comptime blocks, then functions."""
        from wafersim.csl.analyse import functions, modules

        self.program.function_index = lambda value: functions.index_of(self, value)
        root = modules.instantiate(self, file, params, name="")
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, STACK_FRAMES))
        try:
            self._run(root, layout)
        except RecursionError:
            self.diagnostics.error(NO_SPAN, "the program is nested too deeply for the compiler")
        except (StepLimit, TooManyErrors):
            pass
        finally:
            sys.setrecursionlimit(before)
        return root

    def _run(self, root: Module, layout: bool) -> None:
        from wafersim.csl.analyse import functions

        root.analyse_declarations()
        self._run_comptime_blocks()
        if layout:
            root.run_layout_blocks()
        while self.work or self.at_end:
            while self.work:
                functions.lower(self, self.work.popleft())
                self._run_comptime_blocks()
            hooks, self.at_end = self.at_end, []
            for hook in hooks:
                self.guarded(hook)

    def _run_comptime_blocks(self) -> None:
        """Those of imported modules first, also of modules that are imported meanwhile."""
        while waiting := [module for module in self.modules if not module.blocks_done]:
            for module in reversed(waiting):
                if not module.blocks_done:
                    module.run_comptime_blocks()

    def guarded(self, action: Callable[[], Any]) -> None:
        """Do something whose errors must not stop the rest."""
        try:
            action()
        except TooManyErrors:
            raise
        except Abort:
            pass
