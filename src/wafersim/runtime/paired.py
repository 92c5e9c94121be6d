"""Both engines side by side: every call goes to both, and the first difference ends the run with an error.

In: a function that makes the mesh of an engine. Out: an object with the methods of `wafersim._engine.Mesh`. After each
call of `run` it compares how the run ended, the cycle, the counters, the fault, and the memory and state of PEs;
whatever else the host asks for is compared when it asks. A fault ends the comparison: it finds PEs that have nothing to
do with it some cycles further in one engine than in the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wafersim.runtime.errors import SdkError

MOST_PES = 256
"""PEs whose memory and state are compared after each call of `run`; of larger meshes, evenly spread ones."""


class EngineMismatchError(SdkError):
    """The engines disagree."""


class PairedMesh:
    """`make(engine)` gives a mesh; the reference engine's answers are returned."""

    def __init__(self, make: Any, engines: tuple[str, ...] = ("reference", "fast")) -> None:
        self._names = engines
        self._meshes = [make(engine) for engine in engines]
        self._faulted = False

    @property
    def cycle(self) -> int:
        return self._same("cycle", [mesh.cycle for mesh in self._meshes])

    @property
    def width(self) -> int:
        return self._meshes[0].width

    @property
    def height(self) -> int:
        return self._meshes[0].height

    def run(self, max_cycles: int, tickets: list[int]) -> str:
        where = f"after the run from cycle {self._meshes[0].cycle}"
        status = self._same("run", [mesh.run(max_cycles, tickets) for mesh in self._meshes])
        self._same(f"cycle {where}", [mesh.cycle for mesh in self._meshes])
        self._same(f"fault {where}", [mesh.fault() for mesh in self._meshes])
        self._faulted = status == "fault"
        self._same(f"stats {where}", [mesh.stats() for mesh in self._meshes])
        self._same(f"deadlock report {where}", [mesh.deadlock() for mesh in self._meshes])
        self._compare_pes(where)
        return status

    def trace(self, path: str, what: str = "") -> None:
        """The trace of the last engine; those of the others go to `path` with their names behind it."""
        for name, mesh in zip(self._names, self._meshes, strict=True):
            mesh.trace(path and (path if name == self._names[-1] else f"{path}.{name}"), what)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            return self._same(name, [getattr(mesh, name)(*arguments, **options) for mesh in self._meshes])

        return call

    def _compare_pes(self, where: str) -> None:
        tiles = self.width * self.height
        for tile in range(0, tiles, max(1, tiles // MOST_PES)):
            x, y = tile % self.width, tile // self.width
            state = self._same(f"state of PE({x},{y}) {where}", [mesh.pe_state(x, y) for mesh in self._meshes])
            if "program" in state:
                self._same(f"memory of PE({x},{y}) {where}", [mesh.read(x, y, 0, 24576) for mesh in self._meshes])

    def _same(self, what: str, answers: list[Any]) -> Any:
        for name, answer in zip(self._names[1:], answers[1:], strict=True):
            if not self._faulted and not _equal(answers[0], answer):
                text = _difference(answers[0], answer)
                raise EngineMismatchError(f"engines differ in {what}: {self._names[0]} {text[0]}, {name} {text[1]}")
        return answers[0]


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return a == b


def _difference(a: Any, b: Any) -> tuple[str, str]:
    """The parts of two answers that differ, as text."""
    if isinstance(a, dict):
        keys = [key for key in a if a[key] != b.get(key)]
        return str({key: a[key] for key in keys})[:500], str({key: b.get(key) for key in keys})[:500]
    if isinstance(a, np.ndarray) and a.shape == b.shape:
        at = np.flatnonzero(a != b)[:8]
        return f"{a.flat[at].tolist()} at {at.tolist()}", str(b.flat[at].tolist())
    return str(a)[:500], str(b)[:500]
