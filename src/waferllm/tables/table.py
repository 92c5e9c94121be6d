"""A table whose columns know where their numbers come from; a number goes only into a column of its own kind.

Kinds of numbers (decision D8): simulated, measured (on a machine), either of them on one line of the mesh only,
extrapolated, modelled, paper, and ratio (made of numbers of the columns beside it).
Keys and notes are the kinds of columns that hold no numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

SIMULATED, MEASURED, EXTRAPOLATED = "simulated", "measured", "extrapolated"
MODELLED, PAPER, RATIO = "modelled", "paper", "ratio"
LINE = "_line"
"""Ends the kind of a number that was simulated or measured on one line of the mesh."""
KEY, NOTE = "key", "note"
NUMBERS = (SIMULATED, MEASURED, SIMULATED + LINE, MEASURED + LINE, EXTRAPOLATED, MODELLED, PAPER, RATIO)


def told(kind: str) -> str:
    """The kind as the reader sees it."""
    return kind.replace(LINE, ", one line of the mesh")


class ProvenanceError(Exception):
    """A number was put into a column of another kind."""


@dataclass(frozen=True)
class Value:
    """A number and where it comes from."""

    number: float
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in NUMBERS:
            raise ProvenanceError(f"{self.kind!r} is no kind of number, expected one of {', '.join(NUMBERS)}")
        if not math.isfinite(self.number):
            raise ValueError(f"{self.number} is not a finite number")


Cell = Value | str | int | None


@dataclass(frozen=True)
class Column:
    name: str
    """In CSV files and for code."""
    heading: str
    kind: str
    unit: str = ""
    digits: int | None = None
    """Digits after the point; None: four significant ones."""
    csv_only: bool = False
    """Too long for a page."""

    @property
    def title(self) -> str:
        """Heading with kind and unit, as the reader sees it."""
        kind = f"{told(self.kind)}: " if self.kind in NUMBERS and self.kind != RATIO else ""
        return f"{kind}{self.heading}" + (f" ({self.unit})" if self.unit else "")


@dataclass
class Table:
    name: str
    title: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    rows: list[dict[str, Cell]] = field(default_factory=list)

    def add(self, **cells: Cell) -> None:
        """A row; columns that are not named stay empty."""
        known = {column.name: column for column in self.columns}
        unknown = set(cells) - set(known)
        if unknown:
            raise KeyError(f"table {self.name}: unknown columns {', '.join(sorted(unknown))}")
        for name, cell in cells.items():
            check_kind(self.name, known[name], cell)
        self.rows.append({column.name: cells.get(column.name) for column in self.columns})

    def extend(self, rows: Iterable[dict[str, Cell]]) -> None:
        for row in rows:
            self.add(**row)


def check_kind(table: str, column: Column, cell: Cell) -> None:
    if cell is None:
        return
    if column.kind in (KEY, NOTE):
        if isinstance(cell, Value):
            raise ProvenanceError(f"table {table}: column {column.name!r} holds no numbers, got a {cell.kind} one")
    elif not isinstance(cell, Value) or cell.kind != column.kind:
        got = f"a {cell.kind} number" if isinstance(cell, Value) else f"{cell!r}"
        raise ProvenanceError(f"table {table}: column {column.name!r} holds {column.kind} numbers, got {got}")


def value(number: float | None, kind: str) -> Value | None:
    return None if number is None else Value(number, kind)


def number(row: dict[str, Cell], name: str) -> float | None:
    cell = row[name]
    return cell.number if isinstance(cell, Value) else None
