"""Figure 9: cycles and share of communication of MeshGEMM, SUMMA and Cannon over mesh sizes."""

from __future__ import annotations

from matplotlib.figure import Figure

from waferllm.figures import curves
from waferllm.measurements import Measurements
from waferllm.paper import PaperValues
from waferllm.tables import figure_9

TITLE = "GEMM over mesh sizes: MeshGEMM, SUMMA and Cannon"


def make(measurements: Measurements, paper: PaperValues) -> Figure:
    return curves.draw(TITLE, figure_9.rows(measurements, paper), {})
