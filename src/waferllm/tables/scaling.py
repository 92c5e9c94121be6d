"""Cycles over mesh sizes: measurements of an item, and the paper's meshes and sizes -> runs and extrapolated rows.

Shared by Figures 9 and 10, Table 6 and the claims. A row is a run, a run of one line of the mesh (GEMV: lines do not
meet, so that all take the same time), or extrapolated; never two of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from waferllm.measurements import KINDS, Measurement, Measurements
from waferllm.paper import PaperValues
from waferllm.perfmodel.extrapolate import (
    COMPUTE,
    CYCLES,
    STEPS,
    Estimate,
    ExtrapolationError,
    Formula,
    Point,
    Shape,
    extrapolate,
)
from waferllm.tables.table import EXTRAPOLATED, LINE

PRODUCT_KERNEL = "allgather"
LINES = "gemv_lines"
"""Item of the runs of one line of the mesh."""
PAPERS_PHASES = 2
"""Of several K-trees, other kernels are compared with this one."""


@dataclass(frozen=True)
class Target:
    """A problem of the paper on a mesh of the paper."""

    problem: str
    size: int
    side: int

    @property
    def tile(self) -> int:
        return -(-self.size // self.side)


@dataclass(frozen=True)
class Series:
    """Runs that differ in mesh and size only: one line of a figure."""

    arch: str
    kernel: str
    bits: int
    phases: int

    @property
    def label(self) -> str:
        return self.kernel + (f" K={self.phases}" if self.phases else "")


@dataclass(frozen=True)
class Row:
    series: Series
    problem: str
    side: int
    tile: int
    kind: str
    cycles: float | None
    compute: float | None
    """Cycles that go into multiply-adds."""
    estimate: Estimate | None = None
    note: str = ""
    slowdown: float | None = None
    """Cycles over those of the series that the item is about, of the same kind, problem and mesh."""

    @property
    def whole(self) -> bool:
        """A run of the whole mesh."""
        return self.kind in KINDS.values()

    @property
    def communication(self) -> float | None:
        """Share of the cycles that are not multiply-adds."""
        if self.cycles is None or self.compute is None:
            return None
        return min(1.0, max(0.0, 1 - self.compute / self.cycles))


def item_rows(item: str, needed: Sequence[str], kernels: Sequence[str], measurements: Measurements,
              paper: PaperValues) -> list[Row]:
    """Rows of an item; each of the `needed` kernels must have been run."""
    measurements.require(item, needed, item)
    found = measurements.of(item, kernels) + measurements.of(LINES, kernels)
    return scaling(found, targets(paper, item), kernels)


def targets(paper: PaperValues, item: str) -> list[Target]:
    """Each size of the item on each mesh, as `config/paper_values.csv` has them."""
    sides = paper.select(item, "side", prefix="mesh ")
    sizes = {row: side for row, side in paper.select(item, "side").items() if row not in sides}
    return [Target(problem, int(size), int(side)) for problem, size in sizes.items() for side in sides.values()]


def scaling(found: Sequence[Measurement], wanted: Sequence[Target], kernels: Sequence[str]) -> list[Row]:
    """The runs of all series, whole meshes and lines, then the targets that were not run, kernels in this order.

    Slow-downs are against the first kernel.
    """
    groups: dict[Series, list[Measurement]] = {}
    for row in sorted(found, key=lambda row: kernels.index(row.kernel)):
        groups.setdefault(series_of(row), []).append(row)
    products = {series: product_points(series, found) for series in groups}
    rows = []
    for series, group in groups.items():
        rows += [run_row(series, row, products[series], wanted) for row in group if row.square]
    done = {(row.series, row.problem, row.side) for row in rows}
    for series, group in groups.items():
        rows += [line_row(series, row, wanted) for row in group if row.line]
    for series, group in groups.items():
        if series.kernel == PRODUCT_KERNEL:  # P tiles of A and B a PE: too much on the paper's meshes
            continue
        left = [target for target in wanted if (series, target.problem, target.side) not in done]
        rows += [extrapolated_row(series, group, products[series], target) for target in left]
    return with_slowdowns(rows, kernels[0])


def series_of(row: Measurement) -> Series:
    gemv = row.N == 1
    return Series(row.arch, row.kernel, row.bits if gemv else row.acc, row.phases if row.kernel == "meshgemv" else 0)


def product_points(series: Series, found: Sequence[Measurement]) -> list[Point]:
    """Cycles of multiplying: of the series itself, or of the all-gather, which has it in a stage of its own."""
    gemm = CYCLES[series.kernel] is STEPS
    source = dataclasses.replace(series, kernel=PRODUCT_KERNEL) if gemm else series
    runs = [row for row in found if row.product_cycles and usable(row) and series_of(row) == source]
    return [Point(row.id, shape_of(row, series), row.product_cycles or 0.0) for row in runs]


def shape_of(row: Measurement, series: Series) -> Shape:
    return Shape(row.width, row.tile[0], series.phases, series.arch)


def run_row(series: Series, row: Measurement, products: Sequence[Point], wanted: Sequence[Target]) -> Row:
    sizes = {row.M, row.K} | ({row.N} if row.N > 1 else set())
    problem = str(row.M) if len(sizes) == 1 else "x".join(str(size) for size in (row.M, row.K, row.N))
    compute = compute_of(row, series, products)
    kind, problem = KINDS[row.provenance], named(problem, row.width, wanted)
    return Row(series, problem, row.width, row.tile[0], kind, row.cycles, compute, note=row.id)


def line_row(series: Series, row: Measurement, wanted: Sequence[Target]) -> Row:
    """The problem is that of the square mesh which the line belongs to."""
    kind, problem = KINDS[row.provenance] + LINE, named(str(row.K), row.width, wanted)
    return Row(series, problem, row.width, row.tile[0], kind, row.cycles, row.product_cycles, note=row.id)


def named(problem: str, side: int, wanted: Sequence[Target]) -> str:
    """The paper's name of a size and mesh that it has."""
    return next((t.problem for t in wanted if (str(t.size), t.side) == (problem, side)), problem)


