"""Connections and host streams as paths over routers that are free for their color.

In: a `Canvas` with painted regions and pairs of ports. Out: the canvas with the paths painted, and the
links at the fabric's edge for host streams. Paths are shortest, prefer routers without a program and
leave a port on the side of its edge where that is as short; ties are broken in a fixed order.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from wafersim.ir.program import Dir
from wafersim.runtime.enums import Edge
from wafersim.runtime.errors import SdkError
from wafersim.runtime.geometry import IntVector
from wafersim.runtime.layout.model import PortHandle
from wafersim.runtime.layout.paint import OPPOSITE, STEP, Canvas, Switch, Tile, sides, switch_of

EDGE_SIDE = {Edge.TOP: Dir.NORTH, Edge.BOTTOM: Dir.SOUTH, Edge.LEFT: Dir.WEST, Edge.RIGHT: Dir.EAST}
HOP, THROUGH_PROGRAM, OTHER_EDGE = 1000, 10, 1
"""Costs: a hop counts most, then crossing a program's router, then leaving by another edge."""

Blocked = Callable[[Tile], bool]


@dataclass(frozen=True, slots=True)
class Link:
    """Where a stream crosses the fabric's edge: side `side` of the router at `tile`."""

    tile: Tile
    side: Dir


def connect(canvas: Canvas, source: PortHandle, target: PortHandle, family: set[str]) -> None:
    """Paint a path from each tile of the output port to the same tile of the input port.

    `family` are the names of all colors that will share a physical value with these two.
    """
    pairs = list(zip(source.tiles(), target.tiles()))
    ends = {_tile(point) for pair in pairs for point in pair}
    for start, goal in pairs:
        path = _search(
            canvas,
            _tile(start),
            _first_sides(source),
            {_tile(goal)},
            _blocked(canvas, family, ends - {_tile(start), _tile(goal)}),
            last=_open_sides(target),
        )
        if path is None:
            raise SdkError(f"no path from port '{source.name}' to port '{target.name}': the routers between are taken")
        _paint_ends(canvas, source, _tile(start), path[0])
        _paint_ends(canvas, target, _tile(goal), OPPOSITE[path[-1]])
        _paint_between(canvas, source, _tile(start), path)


def attach(canvas: Canvas, port: PortHandle, family: set[str], location: IntVector | None) -> Link:
    """Paint a path between a one-tile port and the edge of the fabric (or the tile of a host link)."""
    start = _tile(port.tiles()[0])
    blocked = _blocked(canvas, family, set())
    if location is not None:
        return _attach_at(canvas, port, start, _tile(location), blocked)
    sides_out = {tile: side for tile in _border(canvas) for side in _outside(canvas, tile)}
    direct = [side for side in _first_sides(port) if not canvas.contains(_next(start, side))]
    if direct:
        _paint_ends(canvas, port, start, direct[0])
        return Link(start, direct[0])
    path = _search(canvas, start, _first_sides(port), set(sides_out), blocked, last=None)
    if path is None:
        raise SdkError(f"no path from port '{port.name}' to the edge of the fabric: the routers between are taken")
    _paint_ends(canvas, port, start, path[0])
    end = _walk(start, path)
    side = _straight_out(canvas, end, path[-1])
    _paint_chain(canvas, port, start, path, side)
    return Link(end, side)


def _attach_at(canvas: Canvas, port: PortHandle, start: Tile, goal: Tile, blocked: Blocked) -> Link:
    if not canvas.contains(goal):
        raise SdkError(f"io_loc ({goal[0]}, {goal[1]}) of port '{port.name}' is outside of the fabric")
    if start == goal:
        _paint_ends(canvas, port, start, Dir.HOST)
        return Link(start, Dir.HOST)
    path = _search(canvas, start, _first_sides(port), {goal}, blocked, last=None)
    if path is None:
        raise SdkError(f"no path from port '{port.name}' to io_loc ({goal[0]}, {goal[1]}): the routers are taken")
    _paint_ends(canvas, port, start, path[0])
    outside = _outside(canvas, goal)
    side = outside[0] if outside else Dir.HOST
    _paint_chain(canvas, port, start, path, side)
    return Link(goal, side)


# ---------------------------------------------------------------------------------------------- search


