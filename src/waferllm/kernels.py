"""The table of kernels: a row tells the stages all that they have to know about one kernel.

In: the name of a kernel and an experiment. Out: its folder, the parameters of `cslc`, what lies where on the mesh and
in which order in a PE's memory, colors, bytes a PE. Axes: C[M, N] = A[M, K] B[K, N] (meshgemm_t: B[N, K]); y[M] =
A[M, K] x[K].
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from waferllm.partition import Blocks, Skewed, Slabs, Tile, tile_elements
from waferllm.partition.tiles import Mesh, mesh_of
from wafersim import machine

if TYPE_CHECKING:
    from waferllm.experiments import Experiment

BACK_COLORS = 6
"""Of the rings that run back, for the alignment on a square mesh."""
WHOLE_ROWS, WHOLE_PRODUCTS = 16, 2048
"""The product of a slab is made at once up to these sizes."""
LEAST_MESH = 2
"""PEs along an axis that a kernel communicates on."""


@dataclass(frozen=True)
class Kernel:
    """One kernel. Functions of an experiment: `tiles`, `params`, `buffers`."""

    name: str
    title: str
    family: str
    folder: str
    """Below kernels_csl/."""
    tiles: Callable[[Experiment], tuple[Tile, ...]]
    """Inputs first, the output last."""
    params: Callable[[Experiment, Mesh], dict[str, int]]
    """Of `cslc`."""
    buffers: Callable[[Experiment, Mesh], dict[str, int]]
    """Bytes a PE by array, double buffers and working space included."""
    colors: int
    """Routable colors besides those of memcpy, barrier and reference wave included, phases and broadcast not."""
    order: str = "line"
    """Ring order of the PEs along a line (waferllm.partition.rings)."""
    root: Callable[[int], int] | None = None
    """GEMV: where on a line of so many PEs the sum ends without broadcast; None: on all of them."""
    code_bytes: int = 1800
    """Code a PE without the memcpy library, for the check before the first job; `cslc` decides."""
    columns: frozenset[str] = field(default_factory=frozenset)
    """Columns of an experiment that mean something to this kernel, besides those common to all."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("A", "B") if self.family == "gemm" else ("A", "x")

    @property
    def output(self) -> str:
        return "C" if self.family == "gemm" else "y"

    def colors_of(self, experiment: Experiment) -> int:
        """Colors that a program uses."""
        line = experiment.width if experiment.axis == 0 else experiment.height
        members = tree_phases(line, experiment.phases) if "phases" in self.columns else []
        phases = sum(min(2, size // 2) for size, _ in members)
        spread = experiment.broadcast if self.root is not None else 0
        square = experiment.width == experiment.height > 2
        back = BACK_COLORS if "align" in self.columns and experiment.align and square else 0
        return self.colors + phases + spread + back

    def problems(self, experiment: Experiment, where: str) -> list[str]:
        """What this kernel cannot do of an experiment."""
        found = []
        for name, value in (("width", experiment.width), ("height", experiment.height)):
            if value < LEAST_MESH and name in self._communicates(experiment):
                found.append(f"{where}: column '{name}': {value} is too small for {self.name}, at least {LEAST_MESH}")
        if self.family == "gemv" and experiment.N != 1:
            found.append(f"{where}: column 'N': {experiment.N} is not allowed for {self.name}, expected 1 (y = A x)")
        return found

    def _communicates(self, experiment: Experiment) -> tuple[str, ...]:
        if self.family == "gemm":
            return ("width", "height")
        return ("width",) if experiment.axis == 0 else ("height",)


# ------------------------------------------------------------------------------------------------ GEMM


def _gemm_tiles(order: str, experiment: Experiment) -> tuple[Tile, ...]:
    """Tiles of A (column by column) and B (row by row) hold slabs of K, those of C (column by column) a block."""
    kind = Slabs if experiment.align or order == "none" else Skewed
    ring = "line" if order == "none" else order
    return (
        Tile("A", ("M", "K"), ("K", "M"), {"M": Blocks("y"), "K": kind("x", ring)}),
        Tile("B", ("K", "N"), ("K", "N"), {"N": Blocks("x"), "K": kind("y", ring)}),
        Tile("C", ("M", "N"), ("N", "M"), {"M": Blocks("y"), "N": Blocks("x")}),
    )


def _transposed_tiles(experiment: Experiment) -> tuple[Tile, ...]:
    return (
        Tile("A", ("M", "K"), ("K", "M"), {"M": Blocks("y"), "K": Blocks("x")}),
        Tile("B", ("N", "K"), ("N", "K"), {"N": Slabs("y", "interleaved"), "K": Blocks("x")}),
        Tile("C", ("M", "N"), ("N", "M"), {"M": Blocks("y"), "N": Slabs("x")}),
    )


def _gemm_params(names: tuple[str, ...], experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    slabs = math.lcm(mesh.width, mesh.height)
    params = {
        "width": mesh.width,
        "height": mesh.height,
        "Mt": mesh.padded["M"] // mesh.height,
        "Nt": mesh.padded["N"] // mesh.width,
        "Ks": mesh.padded["K"] // slabs,
        "acc": experiment.acc,
    }
    return params | {name: getattr(experiment, name) for name in names}


def _transposed_params(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    slabs = math.lcm(mesh.width, mesh.height)
    return {
        "width": mesh.width,
        "height": mesh.height,
        "Mt": mesh.padded["M"] // mesh.height,
        "Kt": mesh.padded["K"] // mesh.width,
        "Ns": mesh.padded["N"] // slabs,
        "acc": experiment.acc,
    }


def fours(count: int) -> int:
    """Slabs travel four elements at a time."""
    return -(-count // 4) * 4


def _slab_bytes(mesh: Mesh) -> tuple[int, int, int, int]:
    """Slabs a PE holds of A and of B, bytes of one slab of each (f16, filled up to four elements)."""
    slabs = math.lcm(mesh.width, mesh.height)
    inner = mesh.padded["K"] // slabs
    rows, columns = mesh.padded["M"] // mesh.height, mesh.padded["N"] // mesh.width
    return slabs // mesh.width, slabs // mesh.height, 2 * fours(rows * inner), 2 * fours(inner * columns)


def _sums(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    """C, and room for all products of a slab where those are made at once."""
    area = mesh.padded["M"] // mesh.height * (mesh.padded["N"] // mesh.width)
    products = area * (mesh.padded["K"] // math.lcm(mesh.width, mesh.height))
    at_once = whole_slab(experiment.acc, mesh.padded["M"] // mesh.height, products)
    return {"C": area * experiment.acc // 8} | ({"products": 2 * products} if at_once else {})


def whole_slab(acc: int, rows: int, products: int) -> bool:
    """Whether the product of a slab is made at once (kernels_csl/lib/product.csl) or column by column."""
    return acc == 16 and rows <= WHOLE_ROWS and products <= WHOLE_PRODUCTS


def _shift_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    """One slot more than slabs, for the one that arrives."""
    held_a, held_b, a, b = _slab_bytes(mesh)
    return {"A": held_a * a, "A.free": a, "B": held_b * b, "B.free": b} | _sums(experiment, mesh)


def _gather_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    """All slabs of the row and of the column besides the own ones."""
    held_a, held_b, a, b = _slab_bytes(mesh)
    slabs = math.lcm(mesh.width, mesh.height)
    return {"A": held_a * a, "A.slots": slabs * a, "B": held_b * b, "B.slots": slabs * b} | _sums(experiment, mesh)


def _broadcast_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    """Two slots for what is heard besides the own slabs."""
    held_a, held_b, a, b = _slab_bytes(mesh)
    return {"A": held_a * a, "A.slots": 2 * a, "B": held_b * b, "B.slots": 2 * b} | _sums(experiment, mesh)


def _transposed_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    rows, inner = mesh.padded["M"] // mesh.height, mesh.padded["K"] // mesh.width
    columns = mesh.padded["N"] // math.lcm(mesh.width, mesh.height)
    slabs = mesh.padded["N"] // columns
    b, held_b, held_c = 2 * even(columns * inner), slabs // mesh.height, slabs // mesh.width
    part = rows * columns * experiment.acc // 8
    return {"A": 2 * even(rows * inner), "B": held_b * b, "B.free": b, "C": held_c * part, "C.part": 2 * part}


# ------------------------------------------------------------------------------------------------ GEMV


def _gemv_tiles(experiment: Experiment) -> tuple[Tile, ...]:
    """K over the reduced axis, M over the other one; the tile of A column by column."""
    inner, rows = ("x", "y") if experiment.axis == 0 else ("y", "x")
    return (
        Tile("A", ("M", "K"), ("K", "M"), {"M": Blocks(rows), "K": Blocks(inner)}),
        Tile("x", ("K",), ("K",), {"K": Blocks(inner)}),
        Tile("y", ("M",), ("M",), {"M": Blocks(rows)}),
    )


def gemv_shape(experiment: Experiment, mesh: Mesh) -> tuple[int, int, int]:
    """PEs on a line of the reduction, rows and columns of A a PE."""
    line, lines = (mesh.width, mesh.height) if experiment.axis == 0 else (mesh.height, mesh.width)
    return line, mesh.padded["M"] // lines, mesh.padded["K"] // line


def tree_phases(line: int, phases: int) -> list[tuple[int, int]]:
    """Of each phase of a K-tree: members of a group, and PEs from one member to the next."""
    found, left, spacing = [], line, 1
    for phase in range(phases):
        size = left if phase == phases - 1 else min(left, group_size(left, phases - phase))
        found.append((size, spacing))
        left, spacing = -(-left // size), spacing * size
    return found


def group_size(members: int, phases: int) -> int:
    """Least g with g^phases >= members."""
    size = 1
    while size**phases < members:
        size += 1
    return size


def _gemv_params(names: tuple[str, ...], experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    _, rows, columns = gemv_shape(experiment, mesh)
    params = {"width": mesh.width, "height": mesh.height, "Mt": rows, "Kt": columns, "bits": experiment.bits}
    return params | {name: getattr(experiment, name) for name in (*names, "axis", "broadcast")}


def _gemv_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    _, rows, columns = gemv_shape(experiment, mesh)
    size = experiment.bits // 8
    return {"A": even(rows * columns) * size, "x": even(columns) * size, "y": 4 * rows, "sums": 4 * (rows + 1)}


# ------------------------------------------------------------------------------------------- the table


def _gemm(name: str, title: str, folder: str, order: str, switches: tuple[str, ...], **rest) -> Kernel:
    return Kernel(
        name=name,
        title=title,
        family="gemm",
        folder=folder,
        tiles=functools.partial(_gemm_tiles, order),
        params=functools.partial(_gemm_params, switches),
        columns=frozenset({"acc", *switches}),
        order="line" if order == "none" else order,
        **rest,
    )


def _gemv(name: str, title: str, folder: str, switches: tuple[str, ...], **rest) -> Kernel:
    return Kernel(
        name=name,
        title=title,
        family="gemv",
        folder=folder,
        tiles=_gemv_tiles,
        params=functools.partial(_gemv_params, switches),
        buffers=_gemv_buffers,
        columns=frozenset({"bits", "axis", "broadcast", *switches}),
        **rest,
    )


_ROWS = [
    _gemm("meshgemm", "MeshGEMM", "meshgemm", "interleaved", ("align", "overlap"), buffers=_shift_buffers, colors=10),
    Kernel(
        name="meshgemm_t",
        title="MeshGEMM, transposed",
        family="gemm",
        folder="meshgemm_t",
        tiles=_transposed_tiles,
        params=_transposed_params,
        buffers=_transposed_buffers,
        colors=11,
        order="interleaved",
        columns=frozenset({"acc"}),
    ),
    _gemm("cannon", "Cannon", "baselines/cannon", "line", ("align", "overlap"), buffers=_shift_buffers, colors=10),
    _gemm("summa", "SUMMA", "baselines/summa", "none", ("overlap",), buffers=_broadcast_buffers, colors=6),
    _gemm("allgather", "All-gather", "baselines/allgather", "none", (), buffers=_gather_buffers, colors=6),
    _gemv("meshgemv", "MeshGEMV", "meshgemv", ("phases",), colors=4, root=lambda line: line // 2),
    _gemv("pipeline_gemv", "GEMV, pipeline", "baselines/pipeline_gemv", (), colors=6, root=lambda line: line - 1),
    _gemv("ring_gemv", "GEMV, ring", "baselines/ring_gemv", (), colors=7),
]
KERNELS: Mapping[str, Kernel] = {row.name: row for row in _ROWS}


def kernel_of(experiment: Experiment) -> Kernel:
    return KERNELS[experiment.kernel]


def folder_of(experiment: Experiment, root: str | Path = "kernels_csl") -> Path:
    return Path(root) / kernel_of(experiment).folder


def mesh_for(experiment: Experiment) -> Mesh:
    """The mesh with the padded length of each axis that the placements of the kernel ask for."""
    units = {"M": 1, "K": 1, "N": 1}
    for tile in kernel_of(experiment).tiles(experiment):
        for axis, placement in tile.placements.items():
            units[axis] = math.lcm(units[axis], placement.unit(experiment.width, experiment.height))
    return mesh_of(experiment.width, experiment.height, experiment.lengths(), units)


def params_of(experiment: Experiment) -> dict[str, int]:
    """Parameters of `cslc`."""
    return kernel_of(experiment).params(experiment, mesh_for(experiment))


def global_shapes(experiment: Experiment) -> dict[str, tuple[int, ...]]:
    """Shape of each global array, the output included."""
    lengths = experiment.lengths()
    return {tile.symbol: tuple(lengths[axis] for axis in tile.axes) for tile in kernel_of(experiment).tiles(experiment)}


def dtypes(experiment: Experiment) -> dict[str, np.dtype]:
    """Type of each array on the PEs."""
    kernel = kernel_of(experiment)
    if kernel.family == "gemm":
        return {"A": np.dtype("f2"), "B": np.dtype("f2"), "C": np.dtype(f"f{experiment.acc // 8}")}
    given = np.dtype(f"f{experiment.bits // 8}")
    return {"A": given, "x": given, "y": np.dtype("f4")}


def tiles_of(experiment: Experiment) -> dict[str, Tile]:
    return {tile.symbol: tile for tile in kernel_of(experiment).tiles(experiment)}


def elements_of(experiment: Experiment) -> dict[str, int]:
    """Elements a PE of each exported array."""
    mesh = mesh_for(experiment)
    return {name: tile_elements(tile, mesh) for name, tile in tiles_of(experiment).items()}


def holders(experiment: Experiment) -> np.ndarray | None:
    """[height, width] PEs whose part of the output counts; None: all."""
    root = kernel_of(experiment).root
    if root is None or experiment.broadcast:
        return None
    grid = np.zeros((experiment.height, experiment.width), bool)
    if experiment.axis == 0:
        grid[:, root(experiment.width)] = True
    else:
        grid[root(experiment.height), :] = True
    return grid


# ------------------------------------------------------------------------------------------------ memory


def even(count: int) -> int:
    """16-bit elements up to whole 32-bit words."""
    return count + count % 2


def memory_breakdown(experiment: Experiment) -> dict[str, int]:
    """Bytes a PE: arrays by name, code (kernel and memcpy library), stack."""
    kernel = kernel_of(experiment)
    parts = kernel.buffers(experiment, mesh_for(experiment))
    memcpy, stack = _overheads(experiment.arch)
    return parts | {"code": kernel.code_bytes + memcpy, "stack": stack}


@functools.cache
def _overheads(arch: str) -> tuple[int, int]:
    """Bytes of the memcpy library and of the stack."""
    table = machine.load(arch)
    return 2 * table.number("memory.memcpy_code_words"), 2 * table.number("memory.stack_words")