def compute_of(row: Measurement, series: Series, products: Sequence[Point]) -> float | None:
    """The run's own, that of the all-gather of the same shape, or what the line through its other meshes gives."""
    if row.product_cycles or not usable(row):
        return row.product_cycles
    shape = shape_of(row, series)
    same = [point.value for point in products if point.shape == shape]
    return same[0] if same else estimate(COMPUTE[series.kernel], products, shape)


def estimate(formulas: Sequence[Formula], points: Sequence[Point], shape: Shape) -> float | None:
    try:
        return extrapolate(formulas, points, shape).value
    except ExtrapolationError:
        return None


def usable(row: Measurement) -> bool:
    """The formulas are for square tiles on square meshes."""
    rows, depth, columns = row.tile
    return row.square and rows == depth and (row.N == 1 or columns == rows)


def extrapolated_row(series: Series, group: Sequence[Measurement], products: Sequence[Point], target: Target) -> Row:
    shape = Shape(target.side, target.tile, series.phases, series.arch)
    points = [Point(row.id, shape_of(row, series), row.cycles) for row in group if usable(row)]
    empty = Row(series, target.problem, target.side, target.tile, EXTRAPOLATED, None, None)
    try:
        cycles = extrapolate(CYCLES[series.kernel], points, shape)
    except ExtrapolationError as error:
        return dataclasses.replace(empty, note=f"not extrapolated: {error}")
    compute = estimate(COMPUTE[series.kernel], products, shape)
    return dataclasses.replace(empty, cycles=cycles.value, compute=compute, estimate=cycles)


def with_slowdowns(rows: Sequence[Row], reference: str) -> list[Row]:
    runs = [row for row in rows if row.series.kernel == reference and row.cycles]
    runs.sort(key=lambda row: row.series.phases == PAPERS_PHASES)
    base = {comparison(row): row.cycles for row in runs}
    compared = []
    for row in rows:
        by = base.get(comparison(row))
        compared.append(dataclasses.replace(row, slowdown=row.cycles / by if by and row.cycles else None))
    return compared


def comparison(row: Row) -> tuple[object, ...]:
    return row.kind, row.series.arch, row.series.bits, row.problem, row.side
