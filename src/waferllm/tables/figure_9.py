"""Figure 9 as a table: cycles and share of communication of MeshGEMM, SUMMA and Cannon over mesh sizes."""

from __future__ import annotations

from waferllm.measurements import Measurements
from waferllm.paper import PaperValues
from waferllm.tables import curves
from waferllm.tables.scaling import Row, item_rows
from waferllm.tables.table import Table

ITEM = "figure_9"
NEEDED = ("meshgemm", "summa", "cannon")
KERNELS = (*NEEDED, "allgather")
NOTES = (
    "Cycles: from the first start to the last end over all PEs, alignment included, by the kernel's own time stamps.",
    "Compute: cycles that a PE multiplies, stamped in the all-gather of the same mesh and tiles, which multiplies by "
    "the same code with no transfer beside it; on meshes where it was not run, by its formula. Communication: all "
    "other cycles.",
    "All-gather is not extrapolated: a PE holds P tiles of A and of B, too much for its memory on the paper's meshes.",
    "The paper shows Figure 9 as a picture without numbers; its statements about it are in the table of claims.",
)


def rows(measurements: Measurements, paper: PaperValues) -> list[Row]:
    return item_rows(ITEM, NEEDED, KERNELS, measurements, paper)


def make(measurements: Measurements, paper: PaperValues) -> Table:
    title = "Figure 9: GEMM over mesh sizes, MeshGEMM against SUMMA and Cannon"
    heads = ("sums", "MeshGEMM", measurements.kind, False)
    return curves.table(ITEM, title, heads, rows(measurements, paper), NOTES, {})
