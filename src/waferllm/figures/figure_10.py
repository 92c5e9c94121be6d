"""Figure 10: cycles and share of communication of MeshGEMV and the pipeline GEMV over mesh sizes."""

from __future__ import annotations

from matplotlib.figure import Figure

from waferllm.figures import curves
from waferllm.measurements import Measurements
from waferllm.paper import PaperValues
from waferllm.tables import figure_10

TITLE = "GEMV over mesh sizes: MeshGEMV, pipeline GEMV and ring GEMV"


def make(measurements: Measurements, paper: PaperValues) -> Figure:
    return curves.draw(TITLE, figure_10.rows(measurements, paper), figure_10.published_cycles(paper))
