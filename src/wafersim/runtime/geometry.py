"""`cerebras.geometry.geometry`: points and rectangles of the fabric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IntVector:
    """A point: x counts columns to the east, y rows to the south."""

    x: int
    y: int

    def __iter__(self) -> Iterator[int]:
        return iter((self.x, self.y))

    def __add__(self, other: IntVector) -> IntVector:
        return IntVector(self.x + other.x, self.y + other.y)

    def __sub__(self, other: IntVector) -> IntVector:
        return IntVector(self.x - other.x, self.y - other.y)


@dataclass(frozen=True, slots=True)
class IntRectangle:
    """Points from `ul` (upper left) to `lr` (lower right), `lr` not included."""

    ul: IntVector
    lr: IntVector

    @property
    def width(self) -> int:
        return self.lr.x - self.ul.x

    @property
    def height(self) -> int:
        return self.lr.y - self.ul.y

    def contains(self, point: IntVector) -> bool:
        return self.ul.x <= point.x < self.lr.x and self.ul.y <= point.y < self.lr.y

    def points(self) -> Iterator[IntVector]:
        """Row by row."""
        for y in range(self.ul.y, self.lr.y):
            for x in range(self.ul.x, self.lr.x):
                yield IntVector(x, y)
