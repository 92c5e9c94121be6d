"""Core files: the memory of every PE after (or during) a run, and what can be read from it.

    corefile   magic line, JSON line (width, height, offset_x, offset_y, words, cycle),
               zlib of uint16 [height, width, words]
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wafersim.ir.program import Image
from wafersim.runtime.errors import SdkError
from wafersim.runtime.exports import find_symbol, program_at

MAGIC = b"wafersim-core 1\n"
MEMORY_WORDS = 24_576
DEFAULT_NAME = "out.core"
AUTOMATIC_NAME = "memory.core"
"""Written into the `out` folder by `stop`, for `debug_util`."""
AUTOMATIC_LIMIT = 64 << 20
"""Bytes of memory up to which `stop` writes it without being asked."""


@dataclass(slots=True)
class Core:
    """Memory of all PEs: words [height, width, words], indexed in fabric coordinates minus the offsets."""

    memory: np.ndarray
    offset_x: int
    offset_y: int
    cycle: int

    def read(self, image: Image, column: int, row: int, name: str, dtype: Any) -> np.ndarray:
        """A symbol at fabric coordinates, as an array of `dtype`."""
        x, y = column - self.offset_x, row - self.offset_y
        symbol = find_symbol(program_at(image, x, y), name)
        return view_words(self.memory[y, x, symbol.address : symbol.address + symbol.words], dtype)


def view_words(words: np.ndarray, dtype: Any) -> np.ndarray:
    """16-bit memory words as elements of `dtype`; what does not fill an element is left off."""
    wanted = np.dtype(dtype)
    raw = np.ascontiguousarray(words, dtype="<u2").tobytes()
    return np.frombuffer(raw[: len(raw) - len(raw) % wanted.itemsize], dtype=wanted).copy()


def snapshot(mesh: Any, image: Image, words: int = MEMORY_WORDS) -> Core:
    """The memory of all PEs of a mesh as it is now."""
    memory = np.empty((image.height, image.width, words), dtype=np.uint16)
    for y in range(image.height):
        for x in range(image.width):
            memory[y, x] = mesh.read(x, y, 0, words)
    return Core(memory, image.offset_x, image.offset_y, mesh.cycle)


def write(core: Core, path: str | Path) -> None:
    height, width, words = core.memory.shape
    head = {
        "width": width,
        "height": height,
        "words": words,
        "offset_x": core.offset_x,
        "offset_y": core.offset_y,
        "cycle": core.cycle,
    }
    content = zlib.compress(np.ascontiguousarray(core.memory, dtype="<u2").tobytes(), level=1)
    try:
        Path(path).write_bytes(MAGIC + json.dumps(head).encode() + b"\n" + content)
    except OSError as error:
        raise SdkError(f"cannot write core file '{path}': {error.strerror or error}") from error


def read(path: str | Path) -> Core:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SdkError(f"cannot read core file '{path}': {error.strerror or error}") from error
    if not content.startswith(MAGIC):
        raise SdkError(f"'{path}' is no core file of this simulator")
    try:
        head_line, _, body = content[len(MAGIC) :].partition(b"\n")
        head = json.loads(head_line)
        memory = np.frombuffer(zlib.decompress(body), dtype="<u2")
        shape = (head["height"], head["width"], head["words"])
        return Core(memory.reshape(shape), head["offset_x"], head["offset_y"], head["cycle"])
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise SdkError(f"core file '{path}' is damaged: {error}") from error
