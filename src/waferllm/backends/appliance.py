"""The backend `appliance`: the vendor's client package cerebras-sdk compiles and runs on a machine of the vendor's
cluster.

In: the folder of the kernels and files of tiles. Out: the compiled artifact (a .tar.gz in the program's folder) and the
outputs that the host program wrote there. The package is asked for when it is used first, not when this module is read.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waferllm.errors import BackendError, CommandError

PACKAGE, CLIENT = "cerebras-sdk", "cerebras.sdk.client"
PROGRAM = "out"
"""Folder of the program inside an artifact."""
OUTPUTS = "outputs.npz"
SHARED = "lib"
"""Folder beside the kernels with what they share."""


def _client() -> Any:
    try:
        return importlib.import_module(CLIENT)
    except ImportError as error:
        raise BackendError(f"backend 'appliance': {error}; install the package {PACKAGE} (2.10)") from error


@dataclass(frozen=True)
class Appliance:
    """`simulator`: run on the vendor's simulator in the cluster instead of a machine."""

    simulator: bool = False
    client: Callable[[], Any] = _client

    name = "appliance"

    @property
    def whole_fabric(self) -> bool:
        return not self.simulator

    def compile(self, layout: Path, options: Sequence[str], out: Path) -> None:
        root = _kernels_root(layout)
        client = self.client()
        out.mkdir(parents=True, exist_ok=True)
        words = " ".join([*options, "-o", PROGRAM])
        with _told("SdkCompiler.compile"), client.SdkCompiler() as compiler:
            artifact = compiler.compile(str(root), layout.relative_to(root).as_posix(), words, str(out))
        print(f"artifact {artifact}", flush=True)

    def run(self, script: Path, program: Path, tiles: Path, outputs: Path, address: str = "") -> None:
        """`address` is not used: the cluster chooses the machine."""
        client, artifact = self.client(), str(_artifact(program))
        words = ["cs_python", script.name, "--name", PROGRAM, "--tiles", tiles.name, "--out", OUTPUTS]
        words += [] if self.simulator else ["--cmaddr", "%CMADDR%"]
        with _told("SdkLauncher"), client.SdkLauncher(artifact, simulator=self.simulator) as launcher:
            for path in (script, *sorted((_kernels_root(script) / SHARED).glob("*.py")), tiles):
                launcher.stage(str(path))
            print(launcher.run(" ".join(words)), flush=True)
            launcher.download_artifact(OUTPUTS, str(outputs))

    def toolchain(self) -> dict[str, str]:
        try:
            version = importlib.metadata.version(PACKAGE)
        except importlib.metadata.PackageNotFoundError:
            version = "unknown"
        return {"backend": self.name, "version": f"{PACKAGE} {version}"}


class _told:
    """Errors of the client leave with the name of the call."""

    def __init__(self, call: str):
        self.call = call

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise CommandError(f"appliance: {self.call} failed: {type(error).__name__}: {error}") from error


def _kernels_root(path: Path) -> Path:
    """The folder above that has the shared library: kernels import from it, so it is compiled as a whole."""
    for folder in path.parents:
        if (folder / SHARED).is_dir():
            return folder
    raise BackendError(f"{path}: no folder above it has a '{SHARED}'")


def _artifact(program: Path) -> Path:
    found = sorted(program.glob("*.tar.gz"))
    if len(found) != 1:
        raise BackendError(f"{program}: expected one artifact of the appliance (*.tar.gz), found {len(found)}")
    return found[0]
