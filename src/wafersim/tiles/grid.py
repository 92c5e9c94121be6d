"""Numbers of the tiles of a rectangle: which program, which configuration of a color.

Tiles are numbered row by row. A `Layer` holds a number for each tile, 0 where nothing was said.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np


class Layer:
    """One number a tile, each given once."""

    def __init__(self, tiles: int) -> None:
        self.numbers = np.zeros(tiles, np.int32)

    def claim(self, tiles: np.ndarray, number: int) -> int | None:
        """Give tiles their number; the first of them that has one already, if there is any."""
        taken = self.numbers[tiles] != 0
        if not taken.any():
            turn = np.arange(1, len(tiles) + 1, dtype=np.int32)
            self.numbers[tiles[::-1]] = turn[::-1]  # where a tile occurs twice its first turn stays
            taken = self.numbers[tiles] != turn
        if taken.any():
            return int(tiles[np.flatnonzero(taken)[0]])
        self.numbers[tiles] = number
        return None


def number_tiles(columns: np.ndarray, rows: np.ndarray, width: int) -> np.ndarray:
    """Tile numbers from coordinates."""
    return (rows * width + columns).astype(np.int32)


def distinct(layers: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The first tile of each combination of numbers in the layers, in the order of tiles; each tile's combination."""
    combined = np.zeros(len(layers[0]), np.int64)
    for layer in layers:
        _, index = np.unique(layer, return_inverse=True)
        _, combined = np.unique(combined * (int(index.max()) + 1) + index.reshape(-1), return_inverse=True)
        combined = combined.reshape(-1).astype(np.int64)
    _, first = np.unique(combined, return_index=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return first[order], rank[combined]


def combine(parts: Sequence[tuple[np.ndarray, Sequence[np.ndarray]]]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Tiles in order with their columns, from parts in any order."""
    tiles = np.concatenate([part for part, _ in parts])
    order = np.argsort(tiles, kind="stable")
    columns = zip(*(columns for _, columns in parts), strict=True)
    return tiles[order], [np.concatenate(column)[order] for column in columns]


def tile_table(programs: Sequence[np.ndarray], tiles: int) -> np.ndarray:
    """The program of each tile, from the tiles of each program; -1 where there is none."""
    numbers = np.full(tiles, -1, np.int32)
    for number, where in enumerate(programs):
        numbers[where] = number
    return numbers


def patch_rows(programs: Sequence[tuple[np.ndarray, Sequence[np.ndarray]]], tiles: int) -> tuple[array, list[array]]:
    """Each tile's row in the patches of its program, and these rows; patches are given as columns by tile."""
    rows, tables = np.zeros(tiles, np.int32), []
    for where, columns in programs:
        rows[where] = np.arange(len(where), dtype=np.int32)
        table = np.stack([wrapped(column) for column in columns], axis=1) if columns else np.zeros(0, np.int64)
        tables.append(array("q", table.tobytes()))
    return (array("i", rows.tobytes()), tables) if any(tables) else (array("i"), [])


def wrapped(numbers: np.ndarray) -> np.ndarray:
    """The low 64 bits of integers, as signed numbers."""
    if numbers.dtype != object:
        return numbers.astype(np.int64)
    low = numbers & ((1 << 64) - 1)
    return np.array(low, np.uint64).view(np.int64)


def relabelled(numbers: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Numbers replaced by their labels; -1 becomes 0."""
    return np.array([0, *labels], np.int32)[numbers + 1]


def pairs(programs: np.ndarray, routings: np.ndarray) -> list[tuple[int, int]]:
    """(program, routing) of each tile; equal pairs are one object."""
    first, combination = distinct([programs, routings])
    table = [(int(programs[tile]), int(routings[tile])) for tile in first]
    return [table[number] for number in combination.tolist()]
