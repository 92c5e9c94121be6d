"""Frame of scripts/<rule>.py: the command line of a job → a call of its stage.

All that a job prints, its toolchain included, goes into its log; what went wrong is told on the terminal too. Errors
that are the user's to mend come without a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from waferllm import locks
from waferllm.backends import Backend, backend_of
from waferllm.errors import WaferllmError
from waferllm.experiments import Experiment, find, load_experiments


def run(stage: Callable[[argparse.Namespace], object], parser: argparse.ArgumentParser) -> None:
    """Runs a stage with the options of the command line; ends the process."""
    options = parser.parse_args()
    locks.join()
    name = " ".join(filter(None, [Path(sys.argv[0]).stem, getattr(options, "experiment", "")]))
    problem = ""
    with output_to(options.log) if options.log else contextlib.nullcontext():
        try:
            stage(options)
        except WaferllmError as error:
            problem = f"error: {name}: {error}"
            print(problem, file=sys.stderr)
        except Exception as error:
            traceback.print_exc()
            problem = f"error: {name}: {type(error).__name__}: {error}"
    if problem and options.log:
        print(f"{problem}\n(log: {options.log})", file=sys.stderr)
    sys.exit(bool(problem))


@contextlib.contextmanager
def output_to(path: str) -> Iterator[None]:
    """Standard output and error of this process and its children go into a file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    saved = [os.dup(1), os.dup(2)]
    with open(path, "w", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in enumerate(saved, 1):
                os.dup2(copy, descriptor)
                os.close(copy)


# ---------------------------------------------------------------------------------------------- command lines


def parser(text: str | None, *files: str) -> argparse.ArgumentParser:
    """Options for files, all of them needed but the log."""
    made = argparse.ArgumentParser(description=text)
    for name in files:
        made.add_argument(name, required=True, metavar="PATH")
    made.add_argument("--log", metavar="PATH", help="file for all output (default: the terminal)")
    return made


def experiment_parser(text: str | None, *files: str) -> argparse.ArgumentParser:
    made = parser(text, "--experiments", *files)
    made.add_argument("--experiment", required=True, metavar="ID", help="a row of the experiments table")
    return made


def toolchain_parser(text: str | None, *files: str) -> argparse.ArgumentParser:
    made = experiment_parser(text, "--kernels", *files)
    made.add_argument("--backend", required=True)
    made.add_argument("--folder", help="sdk: where cslc and cs_python are (default: on PATH)")
    made.add_argument("--cmaddr", default="", metavar="ADDRESS", help="sdk: run on this machine")
    made.add_argument("--machine", action="store_true", help="appliance: run on a machine, not on its simulator")
    made.add_argument("--preset", help="wafersim: preset of the machine table")
    made.add_argument("--max-cycles", help="wafersim: most cycles of a run")
    return made


def experiment_of(options: argparse.Namespace) -> Experiment:
    return find(load_experiments(options.experiments), options.experiment)


def toolchain_of(options: argparse.Namespace) -> Backend:
    """The backend; what our own commands read from the environment is set there."""
    given = {"WAFERSIM_MACHINE": options.preset, "WAFERSIM_MAX_CYCLES": options.max_cycles}
    os.environ.update({name: value for name, value in given.items() if value})
    os.environ["WAFERSIM_PROGRESS"] = "log"
    return backend_of(options.backend, options.folder, machine=options.machine or bool(options.cmaddr))
