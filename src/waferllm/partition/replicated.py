"""Replicated: every PE holds the whole axis.

In: mesh and length. Out: for each PE all indices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Replicated:
    def unit(self, width: int, height: int) -> int:
        return 1

    def index(self, width: int, height: int, padded: int) -> np.ndarray:
        """[height, width, padded]"""
        return np.broadcast_to(np.arange(padded), (height, width, padded))
