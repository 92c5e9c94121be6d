"""The measured points: rows of `points.csv`, as they were collected (docs/timing-model.md tells from where)."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wafersim.errors import UsageError

PATH = Path(__file__).parent / "points.csv"
PRESETS = {"sdk-simulator": "sim", "cs-2": "silicon", "cs-3": "silicon"}
"""By the column `measured_on`: the preset of the machine table that a point belongs to."""


@dataclass(frozen=True, slots=True)
class Point:
    id: str
    arch: str
    preset: str
    source: str
    """Repository, commit and path that the value was published in."""
    program: str
    params: dict[str, Any]
    metric: str
    measured: float
    how: str

    @property
    def series(self) -> str:
        """Where the point comes from, by its id: points of one series were measured with one program or study."""
        return self.id.rstrip("0123456789").rstrip("-")


def load(path: Path = PATH) -> list[Point]:
    with path.open(newline="", encoding="utf-8") as file:
        return [_point(row) for row in csv.DictReader(file)]


def select(points: list[Point], names: list[str]) -> list[Point]:
    """Points whose id or series is named; all without a name."""
    unknown = [name for name in names if not any(name in (point.id, point.series) for point in points)]
    if unknown:
        series = ", ".join(dict.fromkeys(point.series for point in points))
        raise UsageError(f"there is no calibration point or series '{unknown[0]}'; series are: {series}")
    return [point for point in points if not names or point.id in names or point.series in names]


def _point(row: dict[str, str]) -> Point:
    place = row["measured_on"]
    if place not in PRESETS:
        raise UsageError(f"calibration point {row['id']}: measured on '{place}', which no preset stands for")
    source = f"{row['source_repo']} at {row['commit']}, {row['path_of_code']}"
    return Point(
        row["id"], row["arch"], PRESETS[place], source, row["program"], json.loads(row["params"]), row["metric"],
        float(row["value"]), row["how"],
    )  # fmt: skip
