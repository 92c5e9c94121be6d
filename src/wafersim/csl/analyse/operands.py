"""What analysing an expression gives: an operand, with its type.

Values: `Known` (the compiler has it), `Reg` (the running program has it in a register), `Aggregate` (a
struct or array literal with parts of either sort) and `RangeOf`. Places, which can be read, and assigned
unless they are constant: `Variable` (a register), `Memory` (PE memory), `Slot` (compile-time memory).
`Analyser.load` turns places into values; aggregates in PE memory stay `Memory`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wafersim.csl import types as t
from wafersim.ir.program import NONE

if TYPE_CHECKING:
    from wafersim.csl.analyse.program import GlobalVar
    from wafersim.csl.comptime.memory import Ref


@dataclass(slots=True, eq=False)
class Operand:
    type: t.Type


@dataclass(slots=True, eq=False)
class Known(Operand):
    """A value known at compile time; payloads are described in `comptime.values`."""

    value: Any


@dataclass(slots=True, eq=False)
class Reg(Operand):
    """A run-time value; `operand` is a register of the current function."""

    operand: int
    temporary: bool = True
    """Nothing else names this register, so that a move into a variable can write there directly."""


@dataclass(slots=True, eq=False)
class Aggregate(Operand):
    """A struct, tuple or array value given by its parts, at least one of them not known."""

    parts: list[Operand]


@dataclass(slots=True, eq=False)
class RangeOf(Operand):
    """A range with a bound that is not known; `element` is the type of its elements."""

    element: t.Type
    start: Operand
    stop: Operand
    step: Operand


@dataclass(slots=True, eq=False)
class TensorOf(Operand):
    """A tensor access `|i, j|{n, m} -> a[...]`: a walk over elements of an array.

    `start` is the place of element 0 (its type is the element's), `origin` the number of the first
    element; strides are in elements.
    """

    start: Memory
    origin: int
    extents: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Place(Operand):
    """Base of the operands that can stand on the left of an assignment."""


@dataclass(slots=True, eq=False)
class Variable(Place):
    """A scalar local variable: one register."""

    register: int


@dataclass(slots=True, eq=False)
class Memory(Place):
    """A place in PE memory: `variable` (or else register `base`) plus `offset` words.

    With neither the address is `offset` itself. With both, the address is the sum: an indexed global.
    """

    base: int = NONE
    offset: int = 0
    variable: GlobalVar | None = None
    const: bool = False

    def part(self, ty: t.Type, words: int) -> Memory:
        """The place of type `ty` that starts `words` further on."""
        return Memory(ty, self.base, self.offset + words, self.variable, self.const)


@dataclass(slots=True, eq=False)
class Slot(Place):
    """A place in compile-time memory. `depth` counts the run-time conditions around its declaration."""

    ref: Ref
    const: bool = False
    depth: int = 0


VOID = Known(t.VOID, None)
"""The value of statements and of calls that give nothing."""

TRUE = Known(t.BOOL, True)
FALSE = Known(t.BOOL, False)


def known_type(ty: t.Type) -> Known:
    """A type as a value."""
    return Known(t.TYPE, ty)


def known_int(value: int, ty: t.Type = t.COMPTIME_INT) -> Known:
    return Known(ty, value)


def is_value_of_type(operand: Operand) -> bool:
    """True for operands that are types (`i16`, a struct type, ...)."""
    return isinstance(operand, Known) and operand.type == t.TYPE
