"""Putting DSD values together: parts that are known become one constant, the others instructions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wafersim.csl import types as t
from wafersim.csl.analyse import places
from wafersim.csl.analyse.operands import Known, Operand, Reg
from wafersim.csl.comptime.memory import Ref
from wafersim.ir.dsd import NO_COLOR, DsdKind, pack

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.source import Span

Part = int | Operand
"""A field of a DSD: its number, or the run-time value that gives it."""

KINDS = {
    "mem1d_dsd": DsdKind.MEM1D,
    "mem4d_dsd": DsdKind.MEM4D,
    "circbuf_dsd": DsdKind.CIRCBUF,
    "fabin_dsd": DsdKind.FABIN,
    "fabout_dsd": DsdKind.FABOUT,
    "fifo": DsdKind.FIFO,
}
MEMORY_KINDS = ("mem1d_dsd", "mem4d_dsd", "circbuf_dsd")


@dataclass(slots=True)
class Parts:
    """The fields of a DSD under construction."""

    base: Part = 0
    length: Part = 0
    extra: int = NO_COLOR
    """Shape or color; the stride where `stride` is not given."""
    stride: Part | None = None
    flags: int = 0


def build(an: Analyser, kind: str, parts: Parts, span: Span) -> Operand:
    """The value of DSD type `kind` with these parts."""
    ty = t.NAMED[kind]
    stride = parts.extra if parts.stride is None else parts.stride
    base, length, extra = (part if isinstance(part, int) else 0 for part in (parts.base, parts.length, stride))
    value: Operand = Known(ty, pack(KINDS[kind], base, length, extra, parts.flags))
    for op, part in (("dsdbase", parts.base), ("dsdlen", parts.length), ("dsdstride", stride)):
        if not isinstance(part, int):
            value = change(an, value, op, part, span)
    return value


def change(an: Analyser, dsd: Operand, op: str, value: Operand, span: Span) -> Operand:
    """A DSD with one field replaced by `dsdbase`, `dsdlen` or `dsdstride`."""
    shift = {"dsdbase": 0, "dsdlen": 16, "dsdstride": 32}[op]
    if isinstance(dsd, Known) and isinstance(value, Known):
        number = value.value if isinstance(value.value, int) else value.value.word
        return Known(dsd.type, an.defined(dsd, span) & ~(0xFFFF << shift) | (number & 0xFFFF) << shift)
    a, b = an.operand(dsd, span), an.operand(value, span)
    if an.comptime:
        raise an.not_known(span, "this DSD")
    return an.result(span, op, dsd.type, a=a, b=b)


def pointer_of(an: Analyser, operand: Operand, span: Span) -> tuple[Operand, t.Type]:
    """Address (known, or in a register) and element type that a pointer or an array stands for."""
    if isinstance(operand.type, t.ArrayType):
        operand = places.address_of(an, operand, span, const=True)
    if not isinstance(operand.type, t.PointerType):
        raise an.error(span, f"expected a pointer or an array in PE memory, found '{operand.type}'")
    element = operand.type.pointee
    while isinstance(element, t.ArrayType):
        element = element.element
    if isinstance(operand, Known):
        if isinstance(operand.value, Ref):
            raise an.error(span, "a DSD cannot point to a compile-time variable")
        return operand, element
    return Reg(operand.type, an.operand(operand, span), False), element


def element_words(an: Analyser, ty: t.Type, span: Span) -> int:
    """Words of an element of a DSD: 1 or 2."""
    words = 0 if ty.comptime_only or ty == t.ANYOPAQUE else t.words(ty)
    if words not in (1, 2):
        raise an.error(span, f"elements of a DSD have 16 or 32 bits, '{ty}' has not")
    return words


def length_of(operand: Operand) -> int | None:
    """Number of elements of a DSD where it is known."""
    if not isinstance(operand, Known) or not isinstance(operand.value, int) or operand.type == t.NAMED["fifo"]:
        return None
    return operand.value >> 16 & 0xFFFF


def queue_of(operand: Operand) -> int | None:
    """Queue of a fabric DSD where it is known."""
    if isinstance(operand, Known) and str(operand.type) in ("fabin_dsd", "fabout_dsd"):
        return operand.value & 0xFFFF
    return None
