"""The enumerations of the host API, with the values of SDK 2.10."""

from __future__ import annotations

from enum import IntEnum


class SdkTarget(IntEnum):
    """Generation of the wafer."""

    WSE2 = 0
    WSE3 = 1

    @property
    def arch(self) -> str:
        return self.name.lower()


class MemcpyDataType(IntEnum):
    """Width of an element on the device; host arrays hold one element per 32-bit word in both cases."""

    MEMCPY_32BIT = 0
    MEMCPY_16BIT = 1


class MemcpyOrder(IntEnum):
    """Order of the elements `[row][column][element]` in the host's flat array."""

    ROW_MAJOR = 0
    COL_MAJOR = 1


class Edge(IntEnum):
    """Edge of a code region."""

    TOP = 0
    BOTTOM = 1
    LEFT = 2
    RIGHT = 3


class Route(IntEnum):
    """Side of a router."""

    RAMP = 0
    EAST = 1
    WEST = 2
    NORTH = 3
    SOUTH = 4


class FP16TYPE(IntEnum):
    """Interpretation of 16-bit floating-point values."""

    F16 = 0
    BF16 = 1
    CB16 = 2
