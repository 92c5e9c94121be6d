"""Order and width of host arrays: pure functions, over random regions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafersim.runtime import packing
from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
from wafersim.runtime.errors import SdkError, SdkTypeError

sizes = st.integers(1, 6)
orders = st.sampled_from(list(MemcpyOrder))
widths = st.sampled_from(list(MemcpyDataType))


@given(sizes, sizes, sizes, orders)
def test_grid_and_back(height, width, elements, order):
    flat = np.arange(height * width * elements, dtype=np.uint32)
    grid = packing.to_grid(flat, height, width, elements, order)
    assert grid.shape == (height, width, elements)
    assert np.array_equal(packing.from_grid(grid, order), flat)


@given(sizes, sizes, sizes, st.data())
def test_place_of_an_element(height, width, elements, data):
    flat = np.arange(height * width * elements, dtype=np.uint32)
    y, x, e = (data.draw(st.integers(0, size - 1)) for size in (height, width, elements))
    row_major = packing.to_grid(flat, height, width, elements, MemcpyOrder.ROW_MAJOR)
    col_major = packing.to_grid(flat, height, width, elements, MemcpyOrder.COL_MAJOR)
    assert row_major[y, x, e] == (y * width + x) * elements + e
    assert col_major[y, x, e] == (e * width + x) * height + y


@given(sizes, sizes, sizes, widths, st.integers(0, 2**32 - 1))
def test_memory_words_and_back(height, width, elements, data_type, seed):
    grid = np.random.default_rng(seed).integers(0, 2**32, (height, width, elements), dtype=np.uint32)
    words = packing.to_memory(grid, data_type)
    assert words.dtype == np.uint16
    assert words.shape == (height, width, elements * packing.words_per_element(data_type))
    expected = grid & 0xFFFF if data_type == MemcpyDataType.MEMCPY_16BIT else grid
    assert np.array_equal(packing.from_memory(words, data_type), expected)


def test_low_word_comes_first():
    assert packing.to_memory(np.array([[[0x12345678]]], np.uint32), MemcpyDataType.MEMCPY_32BIT).tolist() == [
        [[0x5678, 0x1234]]
    ]


def test_order_matters_for_f16_in_the_low_half():
    container = np.zeros(3, np.uint32)
    container[:] = np.array([1.0, -2.0, 0.5], np.float16).view(np.uint16)
    words = packing.to_memory(packing.to_grid(container, 1, 1, 3, MemcpyOrder.ROW_MAJOR), MemcpyDataType.MEMCPY_16BIT)
    assert words.view(np.float16).tolist() == [[[1.0, -2.0, 0.5]]]


@given(sizes, sizes, sizes)
def test_broadcast_repeats_rows_and_columns(height, width, elements):
    column = np.arange(height * elements, dtype=np.uint32).reshape(height, 1, elements)
    assert all(np.array_equal(packing.spread(column, height, width)[:, x], column[:, 0]) for x in range(width))


def test_container_is_a_view_of_contiguous_arrays():
    array = np.zeros((2, 3), np.float32)
    packing.container_words(array, "dest")[4] = np.float32(1).view(np.uint32)
    assert array[1, 1] == 1


@pytest.mark.parametrize("dtype", [np.float16, np.int16, np.uint8, np.float64, np.int64])
def test_other_widths_are_refused(dtype):
    with pytest.raises(SdkTypeError, match=f"src must have elements of 4 bytes.*got dtype {np.dtype(dtype)}"):
        packing.container_words(np.zeros(2, dtype), "src")


def test_no_array():
    with pytest.raises(SdkTypeError, match="src must be a numpy array, got list"):
        packing.container_words([1, 2], "src")  # type: ignore[arg-type]


def test_size_message_has_both_sizes():
    with pytest.raises(SdkError, match=r"src has 5 elements, but w \* h \* elem_per_pe = 6"):
        packing.check_size(np.zeros(5), 6, "src", "w * h * elem_per_pe")


def test_arrays_of_another_byte_order_are_refused():
    with pytest.raises(SdkTypeError, match="byte order, got dtype >f4"):
        packing.container_words(np.zeros(4, ">f4"), "src")
