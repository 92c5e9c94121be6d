"""`cerebras.sdk.debug.debug_util`: symbols and `<debug>` traces of a program that has run.

Reads the memory that `SdkRuntime.stop` left in the `out` folder. Coordinates count from the fabric's
northwest corner, not from the program rectangle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wafersim import image as images
from wafersim.runtime import core
from wafersim.runtime.errors import SdkError
from wafersim.runtime.exports import program_at

# Records of a trace buffer (src/wafersim/stdlib/debug.csl): tag in bits 8-15 of the first word -> type, words after it.
TAGS: dict[int, tuple[str, int]] = {
    1: ("bool", 0),
    2: ("u8", 0),
    3: ("i8", 0),
    4: ("u16", 1),
    5: ("i16", 1),
    6: ("f16", 1),
    7: ("u32", 2),
    8: ("i32", 2),
    9: ("f32", 2),
    10: ("string", 0),
    11: ("timestamp", 3),
}
_DTYPES = {"u16": "<u2", "i16": "<i2", "f16": "<f2", "u32": "<u4", "i32": "<i4", "f32": "<f4"}


class debug_util:
    """Access to the memory that a run left behind."""

    def __init__(self, bindir: str | Path, cmaddr: str | None = None, corefile: str | Path | None = None) -> None:
        if cmaddr:
            raise SdkError(f"debug_util works with the simulator only, got cmaddr '{cmaddr}'")
        self._image = images.load(bindir)
        file = Path(corefile) if corefile else Path(bindir) / core.AUTOMATIC_NAME
        if not file.is_file():
            raise SdkError(
                f"'{file}' does not exist: run the program and call stop() first; for meshes of more than "
                f"{core.AUTOMATIC_LIMIT >> 20} MiB use dump_core() and pass its file as corefile"
            )
        self._core = core.read(file)

    def get_symbol(self, col: int, row: int, symbol: str, dtype: Any) -> np.ndarray:
        """Value of `symbol` on the PE in fabric column `col` and row `row`."""
        return self._core.read(self._image, col, row, symbol, dtype)

    def get_symbol_rect(
        self, rectangle: tuple[tuple[int, int], tuple[int, int]], symbol: str, dtype: Any
    ) -> np.ndarray:
        """Values of ((column, row), (width, height)): [width, height, elements]."""
        (column, row), (width, height) = rectangle
        return np.stack(
            [
                np.stack([self.get_symbol(column + x, row + y, symbol, dtype) for y in range(height)])
                for x in range(width)
            ]
        )

    def read_trace(self, px: int, py: int, name: str) -> list[Any]:
        """What the `<debug>` instance with key `name` recorded: numbers, strings and time stamps in order."""
        x, y = px - self._core.offset_x, py - self._core.offset_y
        program = program_at(self._image, x, y)
        if name not in program.traces:
            known = ", ".join(program.traces) or "none"
            raise SdkError(f"PE ({px}, {py}) has no trace buffer '{name}' (buffers: {known})")
        symbol = program.symbols[program.traces[name]]
        words = self._core.memory[y, x, symbol.address : symbol.address + symbol.words]
        return decode_trace(words)


def decode_trace(words: np.ndarray) -> list[Any]:
    """Values of the records in a trace buffer; word 0 counts the words in use after it."""
    values: list[Any] = []
    position, end = 1, min(1 + int(words[0]), len(words))
    while position < end:
        tag, low = int(words[position]) >> 8, int(words[position]) & 0xFF
        if tag not in TAGS:
            raise SdkError(f"word {position} of the trace buffer is {int(words[position])}, which is no record")
        kind, size = TAGS[tag]
        size = (low + 1) // 2 if kind == "string" else size
        values.append(_value(kind, low, words[position + 1 : position + 1 + size]))
        position += 1 + size
    return values


def _value(kind: str, low: int, words: np.ndarray) -> Any:
    """One record: `low` is the low byte of its first word, `words` what follows."""
    if kind == "bool":
        return bool(low)
    if kind in ("u8", "i8"):
        return low - 256 if kind == "i8" and low > 127 else low
    if kind == "string":
        return np.ascontiguousarray(words, dtype="<u2").tobytes()[:low].decode("latin-1")
    if kind == "timestamp":
        return int(words[0]) | int(words[1]) << 16 | int(words[2]) << 32
    return np.ascontiguousarray(words, dtype="<u2").view(_DTYPES[kind])[0].item()
