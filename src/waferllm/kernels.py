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
    """Elements a PE by array, double buffers and working space included; the name's part before '.' is the symbol."""
    colors: int
    """Routable colors besides those of memcpy, barrier and reference wave included."""
    order: str = "line"
    """Ring order of the PEs along a line (waferllm.partition.rings)."""
    code_bytes: int = 3000
    """Code a PE without the memcpy library, for the check before the first job; `cslc` decides."""
    columns: frozenset[str] = field(default_factory=frozenset)
    """Columns of an experiment that mean something to this kernel, besides those common to all."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("A", "B") if self.family == "gemm" else ("A", "x")

    @property
    def output(self) -> str:
        return "C" if self.family == "gemm" else "y"

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


def _gemm_sizes(mesh: Mesh) -> tuple[int, int, int]:
    """Elements a PE of A, B and C."""
    rows, columns, inner = mesh.padded["M"] // mesh.height, mesh.padded["N"] // mesh.width, mesh.padded["K"]
    return rows * (inner // mesh.width), (inner // mesh.height) * columns, rows * columns


def _double_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    a, b, c = _gemm_sizes(mesh)
    return {"A": even(a), "A.second": even(a), "B": even(b), "B.second": even(b), "C": c}


def _gathered(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    """Whole rows of A and columns of B on each PE."""
    a, b, c = _gemm_sizes(mesh)
    return {"A": even(a) * mesh.width, "B": even(b) * mesh.height, "C": c}


def _broadcast_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    a, b, c = _gemm_sizes(mesh)
    return {"A": even(a), "A.received": 2 * even(a), "B": even(b), "B.received": 2 * even(b), "C": c}


def _transposed_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    rows, inner = mesh.padded["M"] // mesh.height, mesh.padded["K"] // mesh.width
    b, c = mesh.padded["N"] // mesh.height * inner, rows * (mesh.padded["N"] // mesh.width)
    return {"A": even(rows * inner), "B": even(b), "B.second": even(b), "C": c, "C.partial": c}


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


def _gemv_params(names: tuple[str, ...], experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    _, rows, columns = gemv_shape(experiment, mesh)
    params = {"width": mesh.width, "height": mesh.height, "Mt": rows, "Kt": columns, "bits": experiment.bits}
    return params | {name: getattr(experiment, name) for name in (*names, "axis", "broadcast")}


def _gemv_buffers(experiment: Experiment, mesh: Mesh) -> dict[str, int]:
    _, rows, columns = gemv_shape(experiment, mesh)
    return {"A": even(rows * columns), "x": even(columns), "y": rows}


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
    _gemm("meshgemm", "MeshGEMM", "meshgemm", "interleaved", ("align", "overlap"), buffers=_double_buffers, colors=10),
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
    _gemm("cannon", "Cannon", "baselines/cannon", "line", ("align", "overlap"), buffers=_double_buffers, colors=10),
    _gemm("summa", "SUMMA", "baselines/summa", "none", ("overlap",), buffers=_broadcast_buffers, colors=12),
    _gemm("allgather", "All-gather", "baselines/allgather", "none", (), buffers=_gathered, colors=12),
    _gemv("meshgemv", "MeshGEMV", "meshgemv", ("phases",), colors=12),
    _gemv("pipeline_gemv", "GEMV, pipeline all-reduce", "baselines/pipeline_gemv", (), colors=8),
    _gemv("ring_gemv", "GEMV, ring all-reduce", "baselines/ring_gemv", (), colors=8),
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
    if kernel_of(experiment).family == "gemm" or experiment.broadcast:
        return None
    grid = np.zeros((experiment.height, experiment.width), bool)
    line = experiment.width if experiment.axis == 0 else experiment.height
    if experiment.axis == 0:
        grid[:, line // 2] = True
    else:
        grid[line // 2, :] = True
    return grid


# ------------------------------------------------------------------------------------------------ memory


def even(count: int) -> int:
    """16-bit elements up to whole 32-bit words."""
    return count + count % 2


def memory_breakdown(experiment: Experiment) -> dict[str, int]:
    """Bytes a PE: arrays by name, code (kernel and memcpy library), stack."""
    kernel, mesh, types = kernel_of(experiment), mesh_for(experiment), dtypes(experiment)
    parts = {
        name: count * types[name.partition(".")[0]].itemsize
        for name, count in kernel.buffers(experiment, mesh).items()
    }
    memcpy, stack = _overheads(experiment.arch)
    return parts | {"code": kernel.code_bytes + memcpy, "stack": stack}


@functools.cache
def _overheads(arch: str) -> tuple[int, int]:
    """Bytes of the memcpy library and of the stack."""
    table = machine.load(arch)
    return 2 * table.number("memory.memcpy_code_words"), 2 * table.number("memory.stack_words")
