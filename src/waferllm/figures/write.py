"""A figure of one item, drawn and written: PNG, PDF and, beside them, the numbers behind it as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from waferllm.figures import figure_9, figure_10
from waferllm.figures import generations as generations_figure
from waferllm.figures.style import save
from waferllm.measurements import Measurements, load_measurements
from waferllm.paper import PaperValues
from waferllm.plan import GENERATIONS
from waferllm.tables import make_table
from waferllm.tables.llm import generations
from waferllm.tables.render import to_csv, write_text

MAKERS = {"figure_9": figure_9.make, "figure_10": figure_10.make}
ITEMS = tuple(MAKERS)


def write_figure_of(item: str, sources: Sequence[Path], paper: PaperValues, folder: Path) -> list[Path]:
    """Any figure, from the files that it is made of."""
    if item != GENERATIONS:
        return write_figure(item, load_measurements(sources[0]), paper, folder)
    table = generations.make(generations.read_records(sources))
    return written(item, generations_figure.make(table), to_csv(table), folder)


def write_figure(item: str, measurements: Measurements, paper: PaperValues, folder: Path) -> list[Path]:
    """The CSV is the table of the same name: the figure shows nothing that is not in it."""
    figure = MAKERS[item](measurements, paper)
    data = to_csv(make_table(item, measurements, paper, ()))
    return written(item, figure, data, folder)


def written(item: str, figure: Figure, data: str, folder: Path) -> list[Path]:
    png, pdf, csv = (folder / f"{item}.{suffix}" for suffix in ("png", "pdf", "csv"))
    save(figure, png, pdf)
    return [png, pdf, write_text(csv, data)]
