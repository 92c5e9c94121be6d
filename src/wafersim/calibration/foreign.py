"""The measured programs themselves, from a checkout that the user has: same points, their code.

Only what the points name is known here: the layout below the checkout, its parameters, what the host launches and where
the time stamps are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wafersim import driver
from wafersim.calibration.measure import MOST_CYCLES
from wafersim.calibration.points import Point
from wafersim.errors import WafersimError
from wafersim.ir import codec
from wafersim.ir.program import Image
from wafersim.settings import CompileSettings


@dataclass(frozen=True, slots=True)
class ForeignProgram:
    layout: Path
    params: dict[str, int]
    launches: tuple[tuple[str, tuple[int, ...]], ...]
    stamps: tuple[str, str]
    divisor: int = 1


def program_of(point: Point, checkout: Path) -> ForeignProgram | None:
    """None where the checkout has no program for the point."""
    source = checkout / point.source.rpartition(", ")[2]
    p = point.params
    if point.series in ("jk", "jkc") and (source / "layout.csl").is_file():
        params = {name: p[name] for name in ("P", "Mt", "Kt", "Nt", "L", "C")}
        first = (("init_task", ()), ("meshgemm_host", (0, 1)))
        timed = (("init_task", ()), ("meshgemm_host", (p["warmup"], p["repeat"])))
        stamps = ("tscStartBuffer", "tscEndBuffer")
        return ForeignProgram(source / "layout.csl", params, first + timed, stamps, p["repeat"])
    if point.series == "lz" and (source / "layout_matvec.csl").is_file():
        params = {"width": 1, "height": 1, "tile_size": p["tile_size"], "iters": p["iters"]}
        return ForeignProgram(
            source / "layout_matvec.csl", params, (("compute", ()),), ("tsc_start_buf", "tsc_end_buf")
        )
    return None


def predicted(point: Point, program: ForeignProgram, settings: dict[str, Any], engine: str = "fast") -> float:
    from wafersim import _engine

    image = driver.compile_image(
        CompileSettings(program.layout, arch=point.arch, params=program.params, fabric_offsets=(4, 1), memcpy=True,
                        channels=1)
    )  # fmt: skip
    mesh = _engine.Mesh(codec.to_plain(image), settings, engine)
    for name, arguments in program.launches:
        functions = [next(e.target for e in one.exports if e.name == name) for one in image.programs]
        ticket = mesh.launch(0, 0, image.width, image.height, functions, list(arguments))
        outcome = mesh.run(MOST_CYCLES, [ticket])
        if outcome == "done":
            outcome = mesh.run(MOST_CYCLES, [])
        if outcome != "idle":
            raise WafersimError(f"{program.layout}: '{name}' ended with '{outcome}': {mesh.fault()}")
    cycles = [_window(mesh, image, place, program.stamps) for place in range(len(image.tiles))]
    return sum(cycles) / len(cycles) / program.divisor


def _window(mesh: Any, image: Image, place: int, stamps: tuple[str, str]) -> int:
    program = image.programs[image.tiles[place][0]]
    times = []
    for name in stamps:
        symbol = next(symbol for symbol in program.symbols if symbol.name == name)
        words = mesh.read(place % image.width, place // image.width, symbol.address, symbol.words)
        times.append(sum(int(word) << 16 * i for i, word in enumerate(words)))
    return times[1] - times[0]
