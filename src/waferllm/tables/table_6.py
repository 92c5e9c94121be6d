"""Table 6: time of a distributed GEMV and its energy against A100s; cycles of MeshGEMV -> time at the paper's clock.

Energy is not measured: the ratio follows from the times and the paper's power ratio, energy(A100) / energy(WSE) =
GPUs * time(A100) / (power ratio * time(WSE)).
"""

from __future__ import annotations

from dataclasses import dataclass

from waferllm.measurements import Measurements
from waferllm.paper import PaperValues
from waferllm.tables.scaling import LINES, Row, Target, scaling, targets
from waferllm.tables.table import EXTRAPOLATED, KEY, LINE, NOTE, PAPER, RATIO, Cell, Column, Table, Value, told, value

ITEM, KERNEL = "table_6", "meshgemv"
ITEMS = ("table_6", "figure_10", LINES)
"""Their experiments are runs of the same kernel."""
MACHINE = "wse2"
"""The paper's table and clock are for this one."""


def columns(run: str) -> tuple[Column, ...]:
    return (
        Column("problem", "problem", KEY),
        Column("side", "mesh side", KEY, "PE"),
        Column("against", "against", KEY),
        *(column for kind in (run, run + LINE, EXTRAPOLATED) for column in (
            Column(f"{kind}_cycles", "cycles", kind, "cycle", 0), Column(f"{kind}_time", "time", kind, "ms", 5))),
        Column("paper_time", "time", PAPER, "ms", 5),
        Column("time_ratio", "time, ours over paper", RATIO, "x", 2),
        Column("paper_gpu_time", "time of the A100s", PAPER, "ms", 3),
        Column("speedup", "our speed-up over the A100s", RATIO, "x", 0),
        Column("paper_speedup", "speed-up over the A100s", PAPER, "x", 0),
        Column("energy_ratio", "our energy, A100s over WSE-2", RATIO, "x", 2),
        Column("paper_energy_ratio", "energy, A100s over WSE-2", PAPER, "x", 2),
        Column("energy_to_paper", "energy ratio, ours over paper", RATIO, "x", 2),
        Column("formula", "formula", NOTE),
        Column("residual", "error of the formula on the held-out mesh", NOTE),
        Column("provenance", "ratios are made of", NOTE),
        Column("note", "note", NOTE, csv_only=True),
    )


@dataclass(frozen=True)
class Published:
    """What the paper says of one problem against one group of GPUs."""

    problem: str
    against: str
    gpus: int
    gpu_time: float
    time: float
    energy_ratio: float


def published(paper: PaperValues) -> list[Published]:
    times, energy = paper.select(ITEM, "time"), paper.select(ITEM, "energy_ratio")
    found = []
    for row, time in times.items():
        problem, _, against = row.partition(" / ")
        if row in energy:
            ours = times[f"{problem} / WSE-2"]
            found.append(Published(problem, against, gpu_count(against), time, ours, energy[row]))
    return found


def gpu_count(name: str) -> int:
    """'A100 x 2x8' -> 16."""
    count = 1
    for factor in name.partition(" x ")[2].split("x"):
        count *= int(factor)
    return count


def scaling_rows(measurements: Measurements, paper: PaperValues) -> list[Row]:
    """MeshGEMV with the paper's K on the machine of the table."""
    phases = int(paper.number("machine", "MeshGEMV", "phases"))
    runs = [run for item in ITEMS for run in measurements.of(item, [KERNEL])
            if run.arch == MACHINE and run.phases == phases and run.bits == 16]
    if not runs:
        measurements.require(ITEM, [f"{KERNEL} in f16 on {MACHINE} with K = {phases}"], ITEM)
    side = int(paper.number(ITEM, "mesh", "side"))
    wanted = [Target(t.problem, t.size, t.side) for t in targets(paper, "figure_10") if t.side == side]
    return scaling(runs, wanted, [KERNEL])


def make(measurements: Measurements, paper: PaperValues) -> Table:
    clock = paper.number("machine", "WSE-2", "clock")
    power = paper.number("machine", "WSE-2 over one A100", "power_ratio")
    side = int(paper.number(ITEM, "mesh", "side"))
    rows = scaling_rows(measurements, paper)
    notes = (f"Times are cycles at {clock:g} GHz, on a mesh of {side} x {side} PEs (the paper names no mesh here).",
             f"Our energy ratio: GPUs x time of the A100s / ({power:g} x our time); energy itself is not simulated.",
             "Speed-ups and energy ratios of ours use the paper's times of the A100s.",
             "Ratios are made of a run of the whole mesh if there is one, else of one line of it, else of the "
             "extrapolated time. Lines do not meet in a GEMV; the table gemv_lines has both.")
    table = Table(ITEM, "Table 6: GEMV on the wafer and on A100s", columns(measurements.kind), notes)
    for entry in published(paper):
        target = next(t for t in targets(paper, "figure_10") if t.problem == entry.problem and t.side == side)
        table.add(**cells(entry, ours(rows, target), clock, power))
    return table


def ours(rows: list[Row], target: Target) -> list[Row]:
    """Of this very size: the run, that of one line, the extrapolated row; the first one counts."""
    return [row for row in rows if row.side == target.side and row.problem == target.problem]


def cells(entry: Published, rows: list[Row], clock: float, power: float) -> dict[str, Cell]:
    row = rows[0]
    time = None if row.cycles is None else row.cycles / (clock * 1e6)
    energy = None if time is None else entry.gpus * entry.gpu_time / (power * time)
    found: dict[str, Cell] = {
        "problem": entry.problem, "side": row.side, "against": entry.against, "note": row.note,
        "provenance": told(row.kind) if time else "none",
        "paper_time": Value(entry.time, PAPER), "paper_gpu_time": Value(entry.gpu_time, PAPER),
        "paper_speedup": Value(entry.gpu_time / entry.time, PAPER),
        "paper_energy_ratio": Value(entry.energy_ratio, PAPER),
        "time_ratio": value(time and time / entry.time, RATIO), "speedup": value(time and entry.gpu_time / time, RATIO),
        "energy_ratio": value(energy, RATIO), "energy_to_paper": value(energy and energy / entry.energy_ratio, RATIO),
    }
    for row in rows:
        found[f"{row.kind}_cycles"] = value(row.cycles, row.kind)
        found[f"{row.kind}_time"] = value(row.cycles and row.cycles / (clock * 1e6), row.kind)
        if row.estimate:
            fit = row.estimate.fit
            found |= {"formula": f"{fit.formula.name}: {row.estimate.text}",
                      "residual": f"{100 * fit.residual:.1f} % at P = {fit.held_out_side}"}
    return found
