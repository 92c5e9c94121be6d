"""Backends that are a pair of commands, `cslc` and `cs_python`: ours or the vendor's.

In: where the commands are. Out: compiled folders and outputs of host programs. What the commands print goes through
to our own output as it comes; a command that fails raises an error with the command line and the end of what it
printed.
"""

from __future__ import annotations

import collections
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from waferllm.errors import CommandError

LAST_LINES = 30


@dataclass(frozen=True)
class Commands:
    """`cslc` and `cs_python` are the first words of command lines."""

    name: str
    cslc: tuple[str, ...]
    cs_python: tuple[str, ...]
    whole_fabric: bool = False

    def compile(self, layout: Path, options: Sequence[str], out: Path) -> None:
        call([*self.cslc, str(layout), *options, "-o", str(out)])

    def run(self, script: Path, program: Path, tiles: Path, outputs: Path, address: str = "") -> None:
        words = ["--name", str(program), "--tiles", str(tiles), "--out", str(outputs)]
        words += ["--cmaddr", address] if address else []
        notes = {"WAFERSIM_STATS": str(outputs.with_name("sim_stats.json")), "WAFERSIM_LOG": ""}
        call([*self.cs_python, str(script), *words], notes)

    def toolchain(self) -> dict[str, str]:
        """Name and version, for the records."""
        return {"backend": self.name, "version": first_line([*self.cs_python, "--version"])}


def call(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Runs a command, its output going through; raises `CommandError`."""
    last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
    print("$ " + shlex.join(command), flush=True)
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
    except OSError as error:
        raise CommandError(f"cannot run '{command[0]}': {error.strerror}\n  {shlex.join(command)}") from error
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            print(line, end="", flush=True)
            last.append(line.rstrip("\n"))
    if process.returncode:
        told = "\n".join(f"  {line}" for line in last) or "  (it printed nothing)"
        ended = f"exit code {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        raise CommandError(f"command failed with {ended}:\n  {shlex.join(command)}\nend of its output:\n{told}")


def first_line(command: Sequence[str]) -> str:
    """First line that a command prints, or 'unknown'."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (result.stdout or result.stderr).strip().splitlines()
    return lines[0] if lines and result.returncode == 0 else "unknown"
