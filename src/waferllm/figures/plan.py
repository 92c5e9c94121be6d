"""Picture of a plan: a placement goes in; the wafer with its regions and the memory of a PE by tensor come out."""

from __future__ import annotations

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from waferllm.figures.style import RC
from waferllm.llm import memory, regions

COLORS = {"weights": "#0072B2", "KV cache": "#009E73", "buffers": "#E69F00", "program": "#999999"}


def make(placement: regions.Placement) -> Figure:
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.3])
        _wafer(left, placement)
        _bytes(right, placement)
    return figure


def _wafer(axes: Axes, placement: regions.Placement) -> None:
    """Regions with their layers, in true proportion; y goes down as on the wafer."""
    width, height = regions.usable(placement.arch)
    shape = placement.shape
    axes.add_patch(Rectangle((0, 0), width, height, fill=False, color="#000000"))
    for region in placement.regions:
        corner = (region.x, region.y)
        axes.add_patch(Rectangle(corner, shape.width, shape.height, facecolor="#56B4E9", edgecolor="#000000"))
        last = region.first_layer + region.layers - 1
        center = region.x + shape.width / 2, region.y + shape.height / 2
        # inside where there is room, else beside
        small = shape.width < width / 4
        place = (region.x + shape.width + 10, center[1]) if small else center
        axes.text(*place, f"layers\n{region.first_layer} to {last}", ha="left" if small else "center", va="center")
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", title=f"{shape.config.name}: {placement.arch}")
    axes.set(xlabel="columns of PEs", ylabel="rows of PEs")
    axes.grid(False)


def _bytes(axes: Axes, placement: regions.Placement) -> None:
    """One bar a tensor, of a PE of the fullest region."""
    parts = regions.fullest_parts(placement)
    shown = [part for part in parts if part.bytes > 0]
    axes.barh(range(len(shown)), [part.bytes for part in shown], color=[COLORS[part.kind] for part in shown])
    axes.set_yticks(range(len(shown)), [part.name for part in shown], fontsize=7)
    axes.invert_yaxis()
    total, limit = memory.total(parts), memory.limit(placement.arch)
    axes.set(xlabel="bytes a PE", title=f"{total:,} of {limit:,} bytes")
    axes.legend([Rectangle((0, 0), 1, 1, color=color) for color in COLORS.values()], list(COLORS), loc="center right")
