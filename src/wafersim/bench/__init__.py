"""`wafersim bench`: how fast the simulator is, measured by programs that are always the same.

In: names of benchmarks, sizes, engines. Out: one `Measurement` each: PE-cycles, wavelet moves and operations a second,
bytes a PE, seconds to compile and to load. Times are CPU seconds of this process (`wall_seconds`: of the clock on the
wall, which several threads make shorter); compare ratios of runs made together, as machines that do other work as well
drift.

Programs are this package's own, which need no host, and the kernels of a checkout (`kernels_csl`), with memory as it is
before the host has copied anything: cycles do not depend on values.
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
from wafersim.runtime.errors import SdkError
from wafersim.settings import CompileSettings

LAYOUT = Path(__file__).parent / "layout.csl"
KINDS = {"exchange": 0, "reduce": 1, "broadcast": 2, "compute": 3, "idle": 4}
MEANINGS = {
    "exchange": "every PE sends to its neighbour and receives from the other one, all the time",
    "reduce": "all-reduce along rows",
    "broadcast": "the first PE of a row sends to all others",
    "compute": "multiply-adds and scalar code, no communication",
    "idle": "an exchange in the first row, everybody else has nothing to do",
    "meshgemm": "the kernel MeshGEMM from start to end, tiles of `tile` x `tile`, sums in f16",
    "meshgemv": "the kernel MeshGEMV from start to end, tiles of `tile` x `tile` in f16, two phases, with broadcast",
}
KERNELS = Path(__file__).resolve().parents[3] / "kernels_csl"
"""Where a checkout has them; an installed package has none."""


def kernel_params(name: str, width: int, height: int, tile: int) -> dict[str, int]:
    """Parameters of a kernel's layout, all of its switches at their defaults."""
    params = {"width": width, "height": height, "Mt": tile}
    if name == "meshgemm":
        return params | {"Nt": tile, "Ks": tile, "acc": 16}
    return params | {"Kt": tile, "bits": 16}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how large programs and runs are."""

    words: int = 64
    """Of a vector."""
    rounds: int = 1000
    tile: int = 3
    """Rows and columns of a kernel's tiles."""
    cycles: int | None = None
    """To simulate at most; None: 2000, and kernels to their end."""
    arch: str = "wse3"
    kernels: Path = KERNELS
    threads: int = 1
    """Of the fast engine; with several, rates are by the clock on the wall."""

    @property
    def names(self) -> list[str]:
        """Benchmarks that can be run."""
        return [name for name in MEANINGS if name in KINDS or (self.kernels / name / "layout.csl").is_file()]

    def most_cycles(self, name: str) -> int:
        return self.cycles or (2000 if name in KINDS else 1 << 40)


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
    wall_seconds: float
    """Of the run."""
    bytes_per_pe: int
    """Growth of the process by loading and running, program memory that was touched included."""
    state_bytes_per_pe: int
    """What the engine has allocated for a PE and its router, beside the memory of the program."""
    threads: int = 1


def compiled(name: str, width: int, height: int, plan: Plan) -> Image:
    if name not in MEANINGS:
        raise UsageError(f"there is no benchmark '{name}', only: {', '.join(MEANINGS)}")
    if name in KINDS:
        params = {"kind": KINDS[name], "width": width, "height": height, "words": plan.words, "rounds": plan.rounds}
        return driver.compile_image(CompileSettings(LAYOUT, arch=plan.arch, params=params))
    layout = plan.kernels / name / "layout.csl"
    if not layout.is_file():
        raise UsageError(f"benchmark '{name}' needs the kernels of a checkout, there is no '{layout}'; see --kernels")
    params = kernel_params(name, width, height, plan.tile)
    return driver.compile_image(CompileSettings(layout, arch=plan.arch, params=params, memcpy=True, channels=1))


def measure(
    image: Image, name: str, engine: str, most_cycles: int, compile_seconds: float = 0.0, threads: int = 1
) -> Measurement:
    """Run `main` on all PEs for `most_cycles` or until nothing moves."""
    from wafersim.runtime import mesh as meshes
    from wafersim.runtime.exports import functions_by_program

    before, start = _resident_bytes(), time.process_time()
    mesh = meshes.make(image, engine=engine, threads=threads)
    loaded, clock = time.process_time(), time.monotonic()
    mesh.launch(0, 0, image.width, image.height, functions_by_program(image, "main"), [])
    status = mesh.run(most_cycles, [])  # kernels work on after `main` has returned
    if status not in ("done", "idle", "budget"):
        raise SdkError(f"benchmark '{name}' ended with {status}: {mesh.fault() or mesh.deadlock()}")
    seconds, wall = max(time.process_time() - loaded, 1e-9), time.monotonic() - clock
    if threads > 1:
        seconds = wall
    stats: dict[str, Any] = mesh.stats()
    tiles = image.width * image.height
    return Measurement(
        name, engine, image.width, image.height, stats["cycles"],
        stats["cycles"] * tiles / seconds,
        stats["wavelet_moves"] / seconds,
        stats["instructions"] / seconds,
        stats["vector_elements"] / seconds,
        seconds, compile_seconds, loaded - start, wall, max(0, _resident_bytes() - before) // tiles,
        mesh.state_bytes() // tiles, threads,
    )  # fmt: skip


def run(names: list[str], sizes: list[tuple[int, int]], engines: list[str], plan: Plan) -> Iterator[Measurement]:
    for name in names or plan.names:
        for width, height in sizes:
            start = time.process_time()
            image = compiled(name, width, height, plan)
            seconds = time.process_time() - start
            for engine in engines:
                yield measure(image, name, engine, plan.most_cycles(name), seconds, plan.threads)


def text(m: Measurement) -> str:
    return (
        f"{m.name:<10} {m.engine:<10} {m.width:>4} x {m.height:<4} {m.cycles:>8} cycles  "
        f"{m.pe_cycles_per_second / 1e6:8.2f} M PE-cycles/s  {m.moves_per_second / 1e6:7.2f} M moves/s  "
        f"{m.instructions_per_second / 1e6:7.2f} M instr/s  {m.bytes_per_pe:>6} B/PE, {m.state_bytes_per_pe} of state  "
        f"run {m.run_seconds:.2f} s ({m.wall_seconds:.2f} s wall), compile {m.compile_seconds:.2f} s, "
        f"load {m.load_seconds:.2f} s"
    )


def plain(m: Measurement) -> dict[str, Any]:
    return asdict(m)


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
