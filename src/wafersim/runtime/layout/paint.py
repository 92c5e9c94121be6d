"""Regions onto the fabric: routing and parameters of every tile, with symbolic colors.

In: placed regions. Out: a `Canvas`, which `paths` goes on to paint connections on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wafersim.ir.program import Dir
from wafersim.runtime.enums import Route
from wafersim.runtime.errors import SdkError
from wafersim.runtime.layout.model import CodeRegion, Color, RoutingPosition

SIDE = {
    Route.RAMP: Dir.RAMP,
    Route.EAST: Dir.EAST,
    Route.WEST: Dir.WEST,
    Route.NORTH: Dir.NORTH,
    Route.SOUTH: Dir.SOUTH,
}
STEP = {Dir.EAST: (1, 0), Dir.WEST: (-1, 0), Dir.SOUTH: (0, 1), Dir.NORTH: (0, -1)}
OPPOSITE = {Dir.EAST: Dir.WEST, Dir.WEST: Dir.EAST, Dir.SOUTH: Dir.NORTH, Dir.NORTH: Dir.SOUTH}

Tile = tuple[int, int]
Switch = tuple[tuple[int, int], ...]
"""(input sides, output sides) of each position, as masks of `Dir`."""


@dataclass
class Canvas:
    """State of the fabric while a layout is built."""

    width: int
    height: int
    programs: dict[Tile, CodeRegion] = field(default_factory=dict)
    params: dict[Tile, dict[str, int | Color]] = field(default_factory=dict)
    routes: dict[str, dict[Tile, Switch]] = field(default_factory=dict)
    """Global color name -> tile -> switch."""
    uses: dict[str, set[Tile]] = field(default_factory=dict)
    """Tiles whose program gets a color as a parameter."""
    colors: dict[str, Color] = field(default_factory=dict)

    def contains(self, tile: Tile) -> bool:
        return 0 <= tile[0] < self.width and 0 <= tile[1] < self.height

    def register(self, color: Color) -> str:
        """The global name; equal names must not be pinned to different values."""
        name = color.get_global_name()
        known = self.colors.setdefault(name, color)
        if known.get_value() is None and color.get_value() is not None:
            self.colors[name] = color
        elif color.get_value() not in (None, known.get_value()):
            raise SdkError(f"color '{name}' has two values, {known.get_value()} and {color.get_value()}")
        return name

    def set_route(self, color: Color, tile: Tile, switch: Switch) -> None:
        self.routes.setdefault(self.register(color), {})[tile] = switch


def canvas(regions: list[CodeRegion], width: int, height: int) -> Canvas:
    """All regions on a fabric of the given size."""
    result = Canvas(width, height)
    for region in regions:
        _place(result, region)
    for region in regions:
        _paint(result, region)
        _set(result, region)
    return result


def extent(regions: list[CodeRegion]) -> tuple[int, int]:
    """Smallest width and height that hold all regions."""
    width = max((region.origin.x + region.width for region in regions), default=1)
    height = max((region.origin.y + region.height for region in regions), default=1)
    return width, height


def sides(routes: Iterable[Route]) -> int:
    mask = 0
    for route in routes:
        mask |= SIDE[route]
    return mask


def switch_of(positions: Iterable[RoutingPosition], rx: int = 0, tx: int = 0) -> Switch:
    """Positions as masks; `rx` or `tx` fill the side that a port leaves open."""
    return tuple((sides(item.get_input()) or rx, sides(item.get_output()) or tx) for item in positions)


def _place(result: Canvas, region: CodeRegion) -> None:
    for point in region.fabric_points():
        tile = (point.x, point.y)
        other = result.programs.get(tile)
        if other is not None:
            raise SdkError(f"regions '{other.name}' and '{region.name}' overlap at ({point.x}, {point.y})")
        result.programs[tile] = region
        result.params[tile] = {}


def _paint(result: Canvas, region: CodeRegion) -> None:
    for painting in region.paintings:
        switch = switch_of(painting.positions)
        for point in painting.area.points():
            placed = region.origin + point
            result.set_route(painting.color, (placed.x, placed.y), switch)


def _set(result: Canvas, region: CodeRegion) -> None:
    for setting in region.settings:
        for point in setting.area.points():
            placed = region.origin + point
            result.params[placed.x, placed.y][setting.name] = setting.value
    for point in region.fabric_points():
        tile = (point.x, point.y)
        for value in result.params[tile].values():
            if isinstance(value, Color):
                result.uses.setdefault(result.register(value), set()).add(tile)
