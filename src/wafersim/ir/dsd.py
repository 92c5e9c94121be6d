"""The 64-bit form of a data structure descriptor (DSD).

A DSD is a value: programs keep it in registers, constants and memory (4 words), and change its fields
at run time. Engine and compiler share this layout (`engine/include/wafersim/dsd.h`).

    bits   0-15   mem1d, mem4d, circbuf: base address in words; fabin, fabout: queue; fifo: number
    bits  16-31   length: elements (memory, fifo) or wavelets (fabric)
    bits  32-47   mem1d: stride in elements (signed); mem4d, circbuf: number of the shape;
                  fabin, fabout: color, 0xffff where the queue alone decides
    bits  48-50   kind
    bits  51-60   flags, see `FLAGS` and the two-bit fields
"""

from __future__ import annotations

from enum import IntEnum

WORDS = 4
"""Size of a DSD in memory, 16-bit words."""


class DsdKind(IntEnum):
    NONE = 0
    MEM1D = 1
    MEM4D = 2
    CIRCBUF = 3
    FABIN = 4
    FABOUT = 5
    FIFO = 6


FLAGS = {
    "wavelet_index_offset": 1 << 51,
    "control": 1 << 52,
    "advance_switch": 1 << 53,
    "control_transform": 1 << 54,
    "zero_first_source": 1 << 59,
    "zero_second_source": 1 << 60,
}
PRIORITY_SHIFT = 55
"""Two bits: 0 not given, 1 low, 2 medium, 3 high."""
SIMD_SHIFT = 57
"""Two bits: 0 none, 1 simd_32, 2 simd_64, 3 simd_32_or_64."""
NO_COLOR = 0xFFFF


def pack(kind: DsdKind, address: int, length: int, extra: int, flags: int = 0) -> int:
    """A DSD from its fields; `extra` is bits 32-47 (stride, shape or color)."""
    return (
        (address & 0xFFFF)
        | (length & 0xFFFF) << 16
        | (extra & 0xFFFF) << 32
        | int(kind) << 48
        | flags
    )


def kind_of(dsd: int) -> DsdKind:
    return DsdKind(dsd >> 48 & 7)
