"""Tables of results: measurements, records and published numbers -> one `Table` for each item of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from waferllm.measurements import Measurements, load_measurements
from waferllm.paper import Claim, PaperValues
from waferllm.plan import GENERATIONS, GPU
from waferllm.tables import claims as claims_table
from waferllm.tables import figure_9, figure_10, gemv_lines, gpu, table_6
from waferllm.tables.llm import FORMULA_TABLES, generations
from waferllm.tables.table import Table

ITEMS = ("figure_9", "figure_10", "table_6", "gemv_lines", "claims")
"""That need measurements of kernels."""


def make_table(item: str, measurements: Measurements, paper: PaperValues, claims: Sequence[Claim]) -> Table:
    if item == "claims":
        return claims_table.make(measurements, paper, claims)
    makers = {"figure_9": figure_9.make, "figure_10": figure_10.make, "table_6": table_6.make,
              "gemv_lines": gemv_lines.make}
    return makers[item](measurements, paper)


def table_of(item: str, sources: Sequence[Path], paper: PaperValues, claims: Sequence[Claim]) -> Table:
    """Any table, from the files that it is made of."""
    if item in FORMULA_TABLES:
        return FORMULA_TABLES[item](paper)
    if item == GENERATIONS:
        return generations.make(generations.read_records(sources))
    if item == GPU:
        return gpu.make(gpu.read_record(sources[0]), paper)
    return make_table(item, load_measurements(sources[0]), paper, claims)
