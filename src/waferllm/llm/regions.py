"""Where the layers of a model lie on the wafer: a model, a mesh and an architecture go in, regions and layers come out.

One region is a mesh of PEs with some consecutive layers; the stream goes from region to region. The first region has
the embedding too, the last one the output matrix (both the embedding, where they are tied). If the layers do not fit
into as many regions as the wafer has room for, as many as fit are laid out and stand for the others: times are scaled
by the number of layers, as the paper does for its larger models.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from waferllm.llm import memory
from waferllm.llm.shape import Shape
from waferllm.model.config import ModelConfig
from waferllm.model.tensors import parameters
from wafersim import machine


@dataclass(frozen=True)
class Region:
    """A mesh with its upper left PE at (x, y) of the part of the wafer that programs can use."""

    x: int
    y: int
    first_layer: int
    layers: int
    tables: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Placement:
    shape: Shape
    arch: str
    columns: int
    rows: int
    """Regions that the wafer has room for, side by side and below each other."""
    regions: tuple[Region, ...]

    @property
    def layers(self) -> int:
        """That are laid out."""
        return sum(region.layers for region in self.regions)

    @property
    def complete(self) -> bool:
        return self.layers == self.shape.config.layers

    @property
    def scale(self) -> float:
        """What times of the layers laid out are multiplied with to stand for the model; 0 if not one fits."""
        return self.shape.config.layers / self.layers if self.layers else 0.0


def usable(arch: str) -> tuple[int, int]:
    """Columns and rows of the wafer that a program can have."""
    number = machine.load(arch).number
    return number("fabric.width") - number("fabric.margin_x"), number("fabric.height") - number("fabric.margin_y")


def place(shape: Shape, arch: str) -> Placement:
    """Over as few regions as hold all layers; else over all that there are."""
    width, height = usable(arch)
    columns, rows = width // shape.width, height // shape.height
    room = columns * rows
    for count in range(1, room + 1):
        layers = _spread(shape, arch, count)
        if sum(layers) == shape.config.layers:
            break
    else:
        layers = _spread(shape, arch, room) if room else []
    return Placement(shape, arch, columns, rows, tuple(_regions(shape, arch, layers, columns)))


def _spread(shape: Shape, arch: str, count: int) -> list[int]:
    """Layers of each of `count` regions, as even as their memory allows; not all layers if there is not the memory."""
    most = [_most_layers(shape, arch, _tables(shape, number, count)) for number in range(count)]
    layers, left = [0] * count, shape.config.layers
    while left and layers != most:
        emptiest = min((number for number in range(count) if layers[number] < most[number]), key=lambda i: layers[i])
        layers[emptiest] += 1
        left -= 1
    return layers


def _most_layers(shape: Shape, arch: str, tables: tuple[str, ...]) -> int:
    none, one = (region_bytes(shape, arch, layers, tables) for layers in (0, 1))
    return max(0, min(shape.config.layers, (memory.limit(arch) - none) // (one - none)))


def _tables(shape: Shape, number: int, count: int) -> tuple[str, ...]:
    """Of region `number`: the embedding in the first, what gives the logits in the last."""
    if shape.config.tied:
        return ("embedding",) if number in (0, count - 1) else ()
    return (("embedding",) if number == 0 else ()) + (("output",) if number == count - 1 else ())


def region_bytes(shape: Shape, arch: str, layers: int, tables: tuple[str, ...]) -> int:
    """Bytes a PE of a region."""
    config = dataclasses.replace(shape.config, layers=max(layers, 1))
    found = memory.total(memory.parts(dataclasses.replace(shape, config=config), arch))
    if layers == 0:
        found -= memory.layer_bytes(shape) + 4 * shape.n * shape.slots
    whole = 1 if config.tied else 2
    return found - (whole - len(tables)) * memory.table_bytes(shape)


def _regions(shape: Shape, arch: str, layers: list[int], columns: int) -> list[Region]:
    """Snake-wise, so that neighbours in the order are neighbours on the wafer."""
    found, first = [], 0
    for number, count in enumerate(layers):
        row, place = divmod(number, columns)
        column = place if row % 2 == 0 else columns - 1 - place
        tables = _tables(shape, number, len(layers))
        size = region_bytes(shape, arch, count, tables)
        found.append(Region(column * shape.width, row * shape.height, first, count, tables, size))
        first += count
    return found


def fullest_parts(placement: Placement) -> list[memory.Part]:
    """What takes memory in the region that has least left; of the whole model if not one layer is laid out."""
    shape = placement.shape
    if not placement.layers:
        return memory.parts(shape, placement.arch)
    region = max(placement.regions, key=lambda region: region.bytes)
    config = dataclasses.replace(shape.config, layers=region.layers)
    found = memory.parts(dataclasses.replace(shape, config=config), placement.arch)
    return [part for part in found if part.name not in ("embedding", "output") or part.name in region.tables]


# ---------------------------------------------------------------------------------- Table 5: memory shared by all


@dataclass(frozen=True)
class Longest:
    """Longest outputs if the layers share the memory of the whole wafer evenly; fractions of tokens count."""

    concatenated: float
    shifted: float
    entry_bytes: float
    """Of one token, on each PE of the row that holds it."""
    weight_bytes: float


def longest(config: ModelConfig, width: int, height: int, arch: str, other_bytes: float) -> Longest:
    """The paper's Table 5, with nothing filled up. `other_bytes`: what code and buffers take of a PE.

    A region of width x height PEs has their share of the wafer's PEs of the layers. What weights and other bytes leave
    of a PE's memory holds keys and values of those layers. Concatenation ends when the row that grows is full, shift
    when all rows are: so the ratio of the two is the height of the region.
    """
    number = machine.load(arch).number
    wafer = number("fabric.width") * number("fabric.height")
    weights = 2 * parameters(config) / wafer
    entry = 2 * 2 * config.kv_width * config.layers * height / wafer
    held = max(0.0, (memory.limit(arch) - other_bytes - weights) / entry)
    return Longest(held, held * height, entry, weights)


def implied_other_bytes(config: ModelConfig, width: int, height: int, arch: str, tokens: float) -> float:
    """Inverse of `longest`: what code and buffers take if `tokens` fill one row of PEs."""
    free = longest(config, width, height, arch, 0.0)
    return memory.limit(arch) - free.weight_bytes - tokens * free.entry_bytes
