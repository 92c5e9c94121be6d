"""Exported names and symbols of an image: what ids mean, where symbols are.

Ids are positions in the list of `@export_name`s, as `out.json` has them.
"""

from __future__ import annotations

from dataclasses import dataclass

from wafersim.ir.program import NONE, Image, Program, Symbol
from wafersim.runtime.errors import SdkError


@dataclass(frozen=True, slots=True)
class ExportedName:
    """One `@export_name`: a variable (`type` starts with `[*]`) or a function (`fn`)."""

    id: int
    name: str
    type: str
    mutable: bool

    @property
    def is_function(self) -> bool:
        return self.type.lstrip().startswith("fn")


class ExportTable:
    """Looks exported names up by name and by id."""

    def __init__(self, image: Image) -> None:
        names = [ExportedName(index, *entry) for index, entry in enumerate(image.exports)]
        self.by_id = {entry.id: entry for entry in names}
        self.by_name = {entry.name: entry for entry in names}

    def id_of(self, name: str) -> int | None:
        entry = self.by_name.get(name)
        return None if entry is None else entry.id

    def function(self, name: str) -> ExportedName:
        entry = self.by_name.get(name)
        if entry is None or not entry.is_function:
            known = ", ".join(sorted(other.name for other in self.by_id.values() if other.is_function)) or "none"
            raise SdkError(f"Cannot find exported function with name '{name}' (exported functions: {known})")
        return entry

    def variable(self, symbol: int) -> ExportedName:
        entry = self.by_id.get(symbol)
        if entry is None:
            raise SdkError(f"there is no exported symbol with id {symbol} (ids: 0 to {len(self.by_id) - 1})")
        if entry.is_function:
            raise SdkError(f"symbol '{entry.name}' (id {symbol}) is a function: use launch")
        return entry


def functions_by_program(image: Image, name: str) -> list[int]:
    """For each program the number of the function exported as `name`, NONE where there is none."""
    return _somewhere([_target(program, name, is_function=True) for program in image.programs], name)


def _somewhere(targets: list[int], name: str) -> list[int]:
    if all(target == NONE for target in targets):
        raise SdkError(f"'{name}' is named by @export_name in the layout, but no PE program exports it")
    return targets


def addresses_by_program(image: Image, name: str) -> tuple[list[int], bool]:
    """For each program the address of the variable exported as `name`; True where that is a pointer to the data."""
    symbols = _somewhere([_target(program, name, is_function=False) for program in image.programs], name)
    addresses = [
        NONE if target == NONE else program.symbols[target].address
        for program, target in zip(image.programs, symbols, strict=True)
    ]
    types = [entry.type for program in image.programs for entry in program.exports if entry.name == name]
    return addresses, any(type_.startswith(("[*]", "*")) for type_ in types)


def _target(program: Program, name: str, is_function: bool) -> int:
    for entry in program.exports:
        if entry.name == name and entry.is_function == is_function:
            return entry.target
    return NONE


def program_at(image: Image, x: int, y: int) -> Program:
    """The program of tile (x, y) of the program rectangle."""
    if not (0 <= x < image.width and 0 <= y < image.height):
        raise SdkError(f"PE ({x}, {y}) is outside of the rectangle of {image.width} x {image.height} PEs")
    number = image.tiles[y * image.width + x][0]
    if number == NONE:
        raise SdkError(f"PE ({x}, {y}) has no program")
    return image.programs[number]


def find_symbol(program: Program, name: str) -> Symbol:
    """The variable `name` of a program: by its own name, by its name without modules, or as exported."""
    named = [symbol for symbol in program.symbols if symbol.name == name]
    if named:
        # An exported pointer without a variable has the name of the export: what it points to is meant.
        return max(named, key=lambda symbol: symbol.words)
    for symbol in program.symbols:
        if symbol.name.rsplit(".", 1)[-1] == name:
            return symbol
    for entry in program.exports:
        if entry.name == name and not entry.is_function:
            return program.symbols[entry.target]
    known = ", ".join(symbol.name for symbol in program.symbols[:20])
    raise SdkError(f"there is no symbol '{name}' in program {program.name} (symbols: {known or 'none'})")
