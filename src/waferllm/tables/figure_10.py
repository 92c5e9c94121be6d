"""Figure 10 as a table: cycles and share of communication of MeshGEMV and the pipeline GEMV over mesh sizes."""

from __future__ import annotations

from waferllm.measurements import Measurements
from waferllm.paper import PaperValues
from waferllm.tables import curves
from waferllm.tables.scaling import Row, Series, item_rows
from waferllm.tables.table import Table

ITEM = "figure_10"
NEEDED = ("meshgemv", "pipeline_gemv")
KERNELS = (*NEEDED, "ring_gemv")
NOTES = (
    "Cycles: from the first start to the last end over all PEs, by the kernel's own time stamps.",
    "Compute: cycles of the stage of the local product, mean over PEs. Communication: all other cycles.",
    "R: cycles of the reduction and the broadcast along a line of P PEs, from the kernel's steps and the machine table "
    "(docs/results.md). n = 2 (P - 1) steps of the ring, w = n ceil(t / P) words that it hands on.",
    "One line of the mesh: a run on P x 1 PEs with the tiles of the P x P mesh. Lines do not meet in a GEMV, so that "
    "this is the time of the mesh but for the differences of its lines' starts (the table gemv_lines has both).",
    "The paper shows Figure 10 as a picture without numbers; its statements about it are in the table of claims. Its "
    "cycles of MeshGEMV are the times of its Table 6 at its clock, taken for its largest mesh.",
)


def rows(measurements: Measurements, paper: PaperValues) -> list[Row]:
    return item_rows(ITEM, NEEDED, KERNELS, measurements, paper)


def make(measurements: Measurements, paper: PaperValues) -> Table:
    title = "Figure 10: GEMV over mesh sizes, MeshGEMV against GEMV with pipeline all-reduce"
    heads = ("inputs", "MeshGEMV", measurements.kind, True)
    return curves.table(ITEM, title, heads, rows(measurements, paper), NOTES, published_cycles(paper))


def published_cycles(paper: PaperValues) -> dict[tuple[str, str, str, int], float]:
    """Cycles of MeshGEMV on WSE-2, from the times of Table 6."""
    clock, side = paper.number("machine", "WSE-2", "clock"), int(paper.number("table_6", "mesh", "side"))
    label = Series("wse2", NEEDED[0], 16, int(paper.number("machine", "MeshGEMV", "phases"))).label
    times = {row.partition(" / "): time for row, time in paper.select("table_6", "time").items()}
    return {("wse2", label, problem, side): time * clock * 1e6
            for (problem, _, device), time in times.items() if device == "WSE-2"}
