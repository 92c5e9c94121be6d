"""Settings of a run, read once from the environment when a runtime is made.

    WAFERSIM_MAX_CYCLES     end the run with an error after so many cycles (0: no bound)
    WAFERSIM_SETTLE_CYCLES  how long `stop` lets the device work on after the last command (default: 10 000 for
                            programs with memcpy, which are complete by then, 1 000 000 for SdkLayout ones)
    WAFERSIM_STRICT         1: a DSD operation that runs out of its variable is a fault; else the run goes on with a
                            warning, as hardware goes on
    WAFERSIM_MACHINE        preset of the machine table (`sim`, `silicon`) or path of one
    WAFERSIM_ENGINE         `fast` (default) or `reference`: same results, the second slower; `both` runs both and
                            compares
    WAFERSIM_THREADS        threads of the fast engine (default: as many cores as the process may use, for meshes of
                            less than 4096 PEs one); the results are the same for any number
    WAFERSIM_PROGRESS       0 switches the progress line off, 1 shows it without a terminal, `log` writes a line a
                            minute instead (the workflow's runs)
    WAFERSIM_LOG            where output of `<simprint>` goes (default `sim.log`, empty: nowhere)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wafersim.runtime.errors import SdkError

SETTLE_MEMCPY, SETTLE_LAYOUT = 10_000, 1_000_000
ENGINES = ("reference", "fast", "both")
DEFAULT_ENGINE = "fast"
"""Proven equal: docs/decisions/D11-fast-engine.md."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Resolved settings of one runtime."""

    max_cycles: int = 0
    settle_cycles: int | None = None
    """None: by the kind of program."""
    machine: str = ""
    engine: str = DEFAULT_ENGINE
    threads: int = 0
    """0: as many as are worth it."""
    progress: Literal["off", "line", "log"] = "off"
    """`line`: one that changes; `log`: a new one each minute."""
    log_path: str = "sim.log"
    stats_path: str = "sim_stats.json"
    strict: bool = False


def from_environment(environment: Mapping[str, str] = os.environ) -> RunSettings:
    return RunSettings(
        max_cycles=_number(environment, "WAFERSIM_MAX_CYCLES", 0),
        settle_cycles=_number(environment, "WAFERSIM_SETTLE_CYCLES", None),
        machine=environment.get("WAFERSIM_MACHINE", ""),
        threads=_number(environment, "WAFERSIM_THREADS", 0, "threads"),
        engine=environment.get("WAFERSIM_ENGINE", "") or DEFAULT_ENGINE,
        progress=_progress(environment.get("WAFERSIM_PROGRESS", "")),
        log_path=environment.get("WAFERSIM_LOG", "sim.log"),
        stats_path=environment.get("WAFERSIM_STATS", "sim_stats.json"),
        strict=environment.get("WAFERSIM_STRICT", "") not in ("", "0"),
    )


def settle_cycles(settings: RunSettings, memcpy: bool) -> int:
    """How long a program may work on after its last command."""
    if settings.settle_cycles is not None:
        return settings.settle_cycles
    return SETTLE_MEMCPY if memcpy else SETTLE_LAYOUT


def _progress(text: str) -> Literal["off", "line", "log"]:
    if text == "log":
        return "log"
    return "line" if text == "1" or (text != "0" and sys.stderr.isatty()) else "off"


def _number(environment: Mapping[str, str], name: str, default: Any, what: str = "cycles") -> Any:
    text = environment.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise SdkError(f"{name} must be a number of {what}, got '{text}'")
    return int(text)
