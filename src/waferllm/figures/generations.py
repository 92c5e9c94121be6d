"""What a token of decode spends its cycles on: the table `generations` -> one bar a run, its parts as shares
of their sum, which stands beside it.
"""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure

from waferllm.figures.style import RC
from waferllm.tables.llm.generations import PARTS
from waferllm.tables.table import Table, number

COLORS = ("#999999", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's, in the order of PARTS."""
HATCHED = ("rows", "columns")
"""Parts that are communication."""
TITLE = "Decode of generated text: simulated cycles of a token, by part"


def make(table: Table) -> Figure:
    rows = [row for row in table.rows if number(row, PARTS[0]) is not None]
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7, 1.3 + 0.38 * len(rows)), layout="constrained")
        axes = figure.subplots()
        sums = [sum(number(row, part) or 0.0 for part in PARTS) for row in rows]
        begin = [0.0] * len(rows)
        for part, color in zip(PARTS, COLORS, strict=True):
            lengths = [100 * (number(row, part) or 0.0) / total for row, total in zip(rows, sums, strict=True)]
            name = f"sums along {part}, waiting" if part in HATCHED else part
            hatch = "////" if part in HATCHED else ""
            axes.barh(range(len(rows)), lengths, left=begin, color=color, hatch=hatch, edgecolor="white", label=name)
            begin = [at + length for at, length in zip(begin, lengths, strict=True)]
        axes.set_yticks(range(len(rows)), [f"{row['model']}, {row['mesh']}, {row['arch']}" for row in rows])
        for place, total in enumerate(sums):
            axes.text(101, place, f"{total:,.0f} cycles", va="center")
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(xlim=(0, 100), xlabel="% of the cycles, mean over PEs and tokens", title=TITLE)
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure
