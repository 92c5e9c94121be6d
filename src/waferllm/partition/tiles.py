"""Tiles: a global array goes in, one tile a PE comes out ([height, width, n]); and back, exactly.

A tile's description is a row of `waferllm.kernels`: the axes of the global array, where each axis lies on the mesh,
and the order of the elements in the PE's memory. `join` is the exact inverse of `split`: where several PEs hold the
same element it demands equal copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from waferllm.errors import PartitionError
from waferllm.partition.padding import pad, padded_length, unpad


class Placement(Protocol):
    def unit(self, width: int, height: int) -> int:
        """What the length of the axis has to be a multiple of."""
        ...

    def index(self, width: int, height: int, padded: int) -> np.ndarray:
        """Global indices of each PE, [height, width, n]."""
        ...


@dataclass(frozen=True)
class Tile:
    """One array on the PEs: `axes` of the global array, `order` of the elements on a PE, outermost first.

    With `slabs`, the name of an axis, the elements lie slab of that axis by slab, each slab in that order.
    """

    symbol: str
    axes: tuple[str, ...]
    order: tuple[str, ...]
    placements: Mapping[str, Placement]
    slabs: str = ""


@dataclass(frozen=True)
class Mesh:
    """A mesh and the padded length of each axis of the problem."""

    width: int
    height: int
    padded: Mapping[str, int]


def mesh_of(width: int, height: int, lengths: Mapping[str, int], units: Mapping[str, int]) -> Mesh:
    """The mesh with each axis padded to a multiple of its unit."""
    return Mesh(width, height, {axis: padded_length(length, units[axis]) for axis, length in lengths.items()})


def split(tile: Tile, array: np.ndarray, mesh: Mesh) -> np.ndarray:
    """[height, width, n]: the elements of each PE in the order of its memory."""
    _check_shape(tile, array, mesh)
    full = pad(array, [mesh.padded[axis] for axis in tile.axes])
    ordered = full.transpose([tile.axes.index(axis) for axis in tile.order])
    return np.ascontiguousarray(ordered[_index(tile, mesh)].reshape(mesh.height, mesh.width, -1))


def join(tile: Tile, tiles: np.ndarray, mesh: Mesh, lengths: Sequence[int], holders: np.ndarray | None = None):
    """The global array of shape `lengths`. `holders` [height, width]: the PEs whose tile counts (all if None)."""
    index = _index(tile, mesh)
    shape = np.broadcast_shapes(*(part.shape for part in index))
    expected = (mesh.height, mesh.width, int(np.prod(shape[2:])))
    if tiles.shape != expected:
        raise PartitionError(f"tiles of '{tile.symbol}' have shape {tiles.shape}, expected {expected}")
    parts, values = index, tiles.reshape(shape)
    if holders is not None:
        parts, values = tuple(np.broadcast_to(part, shape)[holders] for part in index), values[holders]
    ordered = np.zeros([mesh.padded[axis] for axis in tile.order], tiles.dtype)
    ordered[parts] = values
    _check_copies(tile, ordered[parts], values)
    return unpad(ordered.transpose([tile.order.index(axis) for axis in tile.axes]), lengths)


def tile_elements(tile: Tile, mesh: Mesh) -> int:
    """Elements of a tile on one PE."""
    return int(np.prod([part.size // (mesh.width * mesh.height) for part in _axis_indices(tile, mesh)]))


def _axis_indices(tile: Tile, mesh: Mesh) -> list[np.ndarray]:
    return [tile.placements[axis].index(mesh.width, mesh.height, mesh.padded[axis]) for axis in tile.order]


def _index(tile: Tile, mesh: Mesh) -> tuple[np.ndarray, ...]:
    """One index array an axis, in `order`, that broadcast to [height, width, slabs, n0, n1, ...]."""
    parts = []
    for number, (axis, index) in enumerate(zip(tile.order, _axis_indices(tile, mesh))):
        shape = [1] * (1 + len(tile.order))
        shape[0] = index.shape[2] // _slab(tile, mesh) if axis == tile.slabs else 1
        shape[1 + number] = index.shape[2] // shape[0]
        parts.append(index.reshape(mesh.height, mesh.width, *shape))
    return tuple(parts)


def _slab(tile: Tile, mesh: Mesh) -> int:
    """Length of a slab."""
    return mesh.padded[tile.slabs] // tile.placements[tile.slabs].unit(mesh.width, mesh.height)


def _check_shape(tile: Tile, array: np.ndarray, mesh: Mesh) -> None:
    limits = tuple(mesh.padded[axis] for axis in tile.axes)
    if array.ndim != len(limits) or any(length > limit for length, limit in zip(array.shape, limits)):
        raise PartitionError(f"'{tile.symbol}' has shape {array.shape}, expected at most {limits}")


def _check_copies(tile: Tile, kept: np.ndarray, values: np.ndarray) -> None:
    """Bitwise comparison, so that NaN equals itself and -0 differs from 0."""
    same = kept.view(np.uint8) == np.ascontiguousarray(values).view(np.uint8)
    if not same.all():
        raise PartitionError(f"PEs that should hold the same part of '{tile.symbol}' hold different values")
