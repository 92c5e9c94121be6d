"""Claims about the design itself, decided by looking at our kernels' tables instead of at cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from waferllm.kernels import KERNELS
from waferllm.partition.rings import members

LARGEST = 750
"""Side of the paper's largest mesh."""


@dataclass(frozen=True)
class Fact:
    number: float
    note: str


def longest_edge() -> Fact:
    """Hops between neighbours of the interleaved ring, the most over all lines of 3 to LARGEST PEs."""
    most = 0
    for places in range(3, LARGEST + 1):
        ring = members(KERNELS["meshgemm"].order, places)
        most = max(most, int(np.abs(ring - np.roll(ring, 1)).max()))
    return Fact(most, f"longest way between neighbours of the interleaved ring, lines of 3 to {LARGEST} PEs")


def most_colors() -> Fact:
    kernel = max(KERNELS.values(), key=lambda kernel: kernel.colors)
    return Fact(kernel.colors, f"colors of {kernel.title}, the most of all kernels; 24 can be routed on a real machine")


DESIGN: Mapping[str, Callable[[], Fact]] = {"two_hop": longest_edge, "routing_paths": most_colors}
