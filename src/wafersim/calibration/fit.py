"""How well the points determine the fitted rows: a search over their values, and the same with one program left out.

The rows are whole cycles, so the search goes along one row after the other, a step up or down, as long as the misfit
falls. Misfit: the mean over programs of the mean error of their points, in percent, so that a program with many points
counts no more than one with few. Searches start from the machine table: a row that no point asks about stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from wafersim import machine
from wafersim.calibration import measure
from wafersim.calibration.points import Point
from wafersim.ir.program import Image

STEPS = (-1, 1)
MOST_ROUNDS = 6
MOST_POINTS = 12
"""Points of one program that are looked at, evenly spaced."""
LEAST = {"microthreads.start": 1, "fabric.ramp_in": 1, "fabric.ramp_out": 2, "fabric.simd_period": 1}
"""Smallest values that the engine takes; 0 for all other rows."""
Values = dict[str, int]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Errors of one program, predicted with rows fitted to the others."""

    program: str
    points: int
    values: Values
    mean_error: float
    worst_error: float


class Fit:
    """The points of one architecture with their compiled programs, and the rows to fit."""

    def __init__(self, arch: str, points: list[Point]) -> None:
        self.arch = arch
        self.points = _some([p for p in points if p.arch == arch and p.preset == machine.DEFAULT_PRESET])
        self.settings = machine.load(arch).settings
        self.rows = [row.name for row in machine.fitted_rows(arch) if isinstance(row.value, int)]
        self.table: Values = {row.name: row.value for row in machine.fitted_rows(arch) if isinstance(row.value, int)}
        self._images: dict[str, Image] = {}
        self._known: dict[tuple, float] = {}

    def errors(self, points: list[Point], values: Values) -> list[float]:
        """Percent, for each point."""
        settings = _changed(self.settings, values)
        return [self._error(point, settings, values) for point in points]

    def misfit(self, points: list[Point], values: Values) -> float:
        programs: dict[str, list[float]] = {}
        for point, error in zip(points, self.errors(points, values), strict=True):
            programs.setdefault(measure.name_of(point), []).append(abs(error))
        return sum(sum(errors) / len(errors) for errors in programs.values()) / len(programs)

    def search(self, points: list[Point], say: Callable[[str], None] = lambda line: None) -> Values:
        """The best values that can be reached from those of the table."""
        values = dict(self.table)
        best = self.misfit(points, values)
        for _ in range(MOST_ROUNDS):
            before = best
            for row in self.rows:
                values, best = self._along(row, points, values, best)
            say(f"misfit {best:.2f} %: {text(values)}")
            if best == before:
                break
        return values

    def sensitivity(self) -> Iterator[tuple[str, int, float, float]]:
        """Each row with its value, and the misfit with one less and one more."""
        for row, value in self.table.items():
            less, more = (
                self.misfit(self.points, self.table | {row: value + step}) if value + step >= LEAST.get(row, 0) else inf
                for step in STEPS
            )
            yield row, value, less, more

    def leave_out(self, say: Callable[[str], None] = lambda line: None) -> Iterator[LeftOut]:
        for program in dict.fromkeys(measure.name_of(point) for point in self.points):
            rest = [point for point in self.points if measure.name_of(point) != program]
            left = [point for point in self.points if measure.name_of(point) == program]
            if not rest:
                continue
            values = self.search(rest, say)
            errors = [abs(error) for error in self.errors(left, values)]
            yield LeftOut(program, len(left), values, sum(errors) / len(errors), max(errors))

    def _along(self, row: str, points: list[Point], values: Values, best: float) -> tuple[Values, float]:
        for step in STEPS:
            while values[row] + step >= LEAST.get(row, 0):
                tried = values | {row: values[row] + step}
                misfit = self.misfit(points, tried)
                if misfit >= best:
                    break
                values, best = tried, misfit
        return values, best

    def _error(self, point: Point, settings: dict[str, Any], values: Values) -> float:
        key = (point.id, tuple(values.values()))
        if key not in self._known:
            if point.id not in self._images:
                self._images[point.id] = measure.compiled(point)
            predicted = measure.predicted(point, self._images[point.id], settings)
            self._known[key] = 100 * (predicted / point.measured - 1)
        return self._known[key]


def _some(points: list[Point]) -> list[Point]:
    programs: dict[str, list[Point]] = {}
    for point in points:
        programs.setdefault(measure.name_of(point), []).append(point)
    return [point for group in programs.values() for point in group[:: -(-len(group) // MOST_POINTS)]]


def text(values: Values) -> str:
    return ", ".join(f"{row} {value}" for row, value in values.items())


def _changed(settings: dict[str, Any], values: Values) -> dict[str, Any]:
    changed = copy.deepcopy(settings)
    for name, value in values.items():
        section, _, row = name.partition(".")
        changed[section][row] = value
    return changed
