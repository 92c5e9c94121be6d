"""What each tile of an image runs, in a form that does not depend on what tiles share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from wafersim.ir.patches import program_of
from wafersim.ir.program import AsyncOptions, DsrLoad, Image, Instr, OperandKind, Program, VecOperand

OPERANDS = {
    Instr: ("dst", "a", "b", "c"),
    AsyncOptions: ("activate", "unblock", "microthread", "on_control_task", "index"),
    DsrLoad: ("dsd",),
}
"""Fields that may name constants, besides those of `VecOperand`."""


def tiles(image: Image) -> Iterator[tuple[Any, Any]]:
    """Program and routing of each tile."""
    for number, (_, routing) in enumerate(image.tiles):
        program = program_of(image, number)
        yield None if program is None else _canonical(program), image.routings[routing]


def _canonical(program: Program) -> Any:
    """A program with constants in the place of their numbers, and initial memory as a dictionary."""
    plain = _inlined(program, program.constants)
    words = {item.address + i: word for item in program.data for i, word in enumerate(item.words) if word}
    return plain | {"constants": None, "data": words}


def _inlined(value: Any, constants: list[int]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_inlined(item, constants) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    plain = {field.name: _inlined(getattr(value, field.name), constants) for field in dataclasses.fields(value)}
    names = OPERANDS.get(type(value), ())
    if isinstance(value, VecOperand) and value.kind not in (OperandKind.DSR, OperandKind.NONE):
        names = ("value",)
    for name in names:
        if plain[name] < -1:
            plain[name] = "constant", constants[-2 - plain[name]] & (1 << 64) - 1
    return plain
