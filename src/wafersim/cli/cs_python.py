"""The command `cs_python`: runs a host program with the SDK's import names at hand.

    cs_python [--max-cycles N] [--strict] [--threads N] SCRIPT [ARGUMENT...]
    cs_python [--max-cycles N] [--strict] [--threads N] -m MODULE [ARGUMENT...]
    cs_python [--max-cycles N] [--strict] [--threads N] -c CODE [ARGUMENT...]

The program runs as `__main__` in this process, with its own folder first on `sys.path`, as Python does. Errors of the
toolchain end it with their message instead of a traceback through our code; the exit code is 1 then. Other options
are Python's: they start an interpreter that has them.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

COMPAT = Path(__file__).parents[1] / "cerebras_compat"
"""Holds the package `cerebras`; on the path of host programs only."""
LIMIT, STRICT, ENGINE, THREADS = "--max-cycles", "--strict", "--engine", "--threads"
NUMBERS = {LIMIT: ("WAFERSIM_MAX_CYCLES", "cycles"), THREADS: ("WAFERSIM_THREADS", "threads")}
"""Options with a number: the variable that the runtime reads, and what is counted."""
ENGINES = ("reference", "fast", "both")
HELP = """usage: cs_python [--max-cycles N] [--strict] [--engine E] [--threads N] [PYTHON OPTION...]
                 (SCRIPT | -m MODULE | -c CODE) [ARGUMENT...]

Runs a host program on the simulator, with the modules `cerebras.sdk...` of the SDK.

  --max-cycles N   end with an error after N simulated cycles (also: WAFERSIM_MAX_CYCLES)
  --strict         a DSD operation that runs out of its variable is an error, not a warning (also: WAFERSIM_STRICT=1)
  --engine E       fast (default) or reference: the same results; both: runs and compares both (also: WAFERSIM_ENGINE)
  --threads N      work with N threads (also: WAFERSIM_THREADS); the results are the same for any number.
                   Default: the cores that the process may use; one for meshes of less than 4096 PEs
  --version        print the version

Other options before the program are handed to Python. Environment: WAFERSIM_MACHINE names a preset of the
machine table (sim, silicon), WAFERSIM_PROGRESS=0 switches the progress line off, WAFERSIM_LOG names the file for
output of <simprint> (sim.log).
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit code (a host program may also raise SystemExit)."""
    rest = list(sys.argv[1:] if arguments is None else arguments)
    if rest[:1] in (["-h"], ["--help"]):
        print(HELP, end="")
        return 0
    if rest[:1] in (["-V"], ["--version"]):
        return _version()
    rest = _take_options(rest)
    if rest is None:
        return 2
    # Programs that the host program starts with the same interpreter see the SDK's names too.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(COMPAT), os.environ.get("PYTHONPATH", "")]))
    if not rest or (rest[0].startswith("-") and rest[0] not in ("-m", "-c")):
        return _interpreter(rest)
    sys.path.insert(0, str(COMPAT))
    if rest[0] in ("-m", "-c"):
        if len(rest) < 2:
            print(f"cs_python: error: {rest[0]} needs an argument", file=sys.stderr)
            return 2
        return _module(rest[1:]) if rest[0] == "-m" else _code(rest[1:])
    return _script(rest)


def _version() -> int:
    from wafersim import __version__

    print(f"cs_python (wafersim {__version__}), Python {sys.version.split()[0]}")
    return 0


def _take_options(rest: list[str]) -> list[str] | None:
    """The arguments without our own options, which become the variables that the runtime reads."""
    while rest and (rest[0] == STRICT or rest[0].partition("=")[0] in (LIMIT, ENGINE, THREADS)):
        word = rest.pop(0)
        if word == STRICT:
            os.environ["WAFERSIM_STRICT"] = "1"
            continue
        name, _, value = word.partition("=")
        if "=" not in word:
            value = rest.pop(0) if rest else ""
        problem = _set_option(name, value)
        if problem:
            print(f"cs_python: error: {name} {problem}, got '{value}'", file=sys.stderr)
            return None
    return rest


def _set_option(name: str, value: str) -> str:
    """Sets the variable behind an option; what is wrong with the value, if anything."""
    if name == ENGINE:
        if value not in ENGINES:
            return f"needs one of {', '.join(ENGINES)}"
        os.environ["WAFERSIM_ENGINE"] = value
        return ""
    variable, unit = NUMBERS[name]
    if not value.isdecimal():
        return f"needs a number of {unit}"
    os.environ[variable] = value
    return ""


# -------------------------------------------------------------------------------------- kinds of programs


def _script(arguments: list[str]) -> int:
    script = Path(arguments[0])
    if not script.exists():
        print(f"cs_python: error: there is no file '{script}'", file=sys.stderr)
        return 2
    sys.path.insert(0, str(script.resolve().parent))
    sys.argv = arguments
    return _guarded(lambda: runpy.run_path(str(script), run_name="__main__"), str(script))


def _module(arguments: list[str]) -> int:
    sys.path.insert(0, os.getcwd())
    sys.argv = arguments
    return _guarded(lambda: runpy.run_module(arguments[0], run_name="__main__", alter_sys=True), None)


def _code(arguments: list[str]) -> int:
    sys.path.insert(0, "")
    sys.argv = ["-c", *arguments[1:]]
    names = {"__name__": "__main__", "__builtins__": __builtins__}
    return _guarded(lambda: exec(compile(arguments[0], "<string>", "exec"), names), "<string>")


def _interpreter(rest: list[str]) -> int:
    """Python with its own options: before a program they start us again, alone they start a prompt."""
    options: list[str] = []
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "-m", "-c"):
        options.append(rest.pop(0))
        if options[-1] in ("-X", "-W", "--check-hash-based-pycs") and rest:
            options.append(rest.pop(0))
    command = [sys.executable, *options, *(["-m", "wafersim.cli.cs_python", *rest] if rest and rest != ["-"] else rest)]
    sys.stdout.flush()
    os.execv(sys.executable, command)


# ------------------------------------------------------------------------------------------------ errors


def _guarded(program: Callable[[], object], file: str | None) -> int:
    """Runs the program; what it raises is reported as is fit for its kind."""
    from wafersim.errors import WafersimError

    try:
        program()
    except WafersimError as error:
        sys.stdout.flush()
        print(f"{_place(error, file)}{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cs_python: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        sys.stdout.flush()
        traceback.print_exception(type(error), error, _own(error.__traceback__))
        return 1
    return 0


def _own(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames that started the program."""
    inner = trace
    while inner is not None and _is_starter(inner.tb_frame.f_code.co_filename):
        inner = inner.tb_next
    return inner or trace


def _is_starter(file: str) -> bool:
    return file == __file__ or file == runpy.__file__ or file.startswith("<frozen")


def _place(error: BaseException, script: str | None) -> str:
    """`file:line: ` of the host program's own line that led to the error."""
    folder = Path(script).resolve().parent if script else Path.cwd()
    place = ""
    trace = _own(error.__traceback__)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == script or Path(file).resolve().parent == folder:
            place = f"{file}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return place


if __name__ == "__main__":
    sys.exit(main())
