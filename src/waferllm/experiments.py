"""Experiments: a CSV table goes in, frozen `Experiment`s come out, or one error that lists every mistake in it.

One row is one run of one kernel. COLUMNS says for each column what it means and what is allowed; the loader, the
JSON schema and the manual of the workflow are made from it.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import functools
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waferllm.artifacts import data_hash
from waferllm.errors import ExperimentError, WaferllmError
from wafersim import machine

ITEMS = ("figure_9", "figure_10", "table_6", "gemv_lines", "check")
ARCHITECTURES = machine.ARCHITECTURES


@dataclass(frozen=True)
class Experiment:
    """One run. Columns that a kernel's family does not use keep their defaults."""

    id: str
    item: str
    kernel: str
    arch: str
    width: int
    height: int
    M: int
    K: int
    N: int = 1
    acc: int = 32
    bits: int = 16
    phases: int = 2
    axis: int = 0
    broadcast: int = 1
    align: int = 1
    overlap: int = 1
    seed: int = 1

    def lengths(self) -> dict[str, int]:
        """Length of each axis of the problem."""
        return {"M": self.M, "K": self.K, "N": self.N}

    def digest(self) -> str:
        """SHA-256 over all columns."""
        return data_hash(dataclasses.asdict(self))


@dataclass(frozen=True)
class Column:
    """What one column of the table may hold: one of `allowed`, or an integer from `least` on, or text by `pattern`."""

    text: str
    least: int | None = None
    allowed: tuple[Any, ...] = ()
    pattern: str = ""
    default: Any = None
    """None: the column has to be there, and no cell of it may be empty."""

    def rule(self) -> str:
        """What is allowed, for messages."""
        if self.allowed:
            return "one of " + ", ".join(map(str, self.allowed))
        return f"an integer of at least {self.least}" if self.least is not None else self.pattern_text()

    def pattern_text(self) -> str:
        return "letters, digits, '_', '.' and '-', beginning with a letter or digit" if self.pattern else "text"

    def number(self) -> bool:
        return self.least is not None or bool(self.allowed and isinstance(self.allowed[0], int))


COLUMNS: dict[str, Column] = {
    "id": Column("name of the run, part of its file names", pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]*"),
    "item": Column("item of the paper that the run belongs to", allowed=ITEMS),
    "kernel": Column("kernel, a row of waferllm.kernels", pattern=r"\w+"),
    "arch": Column("architecture", allowed=ARCHITECTURES),
    "width": Column("columns of PEs", least=1),
    "height": Column("rows of PEs", least=1),
    "M": Column("rows of A and of the result", least=1),
    "K": Column("columns of A", least=1),
    "N": Column("GEMM: columns of the result; GEMV: 1", least=1, default=1),
    "acc": Column("GEMM: bits of the sums", allowed=(16, 32), default=32),
    "bits": Column("GEMV: bits of A and x", allowed=(16, 32), default=16),
    "phases": Column("MeshGEMV: phases K of the K-tree", least=1, default=2),
    "axis": Column("GEMV: 0 reduces along x, 1 along y", allowed=(0, 1), default=0),
    "broadcast": Column("GEMV: 1 brings the result to every PE", allowed=(0, 1), default=1),
    "align": Column("GEMM: 1 the kernel aligns, 0 the tiles are placed aligned", allowed=(0, 1), default=1),
    "overlap": Column("GEMM: 1 transfers run during the product", allowed=(0, 1), default=1),
    "seed": Column("seed of the inputs", least=0, default=1),
}
"""In the order of `Experiment`."""


# ------------------------------------------------------------------------------------------------ the table


def load_experiments(path: str | Path) -> list[Experiment]:
    """The experiments of a CSV table; raises `ExperimentError` with every mistake in it."""
    header, rows = read_table(path)
    problems = _header_problems(path, header)
    if problems:
        raise ExperimentError(problems)
    experiments: list[Experiment] = []
    for number, row in rows:
        where = f"{path}: row {number}"
        experiment, found = parse_row(row, where)
        problems += found
        if experiment is not None:
            experiments.append(experiment)
            problems += check(experiment, where)
    problems += _duplicates(path, [(number, row.get("id") or "") for number, row in rows])
    if not rows:
        problems.append(f"{path}: the table has no rows, expected at least one experiment")
    if problems:
        raise ExperimentError(problems)
    return experiments


