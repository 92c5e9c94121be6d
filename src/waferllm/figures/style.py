"""How every figure looks and is saved: colors for color-blind readers, a marker a kernel, the same bytes each time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

RC: dict[Any, Any] = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.5,
    "lines.linewidth": 1.2, "lines.markersize": 4.5,
    "pdf.fonttype": 42, "svg.hashsalt": "wafersim", "figure.dpi": 100, "savefig.dpi": 200,
}
DASHES = (4, 2)


@dataclass(frozen=True)
class Look:
    """Okabe and Ito's colors; the marker tells kernels apart without color."""

    title: str
    color: str
    marker: str


LOOKS = {
    "meshgemm": Look("MeshGEMM", "#0072B2", "o"),
    "summa": Look("SUMMA", "#E69F00", "s"),
    "cannon": Look("Cannon", "#009E73", "^"),
    "allgather": Look("all-gather", "#CC79A7", "D"),
    "meshgemv": Look("MeshGEMV", "#0072B2", "o"),
    "pipeline_gemv": Look("pipeline GEMV", "#D55E00", "s"),
    "ring_gemv": Look("ring GEMV", "#56B4E9", "^"),
}


def save(figure: Figure, png: Path, pdf: Path) -> None:
    """Writes both files, without dates or versions in them; each appears at once or not at all."""
    for path, metadata in ((png, {"Software": None}), (pdf, {"Creator": None, "Producer": None, "CreationDate": None})):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        figure.savefig(partial, format=path.suffix[1:], metadata=metadata)
        os.replace(partial, path)
