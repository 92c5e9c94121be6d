"""Code of a function while it is built: instructions, labels, and jumps that name labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wafersim.ir.program import Instr


@dataclass(slots=True, eq=False)
class Label:
    """A position in the code; `used` once a jump names it."""

    used: bool = False


@dataclass(slots=True, eq=False)
class Jump:
    """A jump or branch (`instr`) whose target is not resolved yet."""

    instr: Instr
    target: Label


Code = list["Instr | Label | Jump | Code"]
"""Nested lists are the code of breaks, completed when their block ends."""
Item = Instr | Label | Jump


def flat(code: Code) -> Iterator[Item]:
    for item in code:
        if isinstance(item, list):
            yield from flat(item)
        else:
            yield item
