"""Slabs: an axis cut into L = lcm(width, height) pieces, so that it divides over both axes of the mesh.

In: mesh and padded length. Out: for each PE the global indices that it holds: L / places consecutive slabs, starting at
place * L / places. `Skewed` is the same after the alignment of a compute-shift GEMM: the PE at ring places (x, y)
starts at slab x L / width + y L / height, modulo L.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from waferllm.partition.rings import positions


@dataclass(frozen=True)
class Slabs:
    """PE at (ring) place p of the mesh axis holds the slabs from p * L / places on."""

    along: str
    order: str = "line"

    def unit(self, width: int, height: int) -> int:
        return math.lcm(width, height)

    def index(self, width: int, height: int, padded: int) -> np.ndarray:
        """[height, width, padded / places]"""
        return _consecutive(self._first(width, height), self.along, width, height, padded)

    def _first(self, width: int, height: int) -> np.ndarray:
        """First slab of each PE, [height, width]."""
        slabs = math.lcm(width, height)
        if self.along == "x":
            first = positions(self.order, width)[None, :] * (slabs // width)
        else:
            first = positions(self.order, height)[:, None] * (slabs // height)
        return np.broadcast_to(first, (height, width))


@dataclass(frozen=True)
class Skewed(Slabs):
    """Slabs as they lie after alignment: both places of the PE decide where it starts."""

    def _first(self, width: int, height: int) -> np.ndarray:
        slabs = math.lcm(width, height)
        x = positions(self.order, width)[None, :] * (slabs // width)
        y = positions(self.order, height)[:, None] * (slabs // height)
        return (x + y) % slabs


def _consecutive(first: np.ndarray, along: str, width: int, height: int, padded: int) -> np.ndarray:
    """Indices of consecutive slabs, around the end of the axis where they reach it."""
    slab = padded // math.lcm(width, height)
    count = padded // (width if along == "x" else height)
    return (first[:, :, None] * slab + np.arange(count)) % padded
