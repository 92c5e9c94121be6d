"""The command `waferllm`: a kernel or a model at a time, and checks before a long run. The workflow is Snakemake's.

    waferllm kernels                                         the table of kernels
    waferllm run meshgemm --mesh 4x4 --M 16 --K 16 --N 16    inputs to validation of one experiment
    waferllm check-config config/experiments.quick.csv       an experiments table, or a configuration file
    waferllm plan --model smollm2-135m --mesh 96x96          what a model takes of each PE's memory, and where it lies
    waferllm generate "Once upon a time" -n 32               text from a model on the wafer, token by token as it comes
    waferllm generate "Once upon a time" -n 32 --reference   the same with NumPy
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

import yaml

from waferllm import commands
from waferllm.backends import BACKENDS, backend_of
from waferllm.errors import ExperimentError, WaferllmError
from waferllm.experiments import ARCHITECTURES, COLUMNS, Experiment, check, load_experiments, unknown_kernel
from waferllm.kernels import KERNELS, memory_breakdown
from waferllm.pipeline import through

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("M", "K", "N", "acc", "bits", "phases", "axis", "broadcast", "align", "overlap", "seed")
"""Columns of an experiment that `run` takes as options."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0 fine, 1 refused or failed."""
    options = _parser().parse_args(arguments)
    try:
        return options.action(options)
    except WaferllmError as error:
        print(f"waferllm: error: {error}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="waferllm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    kernels = actions.add_parser("kernels", help="the table of kernels", description="Prints the table of kernels.")
    kernels.set_defaults(action=_kernels)
    _add_run(actions.add_parser("run", help="one experiment, from inputs to validation", description=_RUN))
    config = actions.add_parser("check-config", help="check an experiments table or a configuration")
    config.add_argument("file", metavar="FILE", help="experiments table (.csv) or configuration (.yaml)")
    config.set_defaults(action=_check_config)
    commands.add(actions)
    return parser


_RUN = "Makes seeded inputs, cuts them into tiles, compiles, runs, validates; prints cycles, error and verdict."


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kernel", metavar="KERNEL", help=f"one of {', '.join(KERNELS)}")
    parser.add_argument("--mesh", default="4x4", metavar="WxH", help="columns x rows of PEs (4x4)")
    parser.add_argument("--arch", default="wse3", choices=ARCHITECTURES, help="architecture (wse3)")
    for name in OPTIONS:
        column = COLUMNS[name]
        allowed = f": {column.rule()}" if column.allowed else ""
        default = column.default if column.default is not None else 16
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{column.text}{allowed} ({default})")
    parser.add_argument("--backend", default="wafersim", choices=BACKENDS, help="toolchain (wafersim)")
    parser.add_argument("--folder", help="sdk: where its commands are")
    parser.add_argument("--kernels", default=ROOT / "kernels_csl", type=Path, help="folder of the kernels")
    parser.add_argument("--keep", metavar="DIR", help="folder that keeps the files of all stages")
    parser.add_argument("--verbose", action="store_true", help="show what the toolchain prints")
    parser.set_defaults(action=_run)


def _kernels(options: argparse.Namespace) -> int:
    print(f"{'kernel':14} {'family':7} {'colors':>6}  {'folder':24} {'columns'}")
    for kernel in KERNELS.values():
        columns = ", ".join(sorted(kernel.columns))
        print(f"{kernel.name:14} {kernel.family:7} {kernel.colors:6}  {kernel.folder:24} {columns}")
    return 0


def _run(options: argparse.Namespace) -> int:
    experiment = _experiment(options)
    with contextlib.ExitStack() as stack:
        root = options.keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="waferllm-"))
        if not options.verbose:
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        stats, report = through(experiment, backend_of(options.backend, options.folder), root, options.kernels)
    size = f"{experiment.M} x {experiment.K}" + (f" x {experiment.N}" if "N" in _shape(experiment) else "")
    print(f"{experiment.kernel} {size} on {experiment.width} x {experiment.height} PEs of the {experiment.arch}")
    print(f"cycles   {stats['cycles']}")
    for name, stage in stats["stages"].items():
        print(f"  {name:10} done after {stage['last']}, {stage['mean']:.1f} cycles a PE")
    print(f"memory   {sum(memory_breakdown(experiment).values())} bytes a PE (estimate)")
    errors = f"{report.max_error:.3e} at most, {report.mean_error:.3e} mean"
    print(f"error    {errors}, {report.max_of_bound:.3f} of the {report.bound_kind} bound")
    print(f"verdict  {report.verdict}")
    return 0


def _shape(experiment: Experiment) -> str:
    return "MKN" if KERNELS[experiment.kernel].family == "gemm" else "MK"


def _experiment(options: argparse.Namespace) -> Experiment:
    if options.kernel not in KERNELS:
        raise ExperimentError([unknown_kernel(options.kernel)])
    width, height = commands.mesh_of(options.mesh)
    given = {name: getattr(options, name) for name in OPTIONS if getattr(options, name) is not None}
    sizes = {"M": 16, "K": 16, "N": 16 if KERNELS[options.kernel].family == "gemm" else 1}
    experiment = Experiment(
        id=f"{options.kernel}_{options.mesh}", item="check", kernel=options.kernel, arch=options.arch,
        width=width, height=height, **(sizes | given),
    )  # fmt: skip
    problems = _options_problems(given) or check(experiment, "run")
    if problems:
        raise ExperimentError(problems)
    return experiment


def _options_problems(given: dict[str, int]) -> list[str]:
    """Values that the columns of the table do not allow."""
    found = []
    for name, value in given.items():
        column = COLUMNS[name]
        if value not in column.allowed if column.allowed else value < (column.least or 0):
            found.append(f"--{name}: {value} is not allowed, expected {column.rule()}")
    return found


def _check_config(options: argparse.Namespace) -> int:
    if Path(options.file).suffix == ".csv":
        experiments = load_experiments(options.file)
        print(f"{options.file}: {len(experiments)} experiments, no mistakes")
        return 0
    # the models of the configuration need pydantic, which only the workflow asks for
    from waferllm.config import load_settings  # pyright: ignore[reportMissingImports]

    try:
        values = yaml.safe_load(Path(options.file).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise WaferllmError(f"{options.file}: cannot be read: {error}") from error
    experiments = load_experiments(load_settings(values or {}).experiments)
    print(f"{options.file}: no mistakes; {len(experiments)} experiments")
    return 0


if __name__ == "__main__":
    sys.exit(main())
