"""Partition: inverses are exact for every mesh, placements say what the kernels' pages say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waferllm.errors import PartitionError
from waferllm.experiments import Experiment
from waferllm.inputs import make_inputs
from waferllm.kernels import (
    KERNELS,
    dtypes,
    elements_of,
    global_shapes,
    holders,
    kernel_of,
    mesh_for,
    params_of,
    tiles_of,
)
from waferllm.partition import Blocks, Replicated, Skewed, Slabs, Tile, join, members, positions, split
from waferllm.partition.tiles import mesh_of

SIDES = st.integers(1, 17)
LENGTHS = st.integers(1, 40)
AXES = st.sampled_from(["x", "y"])
ORDERS = st.sampled_from(["line", "interleaved"])
PLACEMENTS = st.one_of(
    *(st.builds(kind, AXES, ORDERS) for kind in (Blocks, Slabs, Skewed)), st.just(Replicated())
)  # fmt: skip


def grown(tile, width, height, lengths):
    units = {axis: tile.placements[axis].unit(width, height) for axis in tile.axes}
    return mesh_of(width, height, lengths, units)


def covers(tile, mesh):
    """Whether some PE holds each element: two axes along the same axis of the mesh leave gaps."""
    seen = np.zeros([mesh.padded[axis] for axis in tile.axes], bool)
    index = [tile.placements[axis].index(mesh.width, mesh.height, mesh.padded[axis]) for axis in tile.axes]
    seen[index[0][:, :, :, None], index[1][:, :, None, :]] = True
    return seen.all()


@settings(max_examples=150, deadline=None)
@given(SIDES, SIDES, LENGTHS, LENGTHS, PLACEMENTS, PLACEMENTS, st.booleans(), st.booleans())
def test_join_is_the_inverse_of_split(width, height, rows, columns, first, second, by_row, by_slab):
    order = ("M", "K") if by_row else ("K", "M")
    tile = Tile("A", ("M", "K"), order, {"M": first, "K": second}, slabs="K" if by_slab else "")
    mesh = grown(tile, width, height, {"M": rows, "K": columns})
    array = np.arange(1, rows * columns + 1, dtype=np.float32).reshape(rows, columns)
    if covers(tile, mesh):
        tiles = split(tile, array, mesh)
        assert np.array_equal(join(tile, tiles, mesh, array.shape), array)
        assert set(np.unique(tiles)) - {0} == set(array.reshape(-1))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(KERNELS)), st.integers(2, 17), st.integers(2, 17), LENGTHS, LENGTHS, LENGTHS,
       st.integers(0, 1), st.integers(0, 1), st.integers(0, 1))  # fmt: skip
def test_arrays_of_each_kernel_come_back(kernel, width, height, rows, inner, columns, axis, broadcast, align):
    columns = columns if KERNELS[kernel].family == "gemm" else 1
    experiment = Experiment("a", "check", kernel, "wse3", width, height, rows, inner, columns, axis=axis,
                            broadcast=broadcast, align=align)  # fmt: skip
    mesh, shapes, types, elements = (f(experiment) for f in (mesh_for, global_shapes, dtypes, elements_of))
    for name, tile in tiles_of(experiment).items():
        array = np.arange(math.prod(shapes[name])).reshape(shapes[name]).astype(types[name])
        tiles = split(tile, array, mesh)
        assert tiles.shape == (height, width, elements[name]) and tiles.dtype == types[name]
        who = holders(experiment) if name == kernel_of(experiment).output else None
        assert np.array_equal(join(tile, tiles, mesh, shapes[name], who), array)


@given(st.integers(1, 200))
def test_neighbours_of_the_interleaved_ring_are_two_hops_apart_at_most(places):
    ring = members("interleaved", places)
    assert sorted(ring) == list(range(places))
    assert np.array_equal(positions("interleaved", places)[ring], np.arange(places))
    assert np.abs(np.diff(np.append(ring, ring[0]))).max() <= 2


def test_ring_order_of_five():
    assert members("interleaved", 5).tolist() == [0, 2, 4, 3, 1]
    assert members("line", 4).tolist() == [0, 1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), ORDERS)
def test_aligned_operands_meet_at_the_same_slab(width, height, order):
    """On every PE A and B begin with the same slab of K: the first product needs no transfer."""
    slabs = math.lcm(width, height)
    a = Skewed("x", order).index(width, height, slabs * 3)
    b = Skewed("y", order).index(width, height, slabs * 3)
    assert np.array_equal(a[:, :, 0], b[:, :, 0])


def test_slabs_of_a_mesh_that_is_not_square():
    # L = 6: two slabs a column, three a row
    assert Slabs("x").index(3, 2, 6)[0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert Slabs("y").index(3, 2, 6)[:, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert Skewed("x").index(3, 2, 6)[1].tolist() == [[3, 4], [5, 0], [1, 2]]


def test_elements_by_slab():
    # one column of two rows: K in slabs of 2, each column by column
    tile = Tile("B", ("K", "N"), ("N", "K"), {"K": Slabs("y"), "N": Blocks("x")}, slabs="K")
    array = np.arange(16).reshape(8, 2)
    mesh = mesh_of(4, 2, {"K": 8, "N": 4}, {"K": 4, "N": 4})
    wide = np.repeat(array, 2, axis=1)
    assert split(tile, wide, mesh)[0, 0].tolist() == [0, 2, 4, 6]
    two = Tile("B", ("K", "N"), ("N", "K"), {"K": Slabs("y"), "N": Replicated()}, slabs="K")
    assert split(two, array, mesh_of(4, 2, {"K": 8, "N": 2}, {"K": 4, "N": 1}))[0, 0].tolist() == [
        0, 2, 1, 3, 4, 6, 5, 7,
    ]  # fmt: skip


def test_copies_that_differ_are_refused():
    tile = Tile("y", ("M",), ("M",), {"M": Blocks("y")})
    mesh = mesh_of(3, 2, {"M": 4}, {"M": 2})
    tiles = split(tile, np.arange(4.0), mesh)
    tiles[1, 2, 0] = 7
    with pytest.raises(PartitionError, match="different values"):
        join(tile, tiles, mesh, (4,))
    column = np.zeros((2, 3), bool)
    column[:, 0] = True
    assert join(tile, tiles, mesh, (4,), column).tolist() == [0, 1, 2, 3]


def test_wrong_shapes_are_refused():
    tile = Tile("x", ("K",), ("K",), {"K": Blocks("x")})
    mesh = mesh_of(3, 2, {"K": 5}, {"K": 3})
    with pytest.raises(PartitionError, match=r"'x' has shape \(7,\), expected at most \(6,\)"):
        split(tile, np.zeros(7), mesh)
    with pytest.raises(PartitionError, match=r"expected \(2, 3, 2\)"):
        join(tile, np.zeros((2, 3, 3)), mesh, (5,))


def test_parameters_of_cslc():
    experiment = Experiment("a", "check", "meshgemm", "wse2", 6, 4, 13, 25, 7)
    params = params_of(experiment)
    # L = 12 slabs of 3 rows make 36 of 25
    assert {name: params[name] for name in ("width", "height", "Mt", "Nt", "Ks", "acc")} == {
        "width": 6, "height": 4, "Mt": 4, "Nt": 2, "Ks": 3, "acc": 32,
    }  # fmt: skip


def test_inputs_are_seeded():
    experiment = Experiment("a", "check", "meshgemv", "wse2", 3, 2, 5, 7)
    first, second = make_inputs(experiment), make_inputs(experiment)
    assert all(np.array_equal(first[name], second[name]) for name in ("A", "x"))
    assert first["A"].dtype == np.float16 and first["A"].shape == (5, 7) and np.abs(first["A"]).max() <= 1
