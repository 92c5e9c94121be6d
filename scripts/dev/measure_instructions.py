"""Host instructions and cache misses a PE-cycle of the fast engine, in the middle of a benchmark.

In: benchmarks of `wafersim bench` as NAME:SIDE:FIRST:CYCLES, those of its cycles that count. Out: a line each; with
`--functions` also what functions of the engine took, with what they called. Callgrind counts, for one thread and two
runs, up to the first of the cycles and beyond the last, and simulates the caches, so other work on the machine has no
influence. The engine needs symbols: `python scripts/dev/build_engine.py --build-type RelWithDebInfo`.
"""

from __future__ import annotations

import argparse
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from wafersim import bench
from wafersim.runtime import mesh as meshes
from wafersim.runtime.exports import functions_by_program

CASES = ("meshgemm:48:3000:144", "exchange:48:1000:64")
RUN = "wafersim::fast::FastMesh::run*"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    side: int
    first: int
    cycles: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES, metavar="NAME:SIDE:FIRST:CYCLES", help=" ".join(CASES))
    parser.add_argument("--arch", default="wse2", choices=("wse2", "wse3"))
    parser.add_argument("--tile", type=int, default=3, help="rows and columns of a kernel's tiles")
    parser.add_argument("--cache", type=int, default=1 << 20, help="bytes of the second-level cache that is simulated")
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="the N functions that took most")
    parser.add_argument("--simulate", nargs=3, metavar=("IMAGE", "FIRST", "CYCLES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.simulate:
        simulate(Path(options.simulate[0]), int(options.simulate[1]), int(options.simulate[2]))
        return
    for text in options.cases:
        name, *numbers = text.split(":")
        print(measure(text, Case(name, *map(int, numbers)), options), flush=True)


def simulate(image_file: Path, first: int, cycles: int) -> None:
    """What a process under callgrind does; it does not compile, which would take minutes there."""
    image = pickle.loads(image_file.read_bytes())
    mesh = meshes.make(image, engine="fast", threads=1)
    mesh.launch(0, 0, image.width, image.height, functions_by_program(image, "main"), [])
    mesh.run(first, [])
    mesh.run(cycles, [])


def measure(text: str, case: Case, options: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as folder:
        plan = bench.Plan(rounds=30_000, tile=options.tile, arch=options.arch)
        image = Path(folder) / "image"
        image.write_bytes(pickle.dumps(bench.compiled(case.name, case.side, case.side, plan)))
        before, after = (counted(image, case.first, n, options) for n in (0, case.cycles))
    pe_cycles = case.side * case.side * case.cycles
    event = {key: (after.events[key] - before.events[key]) / pe_cycles for key in after.events}
    lines = [
        f"{text} {options.arch}: {event['Ir']:.0f} instructions a PE-cycle, misses of the first-level cache "
        f"{event['D1mr'] + event['D1mw']:.2f}, of the second-level cache {event['DLmr'] + event['DLmw']:.2f}"
    ]
    taken = Counter(after.functions)
    taken.subtract(before.functions)
    lines += [f"{n / pe_cycles:10.1f}  {function}" for function, n in taken.most_common(options.functions)]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Counts:
    events: dict[str, int]
    functions: Counter[str]


def counted(image: Path, first: int, cycles: int, options: argparse.Namespace) -> Counts:
    out = image.with_name(f"counts-{cycles}")
    caches = (f"--D1={1 << 16},8,64", f"--I1={1 << 16},8,64", f"--LL={options.cache},16,64")
    collect = ("--tool=callgrind", f"--callgrind-out-file={out}", f"--toggle-collect={RUN}", "--cache-sim=yes", *caches)
    script = (sys.executable, __file__, "--simulate", str(image), str(first), str(cycles))
    done = subprocess.run(["valgrind", *collect, *script], capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(f"callgrind failed\n{done.stderr[-2000:]}")
    lines = {line.split(":")[0]: line.split()[1:] for line in out.read_text().splitlines() if ":" in line}
    events = dict(zip(lines["events"], map(int, lines["totals"]), strict=True))
    if not events["Ir"]:
        raise SystemExit(f"no {RUN} is known: the engine has no symbols, or FIRST is beyond the end")
    return Counts(events, functions_of(out) if options.functions else Counter())


def functions_of(out: Path) -> Counter[str]:
    """By function: instructions with those of what it called."""
    annotate = ("callgrind_annotate", "--inclusive=yes", "--show=Ir", "--threshold=100", str(out))
    text = subprocess.run(annotate, capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^\s*([\d,]+) \(.{5,6}%\)  \S*:(wafersim::.*?)(?: \[.*\])?$", text, flags=re.MULTILINE)
    taken: Counter[str] = Counter()
    for count, function in rows:
        taken[function] = max(taken[function], int(count.replace(",", "")))
    return taken


if __name__ == "__main__":
    main()