def _search(
    canvas: Canvas, start: Tile, first: list[Dir], goals: set[Tile], blocked: Blocked, last: list[Dir] | None
) -> list[Dir] | None:
    """Cheapest list of steps from `start` to one of `goals`; `last` limits the side the goal is entered by."""
    queue: list[tuple[int, int, Tile, list[Dir]]] = []
    count = 0
    for rank, side in enumerate(first):
        count += 1
        heapq.heappush(queue, (HOP + OTHER_EDGE * (rank > 0), count, _next(start, side), [side]))
    seen: set[Tile] = {start}
    while queue:
        cost, _, tile, path = heapq.heappop(queue)
        if not canvas.contains(tile):
            continue
        arrived = tile in goals and tile not in seen and (last is None or OPPOSITE[path[-1]] in last)
        if arrived and (last is not None or not blocked(tile)):
            return path
        if tile in seen or blocked(tile) or (tile in goals and last is not None):
            continue
        seen.add(tile)
        for side in STEP:
            count += 1
            through = THROUGH_PROGRAM if tile in canvas.programs else 0
            heapq.heappush(queue, (cost + HOP + through, count, _next(tile, side), [*path, side]))
    return None


def _blocked(canvas: Canvas, family: set[str], reserved: set[Tile]) -> Blocked:
    """Routers that have a route of one of the colors already, or will be ends of other paths."""
    taken = [canvas.routes.get(name, {}) for name in sorted(family)]
    used = [canvas.uses.get(name, set()) for name in sorted(family)]
    return lambda tile: tile in reserved or any(tile in tiles for tiles in (*taken, *used))


def _open_sides(port: PortHandle) -> list[Dir]:
    """Sides of a port's routers that its own routes leave free, that of its edge first."""
    busy = 0
    for position in port.positions:
        busy |= sides(position.get_output() if port.is_input else position.get_input())
    order = sorted(STEP, key=lambda side: side != EDGE_SIDE[port.edge])
    return [side for side in order if not busy & side]


def _first_sides(port: PortHandle) -> list[Dir]:
    return _open_sides(port)


# ------------------------------------------------------------------------------------------- painting


def _paint_ends(canvas: Canvas, port: PortHandle, tile: Tile, side: Dir) -> None:
    """The router of a port: its own routes, completed by the side of the path."""
    rx, tx = (side, 0) if port.is_input else (0, side)
    canvas.set_route(port.color, tile, switch_of(port.positions, rx, tx))


def _paint_between(canvas: Canvas, port: PortHandle, start: Tile, path: list[Dir]) -> None:
    """Routers between two ports, from output to input."""
    tile = start
    for entered, left in itertools.pairwise(path):
        tile = _next(tile, entered)
        canvas.set_route(port.color, tile, ((int(OPPOSITE[entered]), int(left)),))


def _paint_chain(canvas: Canvas, port: PortHandle, start: Tile, path: list[Dir], side: Dir) -> None:
    """Routers from a port to the edge, in the direction data flows."""
    tile = start
    for entered, left in zip(path, [*path[1:], side]):
        tile = _next(tile, entered)
        near, far = int(OPPOSITE[entered]), int(left)
        switch: Switch = ((far, near),) if port.is_input else ((near, far),)
        canvas.set_route(port.color, tile, switch)


# -------------------------------------------------------------------------------------------- geometry


def _tile(point: IntVector) -> Tile:
    return point.x, point.y


def _next(tile: Tile, side: Dir) -> Tile:
    step = STEP[side]
    return tile[0] + step[0], tile[1] + step[1]


def _walk(tile: Tile, path: list[Dir]) -> Tile:
    for side in path:
        tile = _next(tile, side)
    return tile


def _border(canvas: Canvas) -> list[Tile]:
    tiles = [(x, y) for x in range(canvas.width) for y in (0, canvas.height - 1)]
    return tiles + [(x, y) for y in range(canvas.height) for x in (0, canvas.width - 1)]


def _outside(canvas: Canvas, tile: Tile) -> list[Dir]:
    return [side for side in STEP if not canvas.contains(_next(tile, side))]


def _straight_out(canvas: Canvas, tile: Tile, direction: Dir) -> Dir:
    outside = _outside(canvas, tile)
    return direction if direction in outside else outside[0]
