"""The command `wafersim`: what is neither compiling nor running one program.

wafersim examples PATH   run every command script of a checkout of sdk-examples
wafersim info OUT        describe a compiled folder
wafersim bench           measure how fast the simulator is
wafersim calibrate       run the measured programs again, predicted beside measured cycles
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wafersim import __version__
from wafersim.cli import interrupt
from wafersim.errors import UsageError, WafersimError


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.action is None:
        parser.print_help()
        return 2
    try:
        return options.action(options)
    except WafersimError as error:
        print(f"wafersim: error: {error}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        interrupt.leave("wafersim")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wafersim", description="An open CSL toolchain: compiler and simulator.")
    parser.add_argument("--version", action="version", version=f"wafersim {__version__}")
    parser.set_defaults(action=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    examples = commands.add_parser("examples", help="run a checkout of sdk-examples and tell what passes")
    examples.add_argument("path", type=Path, help="folder with commands_*.sh files somewhere below")
    examples.add_argument("--arch", choices=("wse2", "wse3"), default="", help="only scripts of this architecture")
    examples.add_argument("--only", action="append", default=[], metavar="PATTERN", help="part of a name, or wildcards")
    examples.add_argument("--jobs", "-j", type=int, default=os.cpu_count() or 1, help="scripts at a time")
    examples.add_argument("--timeout", type=float, default=600.0, metavar="SECONDS", help="for each script")
    examples.add_argument("--json", metavar="FILE", help="write the outcomes to FILE as JSON (-: standard output)")
    examples.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the output of scripts that fail")
    examples.set_defaults(action=_examples)
    info = commands.add_parser("info", help="describe a compiled folder")
    info.add_argument("out", help="folder that cslc wrote")
    info.add_argument("--json", action="store_true", help="as JSON")
    info.set_defaults(action=_info)
    _add_bench(commands)
    _add_calibrate(commands)
    return parser


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure how fast the simulator is")
    bench.add_argument("names", nargs="*", metavar="NAME", help="benchmarks; all without a name, see --list")
    bench.add_argument("--list", action="store_true", help="tell what there is")
    bench.add_argument("--size", action="append", type=_size, metavar="WxH", help="PEs; may be repeated (32x32)")
    bench.add_argument("--engine", action="append", choices=("reference", "fast"), help="may be repeated (both)")
    bench.add_argument("--words", type=int, default=64, help="of a vector (%(default)s)")
    bench.add_argument("--rounds", type=int, default=1000, help="of the program (%(default)s)")
    bench.add_argument("--tile", type=int, default=3, help="rows and columns of a kernel's tiles (%(default)s)")
    bench.add_argument("--threads", type=int, default=1, help="of the fast engine (%(default)s)")
    bench.add_argument("--cycles", type=int, help="to simulate at most (2000; kernels: to their end)")
    bench.add_argument("--kernels", type=Path, metavar="DIR", help="folder of the kernels (kernels_csl of a checkout)")
    bench.add_argument("--arch", choices=("wse2", "wse3"), default="wse3")
    bench.add_argument("--json", metavar="FILE", help="write the measurements to FILE as JSON (-: standard output)")
    bench.set_defaults(action=_bench)


def _add_calibrate(commands: Any) -> None:
    calibrate = commands.add_parser(
        "calibrate",
        help="run the measured programs again, predicted beside measured cycles",
        description="Runs programs that do what the calibration points were measured on and compares the cycles.",
    )
    calibrate.add_argument("names", nargs="*", metavar="NAME", help="ids or series of points (all of them)")
    calibrate.add_argument("--engine", choices=("reference", "fast"), default="fast", help="(%(default)s)")
    calibrate.add_argument(
        "--report", type=Path, metavar="FILE", help="replace the marked section of FILE"
    )
    calibrate.add_argument("--json", metavar="FILE", help="write the outcomes to FILE as JSON (-: standard output)")
    calibrate.add_argument(
        "--programs", type=Path, metavar="PATH", help="also run the sources' own programs, from a checkout at PATH"
    )
    calibrate.add_argument(
        "--fit", action="store_true", help="tell how well the points determine the fitted rows (minutes)"
    )
    calibrate.set_defaults(action=_calibrate)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) >= 2 and int(height) >= 1):
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 32x32, with at least 2 columns")
    return int(width), int(height)


def _bench(options: argparse.Namespace) -> int:
    from wafersim import bench

    if options.list:
        for name, meaning in bench.MEANINGS.items():
            print(f"{name:<10} {meaning}")
        return 0
    found = []
    kernels = options.kernels or bench.KERNELS
    plan = bench.Plan(
        options.words, options.rounds, options.tile, options.cycles, options.arch, kernels, options.threads
    )
    engines = options.engine or ["reference", "fast"]
    for measurement in bench.run(options.names, options.size or [(32, 32)], engines, plan):
        found.append(bench.plain(measurement))
        if options.json != "-":
            print(bench.text(measurement), flush=True)
    if options.json:
        _write_json(options.json, {"wafersim": __version__, "measurements": found})
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from wafersim.calibration import fit, foreign, measure, points, report

    chosen = points.select(points.load(), options.names)
    if options.report and len(chosen) < len(points.load()):
        raise UsageError("--report needs all points: name none")
    results, theirs = [], []
    for point in chosen:
        result = report.outcome(point, options.engine)
        results.append(result)
        if options.json != "-":
            print(report.line(result), flush=True)
        program = foreign.program_of(point, options.programs) if options.programs else None
        if program:
            cycles = foreign.predicted(point, program, measure.settings_of(point), options.engine)
            theirs.append(report.Outcome(point, cycles))
            print(f"{'  theirs':<10} {report.line(theirs[-1])[11:]}", flush=True)
    if options.json:
        _write_json(options.json, {"wafersim": __version__, "points": [report.plain(result) for result in results]})
    if options.json != "-":
        print(report.summary(results))
        if options.programs:
            print(f"their own programs, {report.summary(theirs) if theirs else f'none below {options.programs}'}")
    if options.report:
        report.write(options.report, results)
    if options.fit:
        fits = [fit.Fit(arch, chosen) for arch in dict.fromkeys(point.arch for point in chosen)]
        if options.report:
            report.write_fit(options.report, fits)
        else:
            print("".join(map(report.fit_section, fits)))
    return 0


def _info(options: argparse.Namespace) -> int:
    from wafersim import image as images
    from wafersim.cli import info

    image = images.load(options.out)
    if options.json:
        print(json.dumps(info.describe(image), indent=2))
    else:
        print("\n".join(info.lines(image, options.out)))
    return 0


def _examples(options: argparse.Namespace) -> int:
    from wafersim.cli import examples

    if options.jobs < 1 or options.timeout <= 0:
        raise UsageError(f"--jobs and --timeout must be positive, got {options.jobs} and {options.timeout:g}")
    selection = examples.Selection(
        options.path.resolve(), options.arch, tuple(options.only), options.jobs, options.timeout
    )
    scripts = examples.find(selection)
    width = max(len(script.name) for script in scripts)
    table = sys.stderr if options.json == "-" else sys.stdout

    def report(outcome: examples.Outcome) -> None:
        print(examples.row(outcome, width), file=table, flush=True)
        if options.logs and not outcome.passed:
            options.logs.mkdir(parents=True, exist_ok=True)
            name = f"{outcome.name.replace('/', '_')}.{Path(outcome.script).stem}.log"
            (options.logs / name).write_text(outcome.output, encoding="utf-8")

    start = time.monotonic()
    outcomes = examples.run_all(scripts, selection, report)
    seconds = time.monotonic() - start
    for line in examples.summary(outcomes, seconds):
        print(line, file=table)
    if options.json:
        _write_json(options.json, _content(outcomes, seconds))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _content(outcomes: list, seconds: float) -> dict[str, Any]:
    return {
        "wafersim": __version__,
        "passed": sum(outcome.passed for outcome in outcomes),
        "total": len(outcomes),
        "seconds": round(seconds, 1),
        "scripts": [asdict(outcome) for outcome in outcomes],
    }


def _write_json(target: str, content: Any) -> None:
    text = json.dumps(content, indent=2) + "\n"
    if target == "-":
        print(text, end="")
    else:
        Path(target).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
