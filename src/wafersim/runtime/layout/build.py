"""Compiles an `SdkLayout`: canvas, paths, colors, programs → image folder and ports."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wafersim import driver
from wafersim import image as images
from wafersim.ir.program import NONE, ColorConfig, Dir, Image, SwitchPosition
from wafersim.runtime.artifacts import COLORS, PORTS, SYMBOLS, HostPort, SdkCompileArtifacts, write_ports
from wafersim.runtime.errors import SdkError
from wafersim.runtime.layout import colors, paint, paths
from wafersim.runtime.layout.model import CodeRegion, Color
from wafersim.runtime.layout.paint import Canvas, Switch, Tile
from wafersim.settings import CompileSettings

if TYPE_CHECKING:
    from wafersim.runtime.layout.sdklayout import SdkLayout, Stream

MARGIN = 1
"""Free columns and rows to the east and south of the regions, for paths."""


def compile_layout(layout: SdkLayout, out_prefix: str, libs: list[str]) -> SdkCompileArtifacts:
    """Write the image, ports and initial symbols of a layout into folder `out_prefix`."""
    if not layout.regions:
        raise SdkError("the layout has no code region")
    canvas = _canvas(layout)
    groups = colors.families(canvas, layout.connections)
    for source, target in layout.connections:
        paths.connect(canvas, source, target, groups[source.color.get_global_name()])
    links = {stream.name: _link(canvas, stream, groups) for stream in layout.streams}
    values = colors.allocate(canvas, groups)
    image = _image(layout, canvas, values, libs)
    ports = {stream.name: _port(stream, links[stream.name], values) for stream in layout.streams}
    folder = Path(out_prefix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_ports(folder / PORTS, ports)
        (folder / COLORS).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        _write_symbols(folder / SYMBOLS, layout.regions)
    except OSError as error:
        raise SdkError(f"cannot write '{folder}': {error.strerror or error}") from error
    images.save(image, folder, [name for name in (PORTS, COLORS, SYMBOLS) if (folder / name).is_file()])
    return SdkCompileArtifacts(str(folder))


def _canvas(layout: SdkLayout) -> Canvas:
    width, height = paint.extent(layout.regions)
    places = [stream.location for stream in layout.streams if stream.location is not None]
    width = max([width, *(place.x + 1 for place in places)]) + MARGIN
    height = max([height, *(place.y + 1 for place in places)]) + MARGIN
    canvas = paint.canvas(layout.regions, width, height)
    for region in layout.regions:
        for port in region.ports:
            canvas.register(port.color)
            # Unconnected ports keep their routers too, so that no path takes them.
            for point in port.tiles():
                canvas.uses.setdefault(port.color.get_global_name(), set()).add((point.x, point.y))
    for stream in layout.streams:
        if stream.color is not None:
            canvas.register(stream.color)
    return canvas


def _link(canvas: Canvas, stream: Stream, groups: dict[str, set[str]]) -> paths.Link:
    if stream.port is not None:
        return paths.attach(canvas, stream.port, groups[stream.port.color.get_global_name()], stream.location)
    assert stream.color is not None and stream.location is not None
    tile = (stream.location.x, stream.location.y)
    switch = canvas.routes.get(stream.color.get_global_name(), {}).get(tile)
    if switch is None:
        raise SdkError(f"stream '{stream.name}': color '{stream.color.get_global_name()}' has no route at {tile}")
    mask = switch[0][0] if stream.to_device else switch[0][1]
    for side, (dx, dy) in paint.STEP.items():
        if mask & side and (tile[0] + dx, tile[1] + dy) not in canvas.programs:
            return paths.Link(tile, side)
    raise SdkError(f"stream '{stream.name}': the route at {tile} does not lead off the region")


def _port(stream: Stream, link: paths.Link, values: dict[str, int]) -> HostPort:
    color = stream.port.color if stream.port else stream.color
    assert color is not None
    size = stream.port.size if stream.port else 0
    x, y = link.tile
    return HostPort(stream.name, x, y, Dir(link.side), values[color.get_global_name()], stream.to_device, size)


# ----------------------------------------------------------------------------------------------- image


def _image(layout: SdkLayout, canvas: Canvas, values: dict[str, int], libs: list[str]) -> Image:
    jobs: dict[tuple[str, tuple[tuple[str, int], ...]], int] = {}
    routings: dict[tuple[ColorConfig, ...], int] = {}
    by_tile = _configs(canvas, values)
    tiles: list[tuple[int, int]] = []
    for y in range(canvas.height):
        for x in range(canvas.width):
            routing = routings.setdefault(by_tile.get((x, y), ()), len(routings))
            region = canvas.programs.get((x, y))
            program = NONE
            if region is not None:
                key = (region.source, _params(canvas.params[x, y], values))
                program = jobs.setdefault(key, len(jobs))
            tiles.append((program, routing))
    arch = layout.platform.target.arch
    settings = CompileSettings(Path(layout.regions[0].source), arch=arch, import_paths=tuple(map(Path, libs)))
    programs = driver.compile_programs([(Path(source), dict(params)) for source, params in jobs], settings)
    return Image(
        arch=arch,
        width=canvas.width,
        height=canvas.height,
        fabric_width=canvas.width,
        fabric_height=canvas.height,
        offset_x=0,
        offset_y=0,
        programs=programs,
        routings=list(routings),
        tiles=tiles,
        colors=values,
    )


def _params(params: dict[str, int | Color], values: dict[str, int]) -> tuple[tuple[str, int], ...]:
    resolved = {
        name: values[value.get_global_name()] if isinstance(value, Color) else value for name, value in params.items()
    }
    return tuple(sorted(resolved.items()))


def _configs(canvas: Canvas, values: dict[str, int]) -> dict[Tile, tuple[ColorConfig, ...]]:
    by_tile: dict[Tile, list[ColorConfig]] = {}
    for name in sorted(canvas.routes):
        for tile, switch in canvas.routes[name].items():
            by_tile.setdefault(tile, []).append(_config(values[name], switch))
    return {tile: tuple(sorted(configs, key=lambda config: config.color)) for tile, configs in by_tile.items()}


def _config(color: int, switch: Switch) -> ColorConfig:
    """Position 0 in full; later positions name the side that they change."""
    rx, tx = switch[0]
    others = tuple(
        SwitchPosition(0 if to_rx == rx else to_rx, 0 if to_tx == tx else to_tx) for to_rx, to_tx in switch[1:]
    )
    return ColorConfig(color, rx, tx, others)


def _write_symbols(path: Path, regions: list[CodeRegion]) -> None:
    """Blocks of `set_symbol_all`, one array of memory words per PE and symbol."""
    blocks: dict[str, np.ndarray] = {}
    for region in regions:
        for symbol in region.symbols:
            rows, columns = symbol.matrix.shape[0] // region.height, symbol.matrix.shape[1] // region.width
            for point in region.area().points():
                block = symbol.matrix[
                    point.y * rows : (point.y + 1) * rows, point.x * columns : (point.x + 1) * columns
                ]
                place = region.origin + point
                words = np.ascontiguousarray(block).reshape(-1).view(np.uint8).view("<u2")
                blocks[f"{place.x},{place.y},{symbol.name}"] = words
    path.unlink(missing_ok=True)
    if blocks:
        temporary = path.with_name(f".{path.name}.npz")
        np.savez(temporary, **blocks)  # pyright: ignore[reportArgumentType]
        os.replace(temporary, path)
