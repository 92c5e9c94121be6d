"""Blocks: an axis cut into one piece for each place along an axis of the mesh.

In: mesh and padded length. Out: for each PE the global indices that it holds. All PEs at the same place hold the same,
so a block is also replicated along the other axis of the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waferllm.partition.rings import positions


@dataclass(frozen=True)
class Blocks:
    """PE at place p of the mesh axis holds block p; with the order `interleaved`, p is its place in that ring."""

    along: str
    order: str = "line"

    def unit(self, width: int, height: int) -> int:
        return width if self.along == "x" else height

    def index(self, width: int, height: int, padded: int) -> np.ndarray:
        """[height, width, padded / places]"""
        places = self.unit(width, height)
        size = padded // places
        first = positions(self.order, places) * size
        first = first[None, :] if self.along == "x" else first[:, None]
        grid = np.broadcast_to(first, (height, width))
        return grid[:, :, None] + np.arange(size)
