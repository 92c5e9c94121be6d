"""`wafersim bench`: how fast the simulator is, measured by programs that are always the same.

In: names of benchmarks, sizes, engines. Out: one `Measurement` each: PE-cycles, wavelet moves and operations a second,
bytes a PE, seconds to compile and to load. Times are CPU seconds of this process; compare ratios of runs made together,
as machines that do other work as well drift.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wafersim import driver
from wafersim.errors import UsageError
from wafersim.ir.program import Image
from wafersim.settings import CompileSettings

LAYOUT = Path(__file__).parent / "layout.csl"
KINDS = {"exchange": 0, "reduce": 1, "broadcast": 2, "compute": 3, "idle": 4}
MEANINGS = {
    "exchange": "every PE sends to its neighbour and receives from the other one, all the time",
    "reduce": "all-reduce along rows",
    "broadcast": "the first PE of a row sends to all others",
    "compute": "multiply-adds and scalar code, no communication",
    "idle": "an exchange in the first row, everybody else has nothing to do",
}


@dataclass(frozen=True, slots=True)
class Measurement:
    name: str
    engine: str
    width: int
    height: int
    cycles: int
    pe_cycles_per_second: float
    moves_per_second: float
    instructions_per_second: float
    elements_per_second: float
    run_seconds: float
    compile_seconds: float
    load_seconds: float
    bytes_per_pe: int
    """Growth of the process by loading and running, program memory that was touched included."""


def compiled(name: str, width: int, height: int, words: int, rounds: int, arch: str) -> Image:
    if name not in KINDS:
        raise UsageError(f"there is no benchmark '{name}', only: {', '.join(KINDS)}")
    params = {"kind": KINDS[name], "width": width, "height": height, "words": words, "rounds": rounds}
    return driver.compile_image(CompileSettings(LAYOUT, arch=arch, params=params))


def measure(image: Image, name: str, engine: str, most_cycles: int, compile_seconds: float = 0.0) -> Measurement:
    """Run `main` on all PEs for `most_cycles` or until nothing moves."""
    from wafersim.runtime import mesh as meshes

    before, start = _resident_bytes(), time.process_time()
    mesh = meshes.make(image, engine=engine)
    loaded = time.process_time()
    functions = [next(export.target for export in program.exports if export.is_function) for program in image.programs]
    mesh.launch(0, 0, image.width, image.height, functions, [])
    mesh.run(most_cycles, [])
    seconds = max(time.process_time() - loaded, 1e-9)
    stats: dict[str, Any] = mesh.stats()
    tiles = image.width * image.height
    return Measurement(
        name, engine, image.width, image.height, stats["cycles"],
        stats["cycles"] * tiles / seconds,
        stats["wavelet_moves"] / seconds,
        stats["instructions"] / seconds,
        stats["vector_elements"] / seconds,
        seconds, compile_seconds, loaded - start, max(0, _resident_bytes() - before) // tiles,
    )  # fmt: skip


def run(
    names: list[str], sizes: list[tuple[int, int]], engines: list[str], words: int, rounds: int, cycles: int, arch: str
) -> Iterator[Measurement]:
    for name in names:
        for width, height in sizes:
            start = time.process_time()
            image = compiled(name, width, height, words, rounds, arch)
            seconds = time.process_time() - start
            for engine in engines:
                yield measure(image, name, engine, cycles, seconds)


def text(m: Measurement) -> str:
    return (
        f"{m.name:<10} {m.engine:<10} {m.width:>4} x {m.height:<4} {m.cycles:>8} cycles  "
        f"{m.pe_cycles_per_second / 1e6:8.2f} M PE-cycles/s  {m.moves_per_second / 1e6:7.2f} M moves/s  "
        f"{m.instructions_per_second / 1e6:7.2f} M instr/s  {m.bytes_per_pe:>6} B/PE  "
        f"run {m.run_seconds:.2f} s, compile {m.compile_seconds:.2f} s, load {m.load_seconds:.2f} s"
    )


def plain(m: Measurement) -> dict[str, Any]:
    return asdict(m)


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
