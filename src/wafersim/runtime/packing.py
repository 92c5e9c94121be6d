"""Between the host's flat arrays and the words of each PE: pure functions.

The host's array has `height * width * elements` elements in the order of `MemcpyOrder`; every element
sits in a 32-bit word (16-bit transfers use the low half). On the device side, data is an array
[height, width, words] of 16-bit memory words (copies) or of 32-bit wavelets (streams).
"""

from __future__ import annotations

import numpy as np

from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
from wafersim.runtime.errors import SdkError, SdkTypeError


def container_words(array: np.ndarray, name: str) -> np.ndarray:
    """The elements of a host array as flat uint32; a view where the array is contiguous."""
    if not isinstance(array, np.ndarray):
        raise SdkTypeError(f"{name} must be a numpy array, got {type(array).__name__}")
    if array.dtype.itemsize != 4:
        raise SdkTypeError(
            f"{name} must have elements of 4 bytes (16-bit data goes into the low half of uint32 elements), "
            f"got dtype {array.dtype}"
        )
    if not array.dtype.isnative:
        raise SdkTypeError(f"{name} must have this machine's byte order, got dtype {array.dtype.str}")
    return np.ascontiguousarray(array).reshape(-1).view(np.uint32)


def to_grid(flat: np.ndarray, height: int, width: int, elements: int, order: MemcpyOrder) -> np.ndarray:
    """The flat array as [height, width, elements]."""
    layout = "C" if order == MemcpyOrder.ROW_MAJOR else "F"
    return flat.reshape((height, width, elements), order=layout)


def from_grid(grid: np.ndarray, order: MemcpyOrder) -> np.ndarray:
    """The inverse of `to_grid`."""
    return grid.reshape(-1, order="C" if order == MemcpyOrder.ROW_MAJOR else "F")


def spread(grid: np.ndarray, height: int, width: int) -> np.ndarray:
    """[1 or height, 1 or width, elements] repeated over the missing axis (broadcasts)."""
    return np.broadcast_to(grid, (height, width, grid.shape[2]))


def to_memory(grid: np.ndarray, data_type: MemcpyDataType) -> np.ndarray:
    """32-bit elements as the 16-bit words that go to memory: [height, width, words], contiguous, a view if possible."""
    if data_type == MemcpyDataType.MEMCPY_16BIT:
        return grid.astype(np.uint16, order="C")  # the low half
    return np.ascontiguousarray(grid, dtype="<u4").view("<u2")


def from_memory(words: np.ndarray, data_type: MemcpyDataType) -> np.ndarray:
    """Memory words as 32-bit elements; 16-bit ones are zero-extended."""
    if data_type == MemcpyDataType.MEMCPY_16BIT:
        return words.astype(np.uint32)
    return np.ascontiguousarray(words, dtype="<u2").view("<u4")


def words_per_element(data_type: MemcpyDataType) -> int:
    return 1 if data_type == MemcpyDataType.MEMCPY_16BIT else 2


def check_size(array: np.ndarray, expected: int, name: str, formula: str) -> None:
    if array.size != expected:
        raise SdkError(f"{name} has {array.size} elements, but {formula} = {expected}")
