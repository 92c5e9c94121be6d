"""Runs the program of a point and counts its cycles as the source did.

`compiled` makes the image, `predicted` runs it under given machine settings, so that one image serves many settings.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wafersim import driver, machine
from wafersim.calibration.points import Point
from wafersim.errors import UsageError, WafersimError
from wafersim.ir import codec
from wafersim.ir.program import Image
from wafersim.settings import CompileSettings

PROGRAMS = Path(__file__).parent / "programs"
MOST_CYCLES = 1_000_000
OPERATION, MATVEC, TILES, OVERLAP, REDUCTION = range(5)
"""Values of the parameter `kind` of programs/layout.csl."""
NAMES = ("operation", "matvec", "tiles", "overlap", "reduction")
CONFLICTING = {"fmacs-0001", "fmacs-0034"}
"""Points of equal size differ by the alignment of their vectors, which the source tells by its history only."""
STEP = re.compile(r"(\d+) PE\((\d+),(\d+)\) (.*)")


@dataclass(frozen=True, slots=True)
class Program:
    """What a point runs: a layout with parameters, how its cycles are counted and divided."""

    layout: str
    params: Mapping[str, int]
    count: Callable[[Any, Image], float]


def program_of(point: Point) -> Program:
    p = point.params
    if point.series in ("jk", "jkc"):
        params = {name: p[name] for name in ("P", "Mt", "Kt", "Nt")}
        params |= {"compute_rounds": p["L"], "exchange": p["C"], "repeats": p["repeat"]}
        return Program("mesh_gemm_layout.csl", params, lambda mesh, image: _stamped(mesh, image) / p["repeat"])
    if point.series == "lz":
        return _one_pe(MATVEC, size=p["tile_size"], rounds=p["iters"])
    if point.series == "fmacs":
        return _one_pe(OPERATION, size=p["elements"], variant=int(point.id in CONFLICTING))
    if point.id in _STUDY:
        return _STUDY[point.id](p)
    raise UsageError(f"calibration point {point.id}: there is no program for it")


def name_of(point: Point) -> str:
    """The program that a point measures: points of one program stand or fall together."""
    program = program_of(point)
    if program.layout != "layout.csl":
        return program.layout.removesuffix("_layout.csl")
    return NAMES[program.params["kind"]]


def compiled(point: Point) -> Image:
    program = program_of(point)
    return driver.compile_image(CompileSettings(PROGRAMS / program.layout, arch=point.arch, params=program.params))


def predicted(point: Point, image: Image, settings: dict[str, Any], engine: str = "fast") -> float:
    """Cycles of the point's program under these machine settings."""
    from wafersim import _engine

    mesh = _engine.Mesh(codec.to_plain(image), settings, engine)
    return program_of(point).count(mesh, image)


def settings_of(point: Point) -> dict[str, Any]:
    return machine.load(point.arch, point.preset).settings


# ---------------------------------------------------------------------------------------------- programs


def _one_pe(
    kind: int, *, size: int = 0, variant: int = 0, rounds: int = 0, count: Callable[[Any, Image], float] | None = None
) -> Program:
    params = {"kind": kind, "size": size, "variant": variant, "rounds": rounds}
    return Program("layout.csl", params, count or _stamped)


def _alone(kind: int, size: int = 0, variant: int = 0) -> Program:
    """Counted without time stamps in the source: what one of ours costs is taken off."""
    return _one_pe(kind, size=size, variant=variant, count=lambda mesh, image: _stamped(mesh, image, less_stamp=True))


_STUDY: dict[str, Callable[[Mapping[str, Any]], Program]] = {
    "fabm-0001": lambda p: _one_pe(TILES, variant=0),
    "fabm-0002": lambda p: _one_pe(TILES, variant=1),
    "fabm-0003": lambda p: _one_pe(TILES, variant=2),
    "fabm-0004": lambda p: _one_pe(TILES, variant=3),
    "fabm-0005": lambda p: _alone(OVERLAP, variant=0),
    "fabm-0006": lambda p: _alone(OVERLAP, variant=1),
    "fabm-0007": lambda p: _alone(OVERLAP, variant=2),
    "fabm-0008": lambda p: Program("message_layout.csl", {"size": p["words"]}, _until_first_wavelet),
    "fabm-0009": lambda p: Program("message_layout.csl", {"size": p["words"]}, _until_received),
    "fabm-0010": lambda p: _alone(REDUCTION, size=p["elems"]),
}
"""The micro-benchmarks of one study, by point."""


# ---------------------------------------------------------------------------------------------- counting


def _run(mesh: Any, image: Image) -> None:
    functions = [next(e.target for e in program.exports if e.is_function) for program in image.programs]
    ticket = mesh.launch(0, 0, image.width, image.height, functions, [])
    outcome = mesh.run(MOST_CYCLES, [ticket])
    if outcome == "done":  # the function has returned; tasks may go on
        outcome = mesh.run(MOST_CYCLES, [])
    if outcome != "idle":
        raise WafersimError(f"a calibration program ended with '{outcome}': {mesh.fault()}")


def _stamped(mesh: Any, image: Image, less_stamp: bool = False) -> float:
    """Cycles between the time stamps of a PE, as the mean over all PEs."""
    _run(mesh, image)
    cycles = []
    for place, (number, _) in enumerate(image.tiles):
        before, first, last = _stamps(mesh, image, number, place % image.width, place // image.width)
        cycles.append(last - first - less_stamp * (first - before))
    return sum(cycles) / len(cycles)


def _stamps(mesh: Any, image: Image, program: int, x: int, y: int) -> list[int]:
    symbol = next(symbol for symbol in image.programs[program].symbols if symbol.name.rpartition(".")[2] == "stamps")
    words = [int(word) for word in mesh.read(x, y, symbol.address, symbol.words)]
    return [words[at] + (words[at + 1] << 16) + (words[at + 2] << 32) for at in (0, 3, 6)]


def _events(mesh: Any, image: Image) -> list[tuple[int, int, str]]:
    """Cycle, x and text of the events of a run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace"
        mesh.trace(str(path))
        _run(mesh, image)
        mesh.trace("")
        found = (STEP.match(line) for line in path.read_text(encoding="utf-8").splitlines())
        return [(int(m[1]), int(m[2]), m[4]) for m in found if m]


def _first(events: list[tuple[int, int, str]], x: int, pattern: str) -> int:
    return next(cycle for cycle, column, text in events if column == x and re.search(pattern, text))


def _until_first_wavelet(mesh: Any, image: Image) -> float:
    """From the operation that sends to the first wavelet on the link."""
    events = _events(mesh, image)
    return _first(events, 0, "wavelet .* RAMP -> EAST") - _first(events, 0, "@mov32")


def _until_received(mesh: Any, image: Image) -> float:
    """From the operation that sends to the first (and only) instruction of the neighbour's task that has received."""
    events = _events(mesh, image)
    start = next(i for i, event in enumerate(events) if event[1] == 1 and re.search("task .*received", event[2]))
    return _first(events[start:], 1, "end") - _first(events, 0, "@mov32")
