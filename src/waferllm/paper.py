"""The published numbers: `config/paper_values.csv` and `config/paper_claims.csv` -> checked, frozen rows.

Code holds no number of the paper; it asks for one by (item, row, column). Every row must name its source.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from waferllm.errors import WaferllmError

VALUE_COLUMNS = ("item", "row", "column", "value", "unit", "where", "source")
CLAIM_COLUMNS = ("id", "item", "where", "claim", "low", "high", "unit", "source")
REQUIRED = ("unit", "where", "source")
"""Columns that no row may leave empty."""


class PaperError(WaferllmError):
    """A file of published numbers is not as it must be, or lacks a number."""


@dataclass(frozen=True)
class PaperValue:
    item: str
    row: str
    column: str
    value: float
    unit: str
    where: str
    source: str


@dataclass(frozen=True)
class Claim:
    """A statement of the paper with the range of its number; a bound that the paper does not give is None."""

    id: str
    item: str
    where: str
    claim: str
    low: float | None
    high: float | None
    unit: str
    source: str


@dataclass(frozen=True)
class PaperValues:
    rows: tuple[PaperValue, ...]
    path: str

    def number(self, item: str, row: str, column: str) -> float:
        for value in self.rows:
            if (value.item, value.row, value.column) == (item, row, column):
                return value.value
        raise PaperError(f"{self.path}: no value for item {item!r}, row {row!r}, column {column!r}")

    def select(self, item: str, column: str, prefix: str = "") -> dict[str, float]:
        """Row -> value of one column of an item, in the order of the file."""
        return {
            value.row: value.value
            for value in self.rows
            if value.item == item and value.column == column and value.row.startswith(prefix)
        }


def load_values(path: Path) -> PaperValues:
    errors: list[str] = []
    rows = []
    for line, cells in read_rows(path, VALUE_COLUMNS, errors):
        value = number(cells["value"], "value", path, line, errors)
        if value is not None:
            rows.append(PaperValue(**(cells | {"value": value})))  # type: ignore[arg-type]
        elif not cells["value"]:
            errors.append(f"{path}:{line}: column 'value' is empty")
    check_unique([(row.item, row.row, row.column) for row in rows], path, errors)
    raise_all(errors)
    return PaperValues(tuple(rows), str(path))


def load_claims(path: Path) -> tuple[Claim, ...]:
    errors: list[str] = []
    claims = []
    for line, cells in read_rows(path, CLAIM_COLUMNS, errors):
        low, high = (number(cells[name], name, path, line, errors) for name in ("low", "high"))
        if low is not None and high is not None and low > high:
            errors.append(f"{path}:{line}: 'low' {low:g} is above 'high' {high:g}")
        claims.append(Claim(**(cells | {"low": low, "high": high})))  # type: ignore[arg-type]
    check_unique([(claim.id,) for claim in claims], path, errors)
    raise_all(errors)
    return tuple(claims)


def read_rows(path: Path, columns: tuple[str, ...], errors: list[str]) -> list[tuple[int, dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != columns:
            raise PaperError(f"{path}:1: columns must be {', '.join(columns)}")
        rows = [(line, {name: (cell or "").strip() for name, cell in row.items()})
                for line, row in enumerate(reader, 2)]
    for line, cells in rows:
        errors += [f"{path}:{line}: column {name!r} is empty" for name in REQUIRED if not cells[name]]
    return rows


def number(text: str, column: str, path: Path, line: int, errors: list[str]) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        errors.append(f"{path}:{line}: column {column!r}: {text!r} is not a number")
        return None


def check_unique(keys: list[tuple[str, ...]], path: Path, errors: list[str]) -> None:
    seen: set[tuple[str, ...]] = set()
    for key in keys:
        if key in seen:
            errors.append(f"{path}: {' / '.join(key)} appears twice")
        seen.add(key)


def raise_all(errors: list[str]) -> None:
    if errors:
        raise PaperError("\n".join(errors))
