"""What Figures 9 and 10 share: rows of `scaling` -> panels of cycles and of the share of communication over mesh sides.

The left column of panels has the runs, solid lines and filled markers, all with one size of tile. The others have one
problem of the paper each: runs of one line of the mesh like runs, extrapolated numbers with dashed lines and larger
hollow markers around them. Stars are numbers of the paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from waferllm.figures.style import DASHES, LOOKS, RC
from waferllm.tables.scaling import Row, Series
from waferllm.tables.table import EXTRAPOLATED, LINE

OTHER_K = 0.5
"""Opacity of MeshGEMV with another K than the paper's."""
HOLLOW_SIZE = 7
"""Of markers that stand around those of runs."""
WIDE = 12
"""Cycles of a panel that are this many times apart go on a logarithmic axis."""
Published = Mapping[tuple[str, str, str, int], float]


def draw(title: str, rows: Sequence[Row], published: Published) -> Figure:
    problems = sorted({row.problem for row in rows if not row.problem[0].isdigit()}, key=size_in_name)
    machines = machines_to_draw(rows, problems)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(2.3 * (1 + len(problems)), 1.9 * 2 * len(machines) + 0.9), layout="constrained")
        panels = figure.subplots(2 * len(machines), 1 + len(problems), squeeze=False)
        for number, machine in enumerate(machines):
            block = panels[2 * number : 2 * number + 2]
            own = [row for row in rows if row.series.arch == machine]
            draw_machine(machine.upper().replace("WSE", "WSE-"), own, problems, block, published)
        figure.suptitle(title, fontsize=10)
        figure.legend(handles=legend(rows, published), loc="outside lower center", ncols=7, frameon=False)
    return figure


def machines_to_draw(rows: Sequence[Row], problems: Sequence[str]) -> list[str]:
    """Machines with numbers for every problem of the paper; else all machines. The tables have them all."""
    machines = sorted({row.series.arch for row in rows})
    told = {(row.series.arch, row.problem) for row in rows if row.cycles}
    return [name for name in machines if all((name, problem) in told for problem in problems)] or machines


def size_in_name(problem: str) -> int:
    """'GEMM 16K' -> 16."""
    return int("".join(letter for letter in problem if letter.isdigit()))


def draw_machine(name: str, rows: Sequence[Row], problems: Sequence[str], block, published: Published) -> None:
    runs = [row for row in rows if row.whole]
    small = [row for row in runs if row.problem not in problems]
    tile = common_tile(small)
    if small:
        title = f"{name}, {small[0].kind}\ntiles {tile} x {tile}"
        draw_panel(block[:, 0], [row for row in small if row.tile == tile], title, {})
    else:
        remove(block[:, 0])
    for column, problem in enumerate(problems, 1):
        found = [row for row in rows if row.problem == problem and row.cycles]
        if not found:  # the table's notes say why
            remove(block[:, column])
            continue
        kinds = ", ".join(sorted({row.kind.replace(LINE, " lines") for row in found}, reverse=True))
        draw_panel(block[:, column], found, f"{name}, {problem}\n{kinds}", published)
    block[0, 0].set_ylabel("cycles")
    block[1, 0].set_ylabel("communication\n(% of cycles)")


def remove(panels) -> None:
    for axes in panels:
        axes.set_visible(False)


def common_tile(runs: Sequence[Row]) -> int:
    """The tile that most runs have; of several, the largest."""
    counts = Counter(row.tile for row in runs)
    return max(counts, key=lambda tile: (counts[tile], tile), default=0)


def draw_panel(pair, rows: Sequence[Row], title: str, published: Published) -> None:
    cycles, share = pair
    cycles.set_title(title)
    for series, of_kind in dict.fromkeys((row.series, row.kind) for row in rows):
        own = [row for row in rows if (row.series, row.kind) == (series, of_kind) and row.cycles]
        own.sort(key=lambda row: row.side)
        line(cycles, series, [(row.side, row.cycles) for row in own], own[:1])
        told = [(row.side, 100 * row.communication) for row in own if row.communication is not None]
        line(share, series, told, own[:1])
    stars(cycles, rows, published)
    finish(cycles, share, sorted({row.side for row in rows}))


def line(axes: Axes, series: Series, points: Sequence[tuple[float, float | None]], first: Sequence[Row]) -> None:
    if not points:
        return
    look, hollow = LOOKS[series.kernel], first[0].kind == EXTRAPOLATED
    axes.plot(*zip(*points), color=look.color, marker=look.marker, markerfacecolor="white" if hollow else look.color,
              linestyle="--" if hollow else "-", dashes=DASHES if hollow else (None, None), clip_on=False,
              zorder=2 if hollow else 3, markersize=HOLLOW_SIZE if hollow else None,
              alpha=OTHER_K if series.phases not in (0, 2) else 1)


def stars(axes: Axes, rows: Sequence[Row], published: Published) -> None:
    found = [(row.side, published.get((row.series.arch, row.series.label, row.problem, row.side))) for row in rows]
    for side, cycles in dict.fromkeys(found):
        if cycles:
            axes.plot([side], [cycles], color="black", marker="*", markersize=8, linestyle="none", zorder=5)


def finish(cycles: Axes, share: Axes, sides: Sequence[int]) -> None:
    for axes in (cycles, share):
        if max(sides, default=1) > 8 * min(sides, default=1) / 2:
            axes.set_xscale("log", base=2)
        axes.set_xticks(sides, [str(side) for side in sides])
        axes.minorticks_off()
    drawn = [y for each in cycles.lines for y in np.asarray(each.get_ydata(), dtype=float)]
    if max(drawn, default=1) > WIDE * min(drawn, default=1):
        cycles.set_yscale("log")
        cycles.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        cycles.yaxis.set_minor_formatter(NullFormatter())
    else:
        cycles.set_ylim(bottom=0)
    cycles.yaxis.set_major_formatter(EngFormatter(sep=""))
    share.set_ylim(0, 100)
    share.set_xlabel("mesh side (PEs)")
    if not share.lines:
        share.set_visible(False)
        cycles.set_xlabel("mesh side (PEs)")


def legend(rows: Sequence[Row], published: Published) -> list[Line2D]:
    kernels = dict.fromkeys(row.series.kernel for row in rows)
    handles = [Line2D([], [], color=LOOKS[k].color, marker=LOOKS[k].marker, label=LOOKS[k].title) for k in kernels]
    run = next(row.kind for row in rows if row.whole)
    others = sorted({row.series.phases for row in rows} - {0, 2})
    if others:
        label = "K = " + ", ".join(map(str, others)) + " instead of 2"
        handles.append(Line2D([], [], color=LOOKS["meshgemv"].color, marker="o", alpha=OTHER_K, label=label))
    handles.append(Line2D([], [], color="#444444", marker="o", label=run))
    handles.append(Line2D([], [], color="#444444", marker="o", markerfacecolor="white", linestyle="--", dashes=DASHES,
                          label="extrapolated"))
    if published:
        handles.append(Line2D([], [], color="black", marker="*", markersize=8, linestyle="", label="paper, Table 6"))
    return handles
