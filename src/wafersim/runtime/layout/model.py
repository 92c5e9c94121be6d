"""What a host program says about its layout: plain records with the methods of the SDK.

Nothing is resolved here; later statements about the same tile and name override earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wafersim.runtime.enums import Edge, Route
from wafersim.runtime.errors import SdkError, SdkTypeError
from wafersim.runtime.geometry import IntRectangle, IntVector
from wafersim.runtime.memcpy import integer

COLORS = 24
MAX_POSITIONS = 4


class Color:
    """A color by name; without a value the compiler picks one. Equal global names are one color."""

    def __init__(self, name: str, value: int | None = None, *, scope: str = "") -> None:
        if not isinstance(name, str) or not name:
            raise SdkTypeError(f"the name of a color must be a string, got {name!r}")
        if value is not None and not 0 <= integer(value, "color value") < COLORS:
            raise SdkError(f"color '{name}': value {value} is no color, 0 to {COLORS - 1}")
        self._local = name
        self._global = f"{scope}.{name}" if scope else name
        self._value = value

    def get_global_name(self) -> str:
        return self._global

    def get_local_param_name(self) -> str:
        """Name of the parameter that `set_param_all(color)` sets."""
        return self._local

    def get_value(self) -> int | None:
        return self._value

    def __repr__(self) -> str:
        return f"Color({self._global!r}, {self._value})"


class RoutingPosition:
    """Sides a color comes from and goes to; several positions make a switch."""

    def __init__(self) -> None:
        self._input: list[Route] = []
        self._output: list[Route] = []

    def set_input(self, routes: Iterable[Route]) -> RoutingPosition:
        self._input = [Route(route) for route in routes]
        return self

    def set_output(self, routes: Iterable[Route]) -> RoutingPosition:
        self._output = [Route(route) for route in routes]
        return self

    def add_input(self, route: Route) -> RoutingPosition:
        self._input.append(Route(route))
        return self

    def add_output(self, route: Route) -> RoutingPosition:
        self._output.append(Route(route))
        return self

    def get_input(self) -> list[Route]:
        return list(self._input)

    def get_output(self) -> list[Route]:
        return list(self._output)

    def __repr__(self) -> str:
        sides = ([route.name for route in routes] for routes in (self._input, self._output))
        return "RoutingPosition({} -> {})".format(*sides)


@dataclass(frozen=True)
class EdgeRouteInfo:
    """Positions for the tiles along one edge of a region."""

    edge: Edge
    positions: tuple[RoutingPosition, ...]


def get_edge_routing(edge: Edge, routes: list[RoutingPosition]) -> EdgeRouteInfo:
    return EdgeRouteInfo(Edge(edge), tuple(check_positions(routes)))


@dataclass(frozen=True)
class Painting:
    """Routing of one color on the tiles of a rectangle, in coordinates of the region."""

    area: IntRectangle
    color: Color
    positions: tuple[RoutingPosition, ...]


@dataclass(frozen=True)
class Setting:
    """A parameter on the tiles of a rectangle."""

    area: IntRectangle
    name: str
    value: int | Color


@dataclass(frozen=True)
class SymbolValue:
    """Initial value of a symbol: a matrix [height, width] cut into one block per PE."""

    name: str
    matrix: np.ndarray


@dataclass(eq=False)
class PortHandle:
    """Tiles along one edge of a region where a color enters (input) or leaves (output)."""

    name: str
    region: CodeRegion
    color: Color
    edge: Edge
    positions: tuple[RoutingPosition, ...]
    size: int
    is_input: bool
    used: bool = False

    def tiles(self) -> list[IntVector]:
        """Fabric coordinates, top to bottom or left to right."""
        origin = self.region.origin
        return [origin + point for point in edge_area(self.region, self.edge).points()]


@dataclass(eq=False)
class CodeRegion:
    """A rectangle of PEs that run one source file; made by `SdkLayout.create_code_region`."""

    source: str
    name: str
    width: int
    height: int
    origin: IntVector = field(default_factory=lambda: IntVector(0, 0))
    paintings: list[Painting] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    symbols: list[SymbolValue] = field(default_factory=list)
    ports: list[PortHandle] = field(default_factory=list)

    def place(self, x: int, y: int) -> None:
        """Put the upper left corner at fabric coordinates (x, y)."""
        if x < 0 or y < 0:
            raise SdkError(f"region '{self.name}' cannot be placed at ({x}, {y})")
        self.origin = IntVector(x, y)

    def color(self, name: str, value: int | None = None) -> Color:
        """A color of this region: the same name in another region is another color."""
        return Color(name, value, scope=self.name)

    # ----------------------------------------------------------------------------------- parameters

    def set_param(self, pe: IntVector, name: str | Color, value: int | Color | None = None) -> None:
        self._set(IntRectangle(pe, pe + IntVector(1, 1)), name, value)

    def set_param_range(self, area: IntRectangle, name: str | Color, value: int | Color | None = None) -> None:
        self._set(area, name, value)

    def set_param_all(self, name: str | Color, value: int | Color | None = None) -> None:
        self._set(self.area(), name, value)

    def _set(self, area: IntRectangle, name: str | Color, value: int | Color | None) -> None:
        if isinstance(name, Color) and value is None:
            name, value = name.get_local_param_name(), name
        if not isinstance(name, str):
            raise SdkTypeError(f"the name of a parameter must be a string, got {name!r}")
        if not isinstance(value, Color):
            value = integer(value, f"value of parameter '{name}'")
        self.settings.append(Setting(self._inside(area, f"parameter '{name}'"), name, value))

    def set_symbol_all(self, name: str, array: np.ndarray, width: int, height: int) -> None:
        """Initial values: `array` is a row-major matrix of `width` x `height`, cut into blocks, one per PE."""
        if array.dtype.name not in ("int16", "uint16", "int32", "uint32", "float32"):
            raise SdkTypeError(f"set_symbol_all('{name}'): dtype {array.dtype} is not supported")
        if array.size != width * height:
            raise SdkError(f"set_symbol_all('{name}'): array has {array.size} elements, not {width} * {height}")
        if width % self.width or height % self.height:
            raise SdkError(
                f"set_symbol_all('{name}'): {width} x {height} cannot be divided among {self.width} x {self.height} PEs"
            )
        self.symbols.append(SymbolValue(name, np.array(array).reshape(height, width)))

    # -------------------------------------------------------------------------------------- routing

    def paint(self, pe: IntVector, color: Color, routes: list[RoutingPosition]) -> None:
        self._paint(IntRectangle(pe, pe + IntVector(1, 1)), color, routes)

    def paint_range(self, area: IntRectangle, color: Color, routes: list[RoutingPosition]) -> None:
        self._paint(area, color, routes)

    def paint_all(
        self, color: Color, routes: list[RoutingPosition], edge_overrides: list[EdgeRouteInfo] | None = None
    ) -> None:
        self._paint(self.area(), color, routes)
        for override in edge_overrides or []:
            self._paint(edge_area(self, override.edge), color, list(override.positions))

    def _paint(self, area: IntRectangle, color: Color, routes: list[RoutingPosition]) -> None:
        if not isinstance(color, Color):
            raise SdkTypeError(f"expected a Color, got {color!r}")
        positions = check_positions(routes)
        for position in positions:
            if not position.get_input() or not position.get_output():
                raise SdkError(f"color '{color.get_global_name()}': {position} needs both an input and an output")
        self.paintings.append(Painting(self._inside(area, color.get_global_name()), color, tuple(positions)))

    # ---------------------------------------------------------------------------------------- ports

    def create_input_port(
        self, c: Color, edge: Edge, routes: list[RoutingPosition], data_size: int, prefix: str = ""
    ) -> PortHandle:
        """`routes` say where data goes; the side it comes from is chosen when the port is connected."""
        positions = check_positions(routes)
        if any(position.get_input() for position in positions):
            raise SdkError("input port cannot have input route.")
        return self._port(c, edge, positions, data_size, prefix, is_input=True)

    def create_output_port(
        self, c: Color, edge: Edge, routes: list[RoutingPosition], data_size: int, prefix: str = ""
    ) -> PortHandle:
        """`routes` say where data comes from; the side it goes to is chosen when the port is connected."""
        positions = check_positions(routes)
        if any(position.get_output() for position in positions):
            raise SdkError("output port cannot have output route.")
        return self._port(c, edge, positions, data_size, prefix, is_input=False)

    def _port(
        self, color: Color, edge: Edge, positions: list[RoutingPosition], size: int, prefix: str, is_input: bool
    ) -> PortHandle:
        name = f"{prefix}{self.name}_{color.get_local_param_name()}"
        if any(port.name == name for port in self.ports):
            raise SdkError(f"region '{self.name}' has a port '{name}' already: give another prefix")
        if size < 1:
            raise SdkError(f"port '{name}': data_size must be positive, got {size}")
        port = PortHandle(name, self, color, Edge(edge), tuple(positions), size, is_input)
        self.ports.append(port)
        return port

    # --------------------------------------------------------------------------------------- inside

    def area(self) -> IntRectangle:
        return IntRectangle(IntVector(0, 0), IntVector(self.width, self.height))

    def fabric_points(self) -> Iterator[IntVector]:
        return (self.origin + point for point in self.area().points())

    def _inside(self, area: IntRectangle, what: str) -> IntRectangle:
        x0, y0, x1, y1 = area.ul.x, area.ul.y, area.lr.x, area.lr.y
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):
            raise SdkError(
                f"{what}: ({x0}, {y0}) to ({x1}, {y1}) is not inside region '{self.name}' of "
                f"{self.width} x {self.height} PEs"
            )
        return area


def edge_area(region: CodeRegion, edge: Edge) -> IntRectangle:
    """Tiles along one edge, in coordinates of the region."""
    right, bottom = region.width, region.height
    corners = {
        Edge.TOP: (0, 0, right, 1),
        Edge.BOTTOM: (0, bottom - 1, right, bottom),
        Edge.LEFT: (0, 0, 1, bottom),
        Edge.RIGHT: (right - 1, 0, right, bottom),
    }
    x0, y0, x1, y1 = corners[edge]
    return IntRectangle(IntVector(x0, y0), IntVector(x1, y1))


def check_positions(routes: Any) -> list[RoutingPosition]:
    positions = list(routes)
    for position in positions:
        if not isinstance(position, RoutingPosition):
            raise SdkTypeError(f"expected a list of RoutingPosition, got {position!r}")
    if not 1 <= len(positions) <= MAX_POSITIONS:
        raise SdkError(f"a color has 1 to {MAX_POSITIONS} routing positions, got {len(positions)}")
    return positions