def read_table(path: str | Path) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """Names of the columns, and the rows with their line numbers; lines that begin with # are comments."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError([f"{path}: cannot be read: {error}"]) from error
    kept = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if not kept:
        raise ExperimentError([f"{path}: the table is empty, expected a header with {', '.join(COLUMNS)}"])
    names = [name.strip() for name in next(csv.reader([kept[0][1]]))]
    rows = [(number, _row(names, next(csv.reader([line])))) for number, line in kept[1:]]
    return names, rows


def _row(names: list[str], cells: list[str]) -> dict[str, Any]:
    """Cells by column; cells too many stand under the empty name."""
    row: dict[str, Any] = {name: cell.strip() for name, cell in zip(names, cells)}
    return row | ({"": cells[len(names) :]} if len(cells) > len(names) else {})


def _header_problems(path: str | Path, header: list[str]) -> list[str]:
    unknown = [name for name in header if name not in COLUMNS]
    problems = [f"{path}: unknown column '{name}'{nearest(name, COLUMNS)}" for name in unknown]
    for name, column in COLUMNS.items():
        if column.default is None and name not in header:
            problems.append(f"{path}: column '{name}' is missing ({column.text})")
    problems += [f"{path}: column '{name}' stands twice" for name in sorted({n for n in header if header.count(n) > 1})]
    return problems


def _duplicates(path: str | Path, ids: Iterable[tuple[int, str]]) -> list[str]:
    first: dict[str, int] = {}
    problems = []
    for number, name in ids:
        if name and name in first:
            problems.append(f"{path}: row {number}: column 'id': '{name}' is the id of row {first[name]} already")
        first.setdefault(name, number)
    return problems


# ---------------------------------------------------------------------------------------------- one row


def parse_row(row: Mapping[str, Any], where: str) -> tuple[Experiment | None, list[str]]:
    """The experiment of a row of texts, and what is wrong with single cells."""
    values: dict[str, Any] = {}
    problems = []
    if extra := row.get(""):
        problems.append(f"{where}: more cells than columns: {', '.join(extra)}")
    for name, column in COLUMNS.items():
        value, problem = cell_value(column, row.get(name) or "")
        values[name] = value
        if problem:
            problems.append(f"{where}: column '{name}': {problem}")
    return (None, problems) if problems else (Experiment(**values), [])


def cell_value(column: Column, text: str) -> tuple[Any, str]:
    """Value of a cell, or what is wrong with it."""
    if not text:
        missing = "" if column.default is not None else f"the cell is empty, expected {column.rule()}"
        return column.default, missing
    value: Any = text
    if column.number():
        if not re.fullmatch(r"[+-]?\d+", text):
            return None, f"'{text}' is no integer, expected {column.rule()}"
        value = int(text)
    if column.allowed and value not in column.allowed:
        hint = nearest(text, map(str, column.allowed)) if not column.number() else ""
        return None, f"'{text}' is not allowed, expected {column.rule()}{hint}"
    if column.least is not None and value < column.least:
        return None, f"{text} is too small, expected {column.rule()}"
    if column.pattern and not re.fullmatch(column.pattern, text):
        return None, f"'{text}' is not allowed, expected {column.rule()}"
    return value, ""


def check(experiment: Experiment, where: str = "experiment") -> list[str]:
    """What is wrong with an experiment as a whole: kernel, mesh, memory."""
    from waferllm.kernels import KERNELS

    if experiment.kernel not in KERNELS:
        return [f"{where}: column 'kernel': {unknown_kernel(experiment.kernel)}"]
    problems = _mesh_problems(experiment, where) + KERNELS[experiment.kernel].problems(experiment, where)
    return problems or _memory_problems(experiment, where)


def unknown_kernel(name: str) -> str:
    """What to say about a kernel that there is none of."""
    from waferllm.kernels import KERNELS

    return f"unknown kernel '{name}'{nearest(name, KERNELS)}, expected one of {', '.join(KERNELS)}"


def _mesh_problems(experiment: Experiment, where: str) -> list[str]:
    most = largest_mesh(experiment.arch)
    return [
        f"{where}: column '{name}': {value} is more than the {experiment.arch} has, at most {limit} "
        "(fabric less the margins of the host link)"
        for name, value, limit in zip(("width", "height"), (experiment.width, experiment.height), most)
        if value > limit
    ]


def _memory_problems(experiment: Experiment, where: str) -> list[str]:
    from waferllm.kernels import memory_breakdown

    capacity = memory_bytes(experiment.arch)
    parts = memory_breakdown(experiment)
    total = sum(parts.values())
    if total <= capacity:
        return []
    told = " + ".join(f"{name} {count}" for name, count in parts.items())
    sizes = f"M, K, N = {experiment.M}, {experiment.K}, {experiment.N} on {experiment.width} x {experiment.height} PEs"
    return [f"{where}: {sizes}: a PE would need {total} bytes, it has {capacity}: {told}"]


@functools.cache
def memory_bytes(arch: str) -> int:
    """Of one PE."""
    return machine.load(arch).number("memory.words") * 2


@functools.cache
def largest_mesh(arch: str) -> tuple[int, int]:
    """Most columns and rows of a program: the fabric less its margins."""
    table = machine.load(arch)
    width, height = table.number("fabric.width"), table.number("fabric.height")
    return width - table.number("fabric.margin_x"), height - table.number("fabric.margin_y")


def nearest(name: str, known: Iterable[str]) -> str:
    """', did you mean ...?' with the most similar known name, if one is similar."""
    scored = [(_similarity(name.lower(), entry.lower()), entry) for entry in known]
    score, entry = max(scored, key=lambda pair: pair[0], default=(0.0, ""))
    return f", did you mean '{entry}'?" if score >= 0.5 else ""


def _similarity(name: str, entry: str) -> float:
    """Share of equal letters; a common beginning decides between equals."""
    common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(name, entry)))
    return difflib.SequenceMatcher(None, name, entry).ratio() + common / 1000


def find(experiments: Iterable[Experiment], name: str) -> Experiment:
    """The experiment with this id."""
    by_id = {experiment.id: experiment for experiment in experiments}
    if name not in by_id:
        raise WaferllmError(f"no experiment '{name}'{nearest(name, by_id)}")
    return by_id[name]


def json_schema() -> dict[str, Any]:
    """Schema of one row, for editors and for the workflow."""
    properties = {name: _property(column) for name, column in COLUMNS.items()}
    required = [name for name, column in COLUMNS.items() if column.default is None]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "experiments table, one row",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }


def _property(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "integer" if column.number() else "string", "description": column.text}
    if column.allowed:
        found["enum"] = list(column.allowed)
    if column.least is not None:
        found["minimum"] = column.least
    if column.pattern:
        found["pattern"] = f"^{column.pattern}$"
    if column.default is not None:
        found["default"] = column.default
    return found
