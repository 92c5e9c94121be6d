"""Compile-time memory: variables that only the compiler changes.

Inside memory arrays, structs and tuples are Python lists, so that one element can be changed in place;
`thaw` makes them from payloads, `freeze` takes a payload out. A `Ref` names one slot of such a list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wafersim.csl.comptime.values import UnionValue


@dataclass(frozen=True, slots=True, eq=False)
class Ref:
    """Slot `index` of `slots`: a variable, an element or a field, and what a pointer to it holds."""

    slots: list[Any]
    index: int
    base: list[Any] | None = None
    """Of a part: the slot of the whole variable."""

    @property
    def cell(self) -> list[Any]:
        """The list that stands for the whole variable."""
        return self.slots if self.base is None else self.base

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.slots is other.slots and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self.slots), self.index))

    def load(self) -> Any:
        return freeze(self.slots[self.index])

    def store(self, value: Any) -> None:
        self.slots[self.index] = thaw(value)

    def part(self, index: int) -> Ref:
        """The slot of an element or field of the aggregate in this slot."""
        return Ref(self.slots[self.index], index, self.cell)


def new_cell(value: Any) -> Ref:
    """A fresh variable holding `value`."""
    return Ref([thaw(value)], 0)


def thaw(value: Any) -> Any:
    return [thaw(item) for item in value] if isinstance(value, tuple) else value


def freeze(value: Any) -> Any:
    if isinstance(value, list):
        return tuple([freeze(item) for item in value])
    return value


def union_of(active: int, value: Any) -> UnionValue:
    return UnionValue(active, freeze(value))
