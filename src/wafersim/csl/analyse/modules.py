"""Module instances: a file with its parameters bound, whose declarations are analysed on first use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known, Memory, Operand
from wafersim.csl.diagnostics import Abort, Note
from wafersim.csl.source import Span

if TYPE_CHECKING:
    from wafersim.csl.analyse.unit import Unit

Declaration = ast.VarDecl | ast.FnDecl


@dataclass(slots=True)
class _Entry:
    """A declaration and what analysing it gave."""

    decl: Declaration
    state: str = "new"
    """`new`, `active`, `done` or `failed`"""
    operand: Operand | None = None


@dataclass(slots=True, eq=False)
class Module:
    """One instance of a file in one unit. Two imports give two instances, with variables of their own."""

    unit: Unit
    file: ast.File
    params: dict[str, Known]
    name: str
    """Prefix of its symbols: empty for the root, else the name it was first imported under."""
    entries: dict[str, _Entry] = field(default_factory=dict)
    import_notes: tuple[Note, ...] = ()
    importer: Module | None = None
    blocks_done: bool = False

    # ------------------------------------------------------------------------------------------- look-up

    def find(self, name: str, span: Span) -> Operand | None:
        """The operand of a declaration, analysing it if this is its first use; None if there is none."""
        entry = self.entries.get(name)
        if entry is None:
            return None
        if entry.state == "done":
            return entry.operand
        if entry.state == "active":
            where = Note(entry.decl.name_span, f"'{name}' is declared here")
            raise self.unit.error(span, f"'{name}' depends on itself", where)
        if entry.state == "failed":
            raise Abort
        return self._analyse(entry)

    def _analyse(self, entry: _Entry) -> Operand:
        from wafersim.csl.analyse import decl

        entry.state = "active"
        try:
            entry.operand = decl.global_declaration(self, entry.decl)
        except BaseException:
            entry.state = "failed"
            raise
        entry.state = "done"
        return entry.operand

    def declaration(self, name: str) -> Declaration | None:
        entry = self.entries.get(name)
        return entry.decl if entry else None

    def symbol(self, name: str) -> str:
        """Name of a variable or function in symbol tables."""
        return f"{self.name}.{name}" if self.name else name

    # ----------------------------------------------------------------------------------------- execution

    def analyse_declarations(self) -> None:
        """Analyse what has effects without being used: imports and exports. All else waits for its first use."""
        for entry in self.entries.values():
            if entry.state == "new" and _has_effects(entry.decl):
                with self.notes():
                    self.unit.guarded(lambda entry=entry: self._analyse(entry))

    def run_comptime_blocks(self) -> None:
        self.blocks_done = True
        for item in self.file.items:
            if isinstance(item, ast.ComptimeStmt):
                with self.notes():
                    self._execute(item)

    def run_layout_blocks(self) -> None:
        for item in self.file.items:
            if isinstance(item, ast.LayoutBlock):
                self._execute(item.body)

    def _execute(self, stmt: ast.Stmt) -> None:
        from wafersim.csl.analyse.analyser import Analyser

        analyser = Analyser(self.unit, self, comptime=True)
        self.unit.guarded(lambda: analyser.execute(stmt))

    def notes(self):
        return _contexts(self.unit, self.import_notes)


def _has_effects(decl: Declaration) -> bool:
    """Does a declaration count although nothing names it?"""
    from wafersim.csl.analyse.functions import walk

    if not isinstance(decl, ast.VarDecl) or decl.kind == "param":
        return False
    if decl.attributes.storage == "export":
        return True
    if decl.imports is None:
        decl.imports = any(isinstance(n, ast.BuiltinCall) and n.name == "import_module" for n in walk(decl.init))
    return decl.imports


class _contexts:
    """Pushes several notes onto the diagnostics for the duration of a `with`."""

    def __init__(self, unit: Unit, notes: tuple[Note, ...]) -> None:
        self._managers = [unit.diagnostics.context(note.span, note.message) for note in notes]

    def __enter__(self) -> None:
        for manager in self._managers:
            manager.__enter__()

    def __exit__(self, *error) -> None:
        for manager in reversed(self._managers):
            manager.__exit__(None, None, None)


def instantiate(
    unit: Unit, file: ast.File, params: dict[str, Known], name: str, notes: tuple[Note, ...] = ()
) -> Module:
    """A new instance of a file. Its declarations are not analysed yet."""
    module = Module(unit, file, params, name, import_notes=notes)
    unit.modules.append(module)
    for item in file.items:
        if isinstance(item, (ast.VarDecl, ast.FnDecl)):
            _declare(module, item)
    return module


def _declare(module: Module, item: Declaration) -> None:
    existing = module.entries.get(item.name)
    if existing is not None:
        where = Note(existing.decl.name_span, "the first declaration is here")
        module.unit.error(item.name_span, f"'{item.name}' is declared twice", where)
        return
    module.entries[item.name] = _Entry(item)


def import_module(unit: Unit, importer: Module, name: str, params: dict[str, Known], span: Span) -> Module:
    """What `@import_module(name, params)` gives: a new instance, with its declarations analysed."""
    path, shown = unit.loader.resolve(name, importer.file.span.source, span)
    file = unit.loader.load(path, span, shown)
    if len(unit.modules) > MAX_MODULES:
        raise unit.error(span, "too many modules: does a module import itself?")
    known = {item.name for item in file.items if isinstance(item, ast.VarDecl) and item.kind == "param"}
    for param in params:
        if param not in known:
            unit.diagnostics.warning(span, f"'{shown}' has no parameter '{param}'")
    _refuse_cycle(unit, importer, file, params, name, span)
    notes = (*importer.import_notes, Note(span, f"'{shown}' is imported here"))
    module = instantiate(unit, file, params, _module_name(unit, shown), notes)
    module.importer = importer
    module.analyse_declarations()
    return module



def _refuse_cycle(
    unit: Unit, importer: Module, file: ast.File, params: dict[str, Known], shown: str, span: Span
) -> None:
    """An error if the import leads to itself, or through ever new parameters to no end."""
    above: Module | None = importer
    while above is not None:
        if above.file is file and above.params == params:
            raise unit.error(span, f"'{shown}' imports itself")
        above = above.importer
    if len(importer.import_notes) >= MAX_IMPORT_DEPTH:
        raise unit.error(span, f"imports are nested more than {MAX_IMPORT_DEPTH} deep")


MAX_MODULES = 500
MAX_IMPORT_DEPTH = 50


def _module_name(unit: Unit, shown: str) -> str:
    """A symbol prefix made from the file name, told apart by a number if it occurs again."""
    stem = shown.strip("<>").rpartition("/")[2].removesuffix(".csl")
    taken = {module.name for module in unit.modules}
    if stem not in taken:
        return stem
    return next(f"{stem}_{i}" for i in range(2, MAX_MODULES + 10) if f"{stem}_{i}" not in taken)


def members(module: Module) -> Iterator[str]:
    yield from module.entries


def member_type(operand: Operand) -> t.Type:
    return operand.type


def is_variable(operand: Operand) -> bool:
    """True for variables in PE memory, which compile-time code cannot read."""
    return isinstance(operand, Memory) and not operand.const
