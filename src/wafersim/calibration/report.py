"""Predictions as tables: Markdown for docs/timing-model.md, text for the terminal, plain data for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from wafersim import machine
from wafersim.calibration import fit, measure, plot
from wafersim.calibration.points import Point
from wafersim.errors import UsageError

BEGIN, END = "<!-- calibration: begin -->", "<!-- calibration: end -->"
FIT_BEGIN, FIT_END = "<!-- calibration fit: begin -->", "<!-- calibration fit: end -->"
PLOT = "timing-residuals.svg"


@dataclass(frozen=True, slots=True)
class Outcome:
    point: Point
    predicted: float

    @property
    def error(self) -> float:
        """Percent of the measured value; positive: predicted too slow."""
        return 100 * (self.predicted / self.point.measured - 1)


def outcome(point: Point, engine: str = "fast") -> Outcome:
    return Outcome(point, measure.predicted(point, measure.compiled(point), measure.settings_of(point), engine))


def line(result: Outcome) -> str:
    point = result.point
    return f"{point.id:<10} {point.measured:>10.1f} {result.predicted:>10.1f} {result.error:>+7.1f} %  {what(point)}"


def what(point: Point) -> str:
    """The program, with the parameters that tell points of a series apart."""
    names = [name for name in ("Mt", "L", "C", "tile_size", "elements") if name in point.params]
    sizes = ", ".join(f"{name} {point.params[name]}" for name in names)
    return f"{point.program}, {sizes}" if sizes else point.program


def summary(results: Iterable[Outcome]) -> str:
    errors = [abs(result.error) for result in results]
    return f"{len(errors)} points: median {median(errors):.1f} %, worst {max(errors):.1f} %"


def plain(result: Outcome) -> dict[str, Any]:
    return {
        "id": result.point.id, "arch": result.point.arch, "preset": result.point.preset,
        "measured": result.point.measured, "predicted": result.predicted, "error_percent": round(result.error, 3),
    }  # fmt: skip


# ----------------------------------------------------------------------------------------------- Markdown


def section(results: list[Outcome]) -> str:
    """What stands between the markers."""
    parts = [f"![Errors of all points]({PLOT})", ""]
    for arch in dict.fromkeys(result.point.arch for result in results):
        chosen = [result for result in results if result.point.arch == arch]
        fitted = machine.fitted_rows(arch)
        parts += [f"### {arch.upper()}: {summary(chosen)}, {len(fitted)} fitted parameters", ""]
        parts += _parameters(fitted) + [""] if fitted else []
        parts += _table(chosen) + [""]
    return "\n".join(parts)


def write(path: Path, results: list[Outcome]) -> None:
    """Replaces the section of the document at `path` and draws the plot beside it."""
    _replace(path, BEGIN, END, section(results))
    (path.parent / PLOT).write_text(plot.residuals(results), encoding="utf-8")


def write_fit(path: Path, fits: list[fit.Fit]) -> None:
    """Replaces the section about the fit in the document at `path`."""
    _replace(path, FIT_BEGIN, FIT_END, "".join(fit_section(one) for one in fits))


def fit_section(one: fit.Fit) -> str:
    arch = one.arch.upper()
    lines = ["", f"| {arch}: row | value | misfit with one less | misfit with one more |", "|---|---:|---:|---:|"]
    for row, value, less, more in one.sensitivity():
        lines.append(f"| `{row}` | {value} | {_misfit(less)} | {_misfit(more)} |")
    lines += ["", f"Misfit with the values of the table: {one.misfit(one.points, one.table):.2f} %.", ""]
    lines += [
        f"| {arch}: left out | points | rows that change | mean error % | worst error % |",
        "|---|---:|---|---:|---:|",
    ]
    for left in one.leave_out():
        changed = ", ".join(f"`{row}` {value}" for row, value in left.values.items() if value != one.table[row])
        lines.append(
            f"| {left.program} | {left.points} | {changed or 'none'} | {left.mean_error:.1f} | {left.worst_error:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _misfit(value: float) -> str:
    return "-" if value == inf else f"{value:.2f} %"


def _replace(path: Path, begin: str, end: str, content: str) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise UsageError(f"'{path}' needs the markers '{begin}' and '{end}', once each")
    head, tail = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    path.write_text(f"{head}\n{content}{tail}", encoding="utf-8")


def _parameters(rows: list[machine.FittedRow]) -> list[str]:
    lines = ["| fitted parameter | value | unit | depends on |", "|---|---:|---|---|"]
    return lines + [f"| `{row.name}` | {row.value} | {row.unit} | {row.points} |" for row in rows]


def _table(results: list[Outcome]) -> list[str]:
    lines = ["| point | program | measured | predicted | error % |", "|---|---|---:|---:|---:|"]
    return lines + [
        f"| {r.point.id} | {what(r.point)} | {r.point.measured:.1f} | {r.predicted:.1f} | {r.error:+.1f} |"
        for r in results
    ]
