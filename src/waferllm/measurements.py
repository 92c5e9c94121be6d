"""`results/aggregate/measurements.csv` -> the measurements that tables and figures may use.

A number enters a table only if its experiment passed validation. Rows that did not pass are kept aside, by id, so that
a message about missing measurements can name them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from waferllm.errors import WaferllmError

NEEDED = ("id", "item", "kernel", "arch", "width", "height", "M", "K", "N", "cycles", "product_cycles", "verdict",
          "provenance")
OPTIONAL_INTS = ("acc", "bits", "phases")
PASS = "pass"
KINDS = {"simulated": "simulated", "sdk": "simulated", "appliance": "measured"}
"""Provenance of a row (ours, the vendor's simulator, a machine) -> kind of its numbers."""


class MeasurementError(WaferllmError):
    """The table of measurements cannot be read, or lacks what a table or figure needs."""


@dataclass(frozen=True)
class Measurement:
    """One experiment that was run and passed; the columns a table or figure uses."""

    id: str
    item: str
    kernel: str
    arch: str
    width: int
    height: int
    M: int
    K: int
    N: int
    acc: int
    bits: int
    phases: int
    cycles: int
    product_cycles: float | None
    """Cycles that a PE multiplies; None where the kernel's stages do not tell."""
    provenance: str

    @property
    def square(self) -> bool:
        return self.width == self.height

    @property
    def line(self) -> bool:
        """One row of the mesh of a GEMV with square tiles."""
        rows, depth, _ = self.tile
        return self.N == 1 and self.height == 1 and rows == depth

    @property
    def tile(self) -> tuple[int, int, int]:
        """Rows, depth and columns of the tiles of a PE: Mt, Kt, Nt (Nt = 1 for GEMV)."""
        columns = 1 if self.N == 1 else -(-self.N // self.width)
        return -(-self.M // self.height), -(-self.K // self.width), columns


@dataclass(frozen=True)
class Measurements:
    passed: tuple[Measurement, ...]
    rejected: tuple[str, ...]
    path: str

    def of(self, item: str, kernels: Iterable[str] = ()) -> list[Measurement]:
        """The measurements of one item, all kernels or some, ordered by kernel, arch, tile and mesh."""
        kernels = tuple(kernels)
        found = [row for row in self.passed if row.item == item and (not kernels or row.kernel in kernels)]
        return sorted(found, key=lambda row: (row.kernel, row.arch, row.tile, row.width, row.height, row.id))

    @property
    def kind(self) -> str:
        """'simulated' or 'measured': where all the numbers come from; they must not come from different backends."""
        found = sorted({row.provenance for row in self.passed})
        if len(found) > 1 or set(found) - set(KINDS):
            raise MeasurementError(f"{self.path}: provenance {', '.join(found)}: expected the same in all rows, "
                                   f"one of {', '.join(KINDS)}")
        return KINDS[found[0]] if found else "simulated"

    def require(self, item: str, kernels: Iterable[str], used_by: str) -> None:
        """Raises unless each kernel has a passing measurement of the item."""
        missing = [kernel for kernel in kernels if not self.of(item, [kernel])]
        if missing:
            failed = f"; not passed: {', '.join(self.rejected)}" if self.rejected else ""
            what = " or ".join(missing) if len(missing) < 2 else ", ".join(missing)
            raise MeasurementError(f"{used_by} needs {what} (item {item}), which has no passing measurement "
                                   f"in {self.path}{failed}")


def load_measurements(path: Path) -> Measurements:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise MeasurementError(f"{path}: missing columns: {', '.join(missing)}")
        rows = list(reader)
    passed = [measurement(row, path, line) for line, row in enumerate(rows, 2) if row["verdict"] == PASS]
    return Measurements(tuple(passed), tuple(row["id"] for row in rows if row["verdict"] != PASS), str(path))


def measurement(row: dict[str, str], path: Path, line: int) -> Measurement:
    try:
        sizes = {name: int(row[name]) for name in ("width", "height", "M", "K", "N", "cycles")}
        sizes |= {name: int(row.get(name) or 0) for name in OPTIONAL_INTS}
        product = float(row["product_cycles"]) if row["product_cycles"] else None
    except ValueError as error:
        raise MeasurementError(f"{path}:{line}: experiment {row['id']!r}: {error}") from error
    if product is not None and not 0 <= product <= sizes["cycles"]:
        where = f"{path}:{line}: experiment {row['id']!r}"
        raise MeasurementError(f"{where}: product_cycles {product:g} is not in 0..cycles")
    return Measurement(id=row["id"], item=row["item"], kernel=row["kernel"], arch=row["arch"],
                       provenance=row["provenance"], product_cycles=product, **sizes)
