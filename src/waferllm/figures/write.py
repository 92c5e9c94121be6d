"""A figure of one item, drawn and written: PNG, PDF and, beside them, the numbers behind it as CSV."""

from __future__ import annotations

from pathlib import Path

from waferllm.figures import figure_9, figure_10
from waferllm.figures.style import save
from waferllm.measurements import Measurements
from waferllm.paper import PaperValues
from waferllm.tables import make_table
from waferllm.tables.render import to_csv, write_text

MAKERS = {"figure_9": figure_9.make, "figure_10": figure_10.make}
ITEMS = tuple(MAKERS)


def write_figure(item: str, measurements: Measurements, paper: PaperValues, folder: Path) -> list[Path]:
    """The CSV is the table of the same name: the figure shows nothing that is not in it."""
    figure = MAKERS[item](measurements, paper)
    data = to_csv(make_table(item, measurements, paper, ()))
    png, pdf, csv = (folder / f"{item}.{suffix}" for suffix in ("png", "pdf", "csv"))
    save(figure, png, pdf)
    return [png, pdf, write_text(csv, data)]
