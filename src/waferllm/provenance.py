"""Where a number comes from: versions and hashes go out, nothing goes in but the state of this installation."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

import wafersim
from waferllm.artifacts import data_hash, file_hash
from wafersim import machine

SOURCE = Path(__file__).parent


def machine_hash(arch: str) -> str:
    """SHA-256 of the settings of a machine table."""
    table = machine.load(arch, os.environ.get("WAFERSIM_MACHINE") or machine.DEFAULT_PRESET)
    return data_hash({"arch": arch, "preset": table.preset, "settings": table.settings})


@functools.cache
def commit() -> str:
    """Commit of the checkout that this package lies in, with '+' if files are changed; 'unknown' without git."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    return head + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", "src", "kernels_csl") else "")


@functools.cache
def engine_build() -> str:
    """First digits of the SHA-256 of the simulator's native module; 'none' if it is not built."""
    package = Path(wafersim.__file__).parent
    built = sorted(package.glob("_engine*.so")) + sorted(package.glob("_engine*.pyd"))
    return file_hash(built[0])[:12] if built else "none"


def of_run(arch: str) -> dict[str, Any]:
    """What every record of a run tells."""
    return {
        "commit": commit(),
        "wafersim": wafersim.__version__,
        "engine_build": engine_build(),
        "machine_table": machine_hash(arch),
        "numpy": np.__version__,
    }


def _git(*words: str) -> str | None:
    try:
        result = subprocess.run(["git", *words], cwd=SOURCE, capture_output=True, text=True)
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None
