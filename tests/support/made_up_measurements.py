"""A made-up table of measurements for tests: cycles follow simple laws. No number here was ever measured."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from waferllm.perfmodel.reduction import reduction_cycles

COLUMNS: tuple[str, ...] = ("id", "item", "kernel", "arch", "width", "height", "M", "K", "N", "acc", "bits", "phases",
                            "axis", "broadcast", "align", "overlap", "seed", "cycles", "product_cycles", "verdict",
                            "provenance")
Row = dict[str, Any]
SIDES = (4, 8, 16, 32)
GEMM_TILES, GEMV_TILES = (3, 6, 9, 12), (6, 12, 24)


def step(tile: int) -> float:
    return tile**3 / 2 + 2 * tile**2 + 10 * tile


GEMM: dict[str, Callable[[int, int], float]] = {
    "meshgemm": lambda side, tile: 100 + side * (step(tile) + 60),
    "summa": lambda side, tile: 300 + side * (1.6 * step(tile) + 200),
    "cannon": lambda side, tile: 200 + side * (1.5 * step(tile) + 150),
    "allgather": lambda side, tile: 100 + side * (2 * step(tile) + 50),
}
GEMV: dict[str, Callable[[int, int], float]] = {
    "meshgemv": lambda side, tile: 80 + tile**2 + reduction_cycles("wse2", side, 2, tile),
    "pipeline_gemv": lambda side, tile: 50 + tile**2 + reduction_cycles("wse2", side, 0, tile),
    "ring_gemv": lambda side, tile: 100 + tile**2 + 2 * (side - 1) * (40 - (-tile // side)),
}
LINES = ((720, 16384), (360, 8192))
"""PEs and columns of A of the runs of one line; they take LINE_LESS cycles less than the mesh."""
LINE_LESS = 5


def rows() -> Iterator[Row]:
    common = {"arch": "wse2", "axis": 0, "broadcast": 1, "align": 1, "overlap": 1, "seed": 1, "acc": 16, "bits": 16,
              "phases": 2, "verdict": "pass", "provenance": "simulated"}
    for kernel, law in GEMM.items():
        for side in SIDES:
            for tile in GEMM_TILES:
                cycles, size = round(law(side, tile)), side * tile
                yield common | {"id": f"fixture_{kernel}_{side}_{tile}", "item": "figure_9", "kernel": kernel,
                                "width": side, "height": side, "M": size, "K": size, "N": size, "cycles": cycles,
                                "product_cycles": side * step(tile) if kernel == "allgather" else ""}
    for kernel, law in GEMV.items():
        for side in SIDES:
            for tile in GEMV_TILES:
                cycles, size = round(law(side, tile)), side * tile
                yield common | {"id": f"fixture_{kernel}_{side}_{tile}", "item": "figure_10", "kernel": kernel,
                                "width": side, "height": side, "M": size, "K": size, "N": 1, "cycles": cycles,
                                "product_cycles": 30 + tile**2}
        for side, size in LINES:
            tile = -(-size // side)
            yield common | {"id": f"fixture_line_{kernel}_{side}", "item": "gemv_lines", "kernel": kernel,
                            "width": side, "height": 1, "M": tile, "K": size, "N": 1,
                            "cycles": round(law(side, tile)) - LINE_LESS, "product_cycles": 30 + tile**2}
    yield common | {"id": "fixture_failed", "item": "figure_9", "kernel": "meshgemm", "width": 64, "height": 64,
                    "M": 384, "K": 384, "N": 384, "cycles": 999999999, "product_cycles": 1, "verdict": "fail"}


def write(path: Path, changed: Callable[[Row], Row | list[Row] | None] = lambda row: row) -> Path:
    """The table as a CSV file; `changed` may alter a row, drop it with None, or give several for it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in map(changed, rows()):
            for each in row if isinstance(row, list) else [row] if row else []:
                writer.writerow(each)
    return path
