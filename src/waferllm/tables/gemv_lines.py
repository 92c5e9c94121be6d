"""One line of the mesh against whole meshes and the extrapolation: runs of GEMV kernels on P x 1 PEs -> a table.

Lines do not meet in a GEMV, so that a line takes the time of the mesh but for the differences of its lines' starts.
Where the mesh of the same side was run, the row shows how much that is; on the paper's meshes, how far the
extrapolation is off.
"""

from __future__ import annotations

from waferllm.measurements import MeasurementError, Measurements
from waferllm.paper import PaperValues
from waferllm.tables import figure_10
from waferllm.tables.scaling import LINES, Row
from waferllm.tables.table import EXTRAPOLATED, KEY, LINE, NOTE, RATIO, Cell, Column, Table, value

ITEM = LINES
NOTES = (
    "One line: a run on P x 1 PEs with the tiles and the kernel of the P x P mesh. The lines of a mesh differ in when "
    "their PEs start only: after the reference wave a PE waits in a loop of several cycles.",
    "Formulas are fitted on runs of whole meshes, never on lines.",
)


def columns(run: str) -> tuple[Column, ...]:
    return (
        Column("arch", "machine", KEY),
        Column("kernel", "kernel", KEY),
        Column("bits", "inputs", KEY, "bit"),
        Column("problem", "problem", KEY),
        Column("side", "PEs of the line", KEY, "PE"),
        Column("tile", "tile side", KEY, "element"),
        Column(f"{run}{LINE}_cycles", "cycles", run + LINE, "cycle", 0),
        Column(f"{run}_cycles", "cycles of the mesh", run, "cycle", 0),
        Column("mesh_ratio", "mesh over line", RATIO, "x", 3),
        Column("extrapolated_cycles", "cycles of the mesh", EXTRAPOLATED, "cycle", 0),
        Column("extrapolated_ratio", "extrapolated over line", RATIO, "x", 3),
        Column("formula", "formula", NOTE),
        Column("residual", "error of the formula on the held-out mesh", NOTE),
        Column("note", "note", NOTE, csv_only=True),
    )


def make(measurements: Measurements, paper: PaperValues) -> Table:
    rows = figure_10.rows(measurements, paper)
    lines = [row for row in rows if row.kind.endswith(LINE)]
    if not lines:
        raise MeasurementError(f"{ITEM} needs runs of P x 1 PEs with square tiles (item {ITEM}), which have no passing "
                               f"measurement in {measurements.path}")
    table = Table(ITEM, "GEMV: one line of the mesh against the extrapolation", columns(measurements.kind), NOTES)
    table.extend(cells(line, [row for row in rows if same(row, line)]) for line in lines)
    return table


def same(row: Row, line: Row) -> bool:
    wanted = line.series, line.problem, line.side
    return row is not line and (row.series, row.problem, row.side) == wanted and row.cycles is not None


def cells(line: Row, others: list[Row]) -> dict[str, Cell]:
    found: dict[str, Cell] = {
        "arch": line.series.arch, "kernel": line.series.label, "bits": line.series.bits, "problem": line.problem,
        "side": line.side, "tile": line.tile, f"{line.kind}_cycles": value(line.cycles, line.kind), "note": line.note,
    }
    for row in others:
        ratio = row.cycles / line.cycles if row.cycles and line.cycles else None
        name = "extrapolated_ratio" if row.estimate else "mesh_ratio"
        found |= {f"{row.kind}_cycles": value(row.cycles, row.kind), name: value(ratio, RATIO)}
        if row.estimate:
            fit = row.estimate.fit
            found |= {"formula": f"{fit.formula.name}: {row.estimate.text}",
                      "residual": f"{100 * fit.residual:.1f} % at P = {fit.held_out_side}"}
    return found
