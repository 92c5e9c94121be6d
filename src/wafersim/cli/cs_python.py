"""The command `cs_python`: runs a host program with the SDK's import names at hand.

    cs_python [-h] SCRIPT [ARGUMENT...]

The script runs as `__main__` in this process, with its own folder first on `sys.path`, as Python does. Errors of the
toolchain end it with their message instead of a traceback through our code; the exit code is 1 then.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

COMPAT = Path(__file__).parents[1] / "cerebras_compat"
"""Holds the package `cerebras`; on the path of host programs only."""
HELP = """usage: cs_python SCRIPT [ARGUMENT...]

Runs the host program SCRIPT on the simulator, with the modules `cerebras.sdk...` of the SDK.
WAFERSIM_MAX_CYCLES bounds the run, WAFERSIM_MACHINE names a preset of the machine table (sim, silicon).
"""


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0 if arguments else 1
    script = Path(arguments[0])
    if not script.is_file():
        print(f"cs_python: error: there is no file '{script}'", file=sys.stderr)
        return 1
    sys.path.insert(0, str(COMPAT))
    sys.path.insert(0, str(script.resolve().parent))
    sys.argv = list(arguments)
    return _run(script)


def _run(script: Path) -> int:
    from wafersim.errors import WafersimError

    try:
        runpy.run_path(str(script), run_name="__main__")
    except WafersimError as error:
        sys.stdout.flush()
        print(f"{_place(error, script)}{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _place(error: BaseException, script: Path) -> str:
    """`file:line: ` of the host program's own line that led to the error."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if Path(file).resolve().parent == script.resolve().parent:
            place = f"{file}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return place


if __name__ == "__main__":
    sys.exit(main())
