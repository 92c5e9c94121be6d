"""Build the engine in place: engine/ → src/wafersim/_engine*.so, with the interpreter that runs this script.

Quick when nothing changed. CMake and Ninja are taken from the interpreter's environment (PyPI packages) or PATH.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-type", default="Release", choices=["Release", "RelWithDebInfo", "Debug"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()
    start = time.monotonic()
    build = ROOT / "build" / f"dev-{sysconfig.get_config_var('SOABI') or 'py'}-{options.build_type.lower()}"
    try:
        configure(build, options.build_type, [])
        compile_engine(build, options.jobs)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"== engine built in place ({options.build_type}, {time.monotonic() - start:.1f} s)")
    return 0


class BuildError(Exception):
    """A build step failed; the text has its output."""


def configure(build: Path, build_type: str, options: list[str]) -> None:
    """Run CMake when the build folder is new or belongs to another interpreter; Ninja re-runs it after changes.

    `options` are more of CMake's; they must be the same each time.
    """
    stamp = build / "interpreter.txt"
    if (build / "build.ninja").exists() and stamp.exists() and stamp.read_text() == sys.executable:
        return
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir(parents=True)
    command = [_tool("cmake"), "-S", str(ROOT), "-B", str(build), "-G", "Ninja"]
    command += [f"-DCMAKE_MAKE_PROGRAM={_tool('ninja')}", f"-DPython_EXECUTABLE={sys.executable}"]
    command += [f"-DCMAKE_BUILD_TYPE={build_type}", "-DWAFERSIM_IN_PLACE=ON", *options]
    _run(command, "configure")
    stamp.write_text(sys.executable)


def compile_engine(build: Path, jobs: int) -> None:
    _run([_tool("cmake"), "--build", str(build), "--parallel", str(jobs)], "compile")


def _tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise BuildError(f"error: {name} not found. Install it with: {sys.executable} -m pip install {name}")
    return found


def _run(command: list[str], step: str) -> None:
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    warnings = [line for line in result.stdout.splitlines() if "warning:" in line]
    if result.returncode:
        raise BuildError(f"{result.stdout}\nerror: could not {step} the engine: {' '.join(command)}")
    print("\n".join(warnings), end="\n" if warnings else "")


if __name__ == "__main__":
    sys.exit(main())
