"""Tables of results: measurements and published numbers -> one `Table` for each item of the paper."""

from __future__ import annotations

from collections.abc import Sequence

from waferllm.measurements import Measurements
from waferllm.paper import Claim, PaperValues
from waferllm.tables import claims as claims_table
from waferllm.tables import figure_9, figure_10, gemv_lines, table_6
from waferllm.tables.table import Table

ITEMS = ("figure_9", "figure_10", "table_6", "gemv_lines", "claims")


def make_table(item: str, measurements: Measurements, paper: PaperValues, claims: Sequence[Claim]) -> Table:
    if item == "claims":
        return claims_table.make(measurements, paper, claims)
    makers = {"figure_9": figure_9.make, "figure_10": figure_10.make, "table_6": table_6.make,
              "gemv_lines": gemv_lines.make}
    return makers[item](measurements, paper)
