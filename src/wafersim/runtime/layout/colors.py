"""Physical values for symbolic colors.

Colors of connected ports are one family with one value. Two families may share a value where no tile
has a route or a parameter of both.
"""

from __future__ import annotations

from wafersim.runtime.errors import SdkError
from wafersim.runtime.layout.model import COLORS, PortHandle
from wafersim.runtime.layout.paint import Canvas, Tile


def families(canvas: Canvas, connections: list[tuple[PortHandle, PortHandle]]) -> dict[str, set[str]]:
    """Name of each color -> names of all colors with the same value."""
    groups: dict[str, set[str]] = {name: {name} for name in canvas.colors}
    for source, target in connections:
        merged = groups[canvas.register(source.color)] | groups[canvas.register(target.color)]
        for name in merged:
            groups[name] = merged
    return groups


def allocate(canvas: Canvas, groups: dict[str, set[str]]) -> dict[str, int]:
    """A value for each color: pinned ones first, then the lowest that is free on all tiles of the family."""
    representatives = sorted({min(group) for group in groups.values()}, key=list(groups).index)
    tiles = {name: _tiles(canvas, groups[name]) for name in representatives}
    values: dict[str, int] = {}
    taken: dict[int, set[Tile]] = {value: set() for value in range(COLORS)}
    for name in sorted(representatives, key=lambda name: _pinned(canvas, groups[name]) is None):
        pinned = _pinned(canvas, groups[name])
        free = [value for value in range(COLORS) if not taken[value] & tiles[name]]
        if pinned is not None and pinned not in free:
            raise SdkError(f"color '{name}' has value {pinned}, which another color has on the same tile")
        if not free:
            raise SdkError(f"there is no free value for color '{name}': more than {COLORS} colors meet on one tile")
        values[name] = free[0] if pinned is None else pinned
        taken[values[name]] |= tiles[name]
    return {member: values[name] for name in representatives for member in sorted(groups[name])}


def _tiles(canvas: Canvas, group: set[str]) -> set[Tile]:
    result: set[Tile] = set()
    for name in group:
        result |= set(canvas.routes.get(name, {})) | canvas.uses.get(name, set())
    return result


def _pinned(canvas: Canvas, group: set[str]) -> int | None:
    values = {canvas.colors[name].get_value() for name in group} - {None}
    if len(values) > 1:
        names = ", ".join(f"'{name}'" for name in sorted(group))
        raise SdkError(f"connected colors {names} have different values: {', '.join(map(str, sorted(values)))}")  # type: ignore[type-var]
    return values.pop() if values else None
