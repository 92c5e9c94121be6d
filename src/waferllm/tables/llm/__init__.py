"""Tables of whole models: published numbers and formulas, or records of generated text -> one `Table` an item.

None of them needs measurements of kernels; docs/llm-tables.md has the methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from waferllm.paper import PaperValues
from waferllm.tables.llm import energy, table_2, table_5, throughput
from waferllm.tables.table import Table

FORMULA_TABLES: Mapping[str, Callable[[PaperValues], Table]] = {
    "table_2": table_2.make,
    "table_3": throughput.prefill,
    "table_4": throughput.decode,
    "table_5": table_5.make,
    "table_7": energy.prefill,
    "table_8": energy.decode,
}
"""Item -> what makes it of the published numbers and the formulas."""
