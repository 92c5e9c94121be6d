"""Claims about the design itself, decided by looking at our kernels' tables instead of at cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

LARGEST = 750
"""Side of the paper's largest mesh."""


@dataclass(frozen=True)
class Fact:
    number: float
    note: str


def interleaved(places: int) -> list[int]:
    """Places of the line in ring order: up over the even ones, back over the odd ones."""
    line = list(range(places))
    return line[::2] + line[1::2][::-1]


def longest_edge() -> Fact:
    """Hops between neighbours of the interleaved ring, the most over all lines of 3 to LARGEST PEs."""
    most = 0
    for places in range(3, LARGEST + 1):
        ring = interleaved(places)
        most = max(most, *(abs(a - b) for a, b in zip(ring, ring[1:] + ring[:1])))
    return Fact(most, f"longest way between neighbours of the interleaved ring, lines of 3 to {LARGEST} PEs")


DESIGN: Mapping[str, Callable[[], Fact]] = {"two_hop": longest_edge}
