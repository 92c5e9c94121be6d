"""The text of `--dump=comptime`: the known declarations of every module, with type and value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wafersim.csl.analyse.modules import Module
from wafersim.csl.analyse.operands import Known, Memory
from wafersim.csl.analyse.unit import Unit
from wafersim.csl.comptime import values


def dump_units(units: Iterable[Unit]) -> str:
    """One block of lines for each unit."""
    return "".join(f"{line}\n" for unit in units for line in _unit_lines(unit))


def _unit_lines(unit: Unit) -> Iterator[str]:
    yield f"{'layout' if unit.is_layout else 'program'} {unit.program.name}"
    for module in unit.modules:
        for name, line in _module_lines(module):
            yield f"    {f'{module.name}.' if module.name else ''}{name}{line}"


def _module_lines(module: Module) -> Iterator[tuple[str, str]]:
    for name, entry in module.entries.items():
        operand = entry.operand
        if isinstance(operand, Known):
            yield name, f": {operand.type} = {values.show(operand.type, operand.value)}"
        elif isinstance(operand, Memory) and operand.variable is not None:
            yield name, f": {operand.type} at word {operand.variable.address}"
