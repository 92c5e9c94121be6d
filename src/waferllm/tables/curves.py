"""The columns that Figures 9 and 10 share as tables: rows of `scaling` -> a `Table`, with a note for each formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from waferllm.tables.scaling import Row
from waferllm.tables.table import (
    EXTRAPOLATED,
    KEY,
    LINE,
    MODELLED,
    NOTE,
    PAPER,
    RATIO,
    Cell,
    Column,
    Table,
    Value,
    told,
    value,
)


def columns(bits: str, reference: str, run: str, lines: bool) -> tuple[Column, ...]:
    """`lines`: whether one line of the mesh can be run by itself."""
    kinds = (run, *([run + LINE] if lines else []), EXTRAPOLATED)
    return (
        Column("arch", "machine", KEY),
        Column("kernel", "kernel", KEY),
        Column("bits", bits, KEY, "bit"),
        Column("problem", "problem", KEY),
        Column("side", "mesh side", KEY, "PE"),
        Column("tile", "tile side", KEY, "element"),
        *(column for kind in kinds for column in numbers(kind, reference)),
        Column("modelled_cycles", "cycles", MODELLED, "cycle", 0),
        Column("paper_cycles", "cycles", PAPER, "cycle", 0),
        Column("ratio_to_paper", "ours over paper", RATIO, "x", 2),
        Column("formula", "formula", NOTE),
        Column("residual", "error of the formula on the held-out mesh", NOTE),
        Column("fit", "fit", NOTE, csv_only=True),
        Column("fitted_range", "fitted range", NOTE, csv_only=True),
        Column("fitted_on", "fitted on", NOTE, csv_only=True),
        Column("provenance", "provenance", NOTE),
        Column("note", "note", NOTE, csv_only=True),
    )


def numbers(kind: str, reference: str) -> tuple[Column, ...]:
    return (Column(f"{kind}_cycles", "cycles", kind, "cycle", 0),
            Column(f"{kind}_communication", "communication", kind, "% of cycles", 1),
            Column(f"{kind}_compute", "compute", kind, "% of cycles", 1),
            Column(f"{kind}_slowdown", f"{told(kind)}: cycles over {reference}", RATIO, "x", 2))


def cells(row: Row, published: Mapping[tuple[str, str, str, int], float]) -> dict[str, Cell]:
    series, share = row.series, row.communication
    found: dict[str, Cell] = {
        "arch": series.arch, "kernel": series.label, "bits": series.bits or None, "problem": row.problem,
        "side": row.side, "tile": row.tile, "note": row.note,
        "provenance": told(row.kind) if row.cycles is not None else "none",
        f"{row.kind}_cycles": value(row.cycles, row.kind),
        f"{row.kind}_communication": None if share is None else value(100 * share, row.kind),
        f"{row.kind}_compute": None if share is None else value(100 * (1 - share), row.kind),
        f"{row.kind}_slowdown": value(row.slowdown, RATIO),
    }
    paper = published.get((series.arch, series.label, row.problem, row.side))
    if paper:
        ratio = row.cycles / paper if row.cycles else None
        found |= {"paper_cycles": Value(paper, PAPER), "ratio_to_paper": value(ratio, RATIO)}
    if row.estimate:
        fit = row.estimate.fit
        found |= {"formula": fit.formula.name, "residual": f"{100 * fit.residual:.1f} % at P = {fit.held_out_side}",
                  "fit": row.estimate.text, "fitted_range": fit.range, "fitted_on": " ".join(row.estimate.fitted_on)}
    return found


def table(name: str, title: str, heads: tuple[str, str, str, bool], rows: Sequence[Row], notes: Sequence[str],
          published: Mapping[tuple[str, str, str, int], float]) -> Table:
    """`heads`: of `columns`.

    `published`: cycles that the paper gives, by machine, label of the series, problem and side of the mesh.
    """
    made = Table(name, title, columns(*heads), (*notes, *fit_notes(rows), *refusals(rows)))
    made.extend(cells(row, published) for row in rows)
    return made


def fit_notes(rows: Sequence[Row]) -> list[str]:
    """One line for each formula that was fitted, in the order of first use."""
    lines: dict[str, None] = {}
    for row in rows:
        if row.estimate:
            fit, series = row.estimate.fit, row.series
            lines[f"{series.label} on {series.arch}, {fit.formula.name}: cycles = {fit.formula.text} = {fit.text}; "
                  f"fitted on {len(fit.points)} runs ({fit.range}); with P = {fit.held_out_side} held out "
                  f"{100 * fit.residual:.1f} % off there."] = None
    return list(lines)


def refusals(rows: Sequence[Row]) -> list[str]:
    """One line for each series and reason, with the problems and meshes it is the reason for."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.kind == EXTRAPOLATED and row.cycles is None:
            who = f"{row.series.label} on {row.series.arch}"
            found.setdefault((who, row.note), []).append(f"{row.problem} on {row.side} x {row.side}")
    return [f"{who}, {', '.join(what)}: {reason}." for (who, reason), what in found.items()]
