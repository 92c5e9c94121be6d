"""Payloads of compile-time values: what the `value` of a `Known` operand is, by its type.

| type | payload |
|---|---|
| integers, `comptime_int`, enums, colors, queues, ids, DSRs, `direction` | `int` |
| `bool` | `bool` |
| floats | `float`, already rounded to the type |
| DSD kinds | `int`, packed as in `wafersim.ir.dsd` |
| `void` | `None` |
| `type` | a `Type` |
| `comptime_string` | `str` (each character one byte) |
| functions, tasks | `analyse.functions.FunctionValue` |
| `imported_module` | `analyse.modules.Module` |
| arrays | `tuple` of element payloads, row-major over all dimensions |
| structs, tuples | `tuple` of field payloads in order |
| unions | `UnionValue` |
| pointers to PE memory | `Address` |
| pointers to functions | the function's payload |
| pointers to compile-time memory | `memory.Ref` |
| `range` | `RangeValue` |
| anything, where the program wrote `undefined` | `UNDEFINED_VALUE` |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wafersim.csl import types as t


class _Undefined:
    """The one payload of `undefined`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED_VALUE = _Undefined()


@dataclass(frozen=True, slots=True)
class Address:
    """A known word address in PE memory; `variable` is the `GlobalVar` it was taken from, if it was."""

    word: int
    variable: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class UnionValue:
    """The active field of a union and its payload."""

    active: int
    value: Any


@dataclass(frozen=True, slots=True)
class RangeValue:
    """A range whose bounds are known; `element` is the type of its elements."""

    element: t.Type
    start: int
    stop: int
    step: int

    def values(self) -> range:
        return range(self.start, self.stop, self.step)


DIRECTIONS = {"RAMP": 1, "EAST": 2, "WEST": 4, "SOUTH": 8, "NORTH": 16}
"""Payloads of the direction names, equal to `wafersim.ir.program.Dir`."""


def zero(ty: t.Type) -> Any:
    """The payload a variable without initialiser starts with."""
    match ty:
        case t.ArrayType():
            return (zero(ty.element),) * ty.count
        case t.StructType(is_union=True):
            return UnionValue(0, zero(ty.fields[0][1])) if ty.fields else ()
        case t.StructType():
            return tuple(zero(field) for _, field in ty.fields)
        case t.FloatType():
            return 0.0
        case t.PointerType():
            return Address(0)
        case t.SimpleType("bool"):
            return False
        case t.SimpleType("void"):
            return None
        case t.SimpleType("comptime_float"):
            return 0.0
        case t.SimpleType("comptime_string"):
            return ""
    return 0


def show(ty: t.Type, value: Any) -> str:
    """A value as `@comptime_print` and diagnostics write it."""
    if value is UNDEFINED_VALUE:
        return "undefined"
    match ty:
        case t.SimpleType("bool"):
            return "true" if value else "false"
        case t.SimpleType("comptime_string"):
            return f'"{value}"'
        case t.SimpleType("void"):
            return "{}"
        case t.SimpleType("direction"):
            return next((name for name, bits in DIRECTIONS.items() if bits == value), str(value))
        case t.EnumType():
            return next((f"{ty}.{name}" for name, number in ty.members if number == value), str(value))
        case t.ArrayType():
            return f"{ty}{{{_shorten([show(ty.element, item) for item in value])}}}"
        case t.StructType(is_union=True):
            name, field = ty.fields[value.active]
            return f".{{ .{name} = {show(field, value.value)} }}"
        case t.StructType():
            parts = [show(field, item) for (_, field), item in zip(ty.fields, value, strict=True)]
            if not ty.is_tuple:
                parts = [f".{name} = {part}" for (name, _), part in zip(ty.fields, parts, strict=True)]
            return f".{{ {_shorten(parts)} }}" if parts else ".{}"
        case t.PointerType() if isinstance(value, Address):
            variable = value.variable
            return f"&{variable.name}" if variable and variable.address == value.word else f"{ty}@{value.word}"
        case t.SimpleType(name) if name in t.ID_KINDS:
            return f"{name}({value})"
    return str(value)


def _shorten(parts: list[str]) -> str:
    shown = parts if len(parts) <= 16 else [*parts[:15], f"... {len(parts) - 15} more"]
    return ", ".join(shown)
