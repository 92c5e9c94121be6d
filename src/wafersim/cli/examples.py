"""`wafersim examples`: runs the command scripts of a checkout of sdk-examples and says what passes.

In: a folder with `commands_*.sh` files somewhere below. Each script runs in a temporary copy of its
folder (the folders around it are linked), with our commands first on PATH. Out: one `Outcome` a script.
Nothing in the checkout is changed.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import wafersim
from wafersim.errors import UsageError

PLACEHOLDER = "%python_sdk_paint"
"""Stands for the host program in the SdkLayout tutorials."""
COMMANDS = ("cslc", "cs_python", "wafersim")
ARCHES = ("wse2", "wse3")
KEPT_OUTPUT = 4000
"""Characters of a script's output that go into the outcome."""


@dataclass(frozen=True, slots=True)
class Script:
    """One command script; `name` is its folder below the checkout."""

    path: Path
    name: str
    arch: str
    """Empty where the file name does not say."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one script did: `result` is pass, fail or timeout."""

    name: str
    script: str
    arch: str
    result: str
    seconds: float
    error: str
    output: str

    @property
    def passed(self) -> bool:
        return self.result == "pass"


@dataclass(frozen=True, slots=True)
class Selection:
    """Resolved options of the command."""

    root: Path
    arch: str = ""
    only: tuple[str, ...] = ()
    jobs: int = 1
    timeout: float = 600.0


def find(selection: Selection) -> list[Script]:
    """The scripts of a checkout, by name; raises `UsageError` where there is none."""
    if not selection.root.is_dir():
        raise UsageError(f"'{selection.root}' is no folder; give the path of a checkout of sdk-examples")
    scripts = []
    for path in sorted(selection.root.rglob("commands*.sh")):
        name = path.parent.relative_to(selection.root).as_posix()
        arch = next((arch for arch in ARCHES if arch in path.stem), "")
        if (not selection.arch or arch in ("", selection.arch)) and _chosen(name, selection.only):
            scripts.append(Script(path, name, arch))
    if not scripts:
        wanted = f" that match {', '.join(selection.only)}" if selection.only else ""
        raise UsageError(f"there are no command scripts{wanted} (commands_*.sh) below '{selection.root}'")
    return scripts


def _chosen(name: str, patterns: tuple[str, ...]) -> bool:
    """A pattern is a part of the name or, with wildcards, all of it."""
    return not patterns or any(pattern in name or fnmatch.fnmatch(name, pattern) for pattern in patterns)


def run_all(scripts: list[Script], selection: Selection, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Run the scripts, several at a time; `report` gets each outcome in the order of `scripts`."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="wafersim-examples-") as folder:
        commands = _commands(Path(folder) / "bin")
        with ThreadPoolExecutor(selection.jobs) as pool:
            jobs = [
                pool.submit(_run, script, selection, Path(folder) / str(number), commands)
                for number, script in enumerate(scripts)
            ]
            try:
                for job in jobs:
                    outcomes.append(job.result())
                    report(outcomes[-1])
            except BaseException:
                for job in jobs:
                    job.cancel()
                raise
    return outcomes


def _commands(folder: Path) -> Path:
    """A folder with our commands, for PATH; they use the interpreter and the package that run now."""
    folder.mkdir()
    package = Path(wafersim.__file__).parents[1]
    for command in COMMANDS:
        module = "wafersim.cli.main" if command == "wafersim" else f"wafersim.cli.{command}"
        path = f'PYTHONPATH="{package}${{PYTHONPATH:+:$PYTHONPATH}}"'
        file = folder / command
        file.write_text(f'#!/bin/sh\n{path} exec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
        file.chmod(0o755)
    return folder


# ------------------------------------------------------------------------------------------- one script


def _run(script: Script, selection: Selection, workspace: Path, commands: Path) -> Outcome:
    folder = _copy(script, selection.root, workspace)
    text = (folder / script.path.name).read_text(encoding="utf-8")
    # The copy's script only: the checkout's one stays as it is.
    (folder / script.path.name).write_text(text.replace(PLACEHOLDER, "cs_python run.py"), encoding="utf-8")
    environment = os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', '')}"}
    start = time.monotonic()
    code, output = _execute(["bash", script.path.name], folder, environment, selection.timeout)
    seconds = time.monotonic() - start
    shutil.rmtree(workspace, ignore_errors=True)
    result = "timeout" if code is None else "pass" if code == 0 else "fail"
    error = f"still running after {selection.timeout:g} s" if code is None else "" if code == 0 else first_error(output)
    return Outcome(script.name, script.path.name, script.arch, result, seconds, error, output[-KEPT_OUTPUT:])


def _copy(script: Script, root: Path, workspace: Path) -> Path:
    """A copy of the script's folder at its place below `workspace`; what lies beside the way to it is linked."""
    source, target = root.resolve(), workspace
    for part in Path(script.name).parts:
        target.mkdir(parents=True)
        for entry in source.iterdir():
            if entry.name not in (part, ".git"):
                (target / entry.name).symlink_to(entry)
        source, target = source / part, target / part
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    return target


def _execute(command: list[str], folder: Path, environment: dict[str, str], timeout: float) -> tuple[int | None, str]:
    """Exit code (None: out of time) and output; the whole process group ends with it."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        log.seek(0)
        return code, log.read().decode(errors="replace")


_FIRST = (
    re.compile(r"^\S.*\berror: .*"),
    re.compile(r"^(?:\S+:\d+: )?[\w.]*(?:Error|Exception)\b.*"),
    re.compile(r"^.*(?:fault|deadlock|not found|No such file).*", re.IGNORECASE),
)


def first_error(output: str) -> str:
    """The line of a failed script's output that says most: a diagnostic, else an exception, else the last."""
    lines = [line for line in output.splitlines() if line.strip()]
    for pattern in _FIRST:
        for index, line in enumerate(lines):
            if pattern.match(line):
                return _with_details(lines, index)
    return lines[-1].strip() if lines else "no output"


def _with_details(lines: list[str], index: int) -> str:
    """An exception whose message starts on the next line gets it."""
    line = lines[index].strip()
    if line.endswith(":") and index + 1 < len(lines):
        return f"{line} {lines[index + 1].strip()}"
    return line


# ---------------------------------------------------------------------------------------------- tables


def row(outcome: Outcome, width: int) -> str:
    """A line of the table."""
    head = f"{outcome.name:{width}}  {outcome.arch or '-':4}  {outcome.result:7}  {outcome.seconds:7.1f} s"
    return head if outcome.passed else f"{head}  {outcome.error[:160]}"


def summary(outcomes: list[Outcome], seconds: float) -> Iterator[str]:
    """The closing lines: counts of scripts and of examples."""
    names = {outcome.name for outcome in outcomes}
    failed = {outcome.name for outcome in outcomes if not outcome.passed}
    passed = sum(outcome.passed for outcome in outcomes)
    yield (
        f"{passed} of {len(outcomes)} scripts pass, {len(names) - len(failed)} of {len(names)} examples, "
        f"in {seconds:.1f} s"
    )
