"""What the workflow prints at its end: measurements at a glance and places of results; or which validations failed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

COLUMNS = ("item", "kernel", "arch", "mesh", "size", "cycles", "comm %", "verdict")


def summary(results: str | Path) -> str:
    """A short table of all measurements, tables and figures below it."""
    results = Path(results)
    path = results / "aggregate" / "measurements.csv"
    if not path.exists():
        return ""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [_row(row) for row in csv.DictReader(file)]
    lines = texts(results)
    made = [*sorted(results.glob("tables/*.md")), *sorted(results.glob("figures/*.png"))]
    return "\n".join(["", *aligned([COLUMNS, *rows]), "", f"measurements: {path}", *_places(made), *lines])


def texts(results: Path) -> list[str]:
    """One line for each model that has generated text."""
    found = []
    for path in sorted(results.glob("generate/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            f"generated: {record['generation']}: {len(record['tokens'])} tokens as the reference, "
            f"{record['cycles_a_token']:,.0f} cycles each: {path}"
        )
    return found


def _row(row: dict[str, str]) -> tuple[str, ...]:
    size = "x".join(row[name] for name in ("M", "K", "N") if row[name] != "1" or name != "N")
    share = f"{100 * float(row['comm_share']):.0f}" if row.get("comm_share") else ""
    mesh = f"{row['width']}x{row['height']}"
    return row["item"], row["kernel"], row["arch"], mesh, size, row["cycles"], share, row["verdict"]


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _places(made: list[Path]) -> list[str]:
    return [f"{'tables' if path.suffix == '.md' else 'figures'}: {path}" for path in made]


def failures(results: str | Path) -> str:
    """One line a failed validation, with where its evidence is."""
    lines = []
    for path in sorted(Path(results).glob("failed/*/report.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        lines.append(f"validation failed: {report.get('message') or path.parent.name} (evidence: {path.parent})")
    return "\n".join(lines)
