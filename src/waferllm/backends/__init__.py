"""Backends: a name and a few options go in, something that compiles layouts and runs host programs comes out.

    wafersim   our own commands, of the Python environment that runs this
    sdk        the vendor's `cslc` and `cs_python`, on PATH or in a folder
    appliance  the vendor's client package cerebras-sdk (`appliance.py`)
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from waferllm.backends.appliance import Appliance
from waferllm.backends.commands import Commands
from waferllm.errors import BackendError

BACKENDS = ("wafersim", "sdk", "appliance")


class Backend(Protocol):
    """What the stages ask of a backend."""

    @property
    def name(self) -> str: ...

    @property
    def whole_fabric(self) -> bool:
        """Whether programs have to be compiled for the fabric of a machine, not for one as small as possible."""
        ...

    def compile(self, layout: Path, options: Sequence[str], out: Path) -> None:
        """Compiles `layout` into the folder `out`."""
        ...

    def run(self, script: Path, program: Path, tiles: Path, outputs: Path, address: str = "") -> None:
        """Runs the host program `script` on the compiled `program`; it writes `outputs`."""
        ...

    def toolchain(self) -> dict[str, str]:
        """Name and version, for the records."""
        ...


def backend_of(name: str, folder: str | Path | None = None, machine: bool = False) -> Backend:
    """The backend called `name`; `folder`: where the commands of `sdk` are, else they are looked up on PATH.

    `machine`: run on a machine, not on the vendor's simulator (sdk and appliance).
    """
    if name == "wafersim":
        python = (sys.executable, "-m")
        return Commands(name, (*python, "wafersim.cli.cslc"), (*python, "wafersim.cli.cs_python"))
    if name == "sdk":
        return Commands(name, (_command("cslc", folder),), (_command("cs_python", folder),), machine)
    if name == "appliance":
        return Appliance(simulator=not machine)
    raise BackendError(f"unknown backend '{name}', expected one of: {', '.join(BACKENDS)}")


def _command(name: str, folder: str | Path | None) -> str:
    found = shutil.which(name, path=str(folder) if folder else None)
    if found is None:
        place = f"the folder '{folder}'" if folder else "PATH"
        raise BackendError(f"backend 'sdk': no command '{name}' in {place}; set the SDK's folder in the configuration")
    return found
