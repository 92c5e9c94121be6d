"""The operation tables `ops.def` and `vecops.def`, read as data.

The two files are installed beside this module from `engine/`; they are the only place that lists
operations (style: a table that cannot lie).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class Ty(IntEnum):
    """Register and memory types of the IR. `words` gives the size in memory."""

    VOID = 0
    BOOL = 1
    I8 = 2
    U8 = 3
    I16 = 4
    U16 = 5
    I32 = 6
    U32 = 7
    I64 = 8
    U64 = 9
    F16 = 10
    F32 = 11
    DSD = 12

    @property
    def words(self) -> int:
        return _WORDS[self]


_WORDS = dict.fromkeys(Ty, 1) | {Ty.VOID: 0, Ty.I32: 2, Ty.U32: 2, Ty.F32: 2, Ty.I64: 4, Ty.U64: 4, Ty.DSD: 4}


class IdSpace(IntEnum):
    """Which table the id of a `block` or `unblock` belongs to."""

    TASK = 0
    INPUT_QUEUE = 1
    MICROTHREAD = 2
    COLOR = 3


@dataclass(frozen=True, slots=True)
class OpInfo:
    code: int
    mnemonic: str
    fields: tuple[str, ...]
    typed: bool
    cost: str
    meaning: str


@dataclass(frozen=True, slots=True)
class VecInfo:
    code: int
    name: str
    dst: str
    sources: tuple[str, ...]
    cost: str
    meaning: str


def _rows(file: str, macro: str) -> list[tuple[str, ...]]:
    text = (_directory() / file).read_text(encoding="utf-8")
    pattern = rf'^{macro}\((\w+),\s*([^,]*),\s*([^,]*),\s*(?:([^,]*),\s*)?"([^"]*)"\)'
    return re.findall(pattern, text, flags=re.MULTILINE)


def _directory() -> Path:
    here = Path(__file__).parent
    checkout = Path(__file__).parents[3] / "engine"
    return here if (here / "ops.def").exists() else checkout


def _read_ops() -> dict[str, OpInfo]:
    table = {}
    for code, (mnemonic, fields, cost, _, meaning) in enumerate(_rows("ops.def", "OP")):
        names = tuple(fields.split())
        typed = names[:1] != ("-",)
        table[mnemonic] = OpInfo(code, mnemonic, names if typed else names[1:], typed, cost.strip(), meaning)
    return table


def _read_vecops() -> dict[str, VecInfo]:
    table = {}
    for code, (name, dst, sources, cost, meaning) in enumerate(_rows("vecops.def", "VEC")):
        table[name] = VecInfo(code, name, dst.strip(), tuple(sources.split()), cost.strip(), meaning)
    return table


OPS: dict[str, OpInfo] = _read_ops()
VECOPS: dict[str, VecInfo] = _read_vecops()
