"""Where a program runs: `SimfabConfig`, `SdkExecutionPlatform` and the functions that make one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from wafersim.runtime.enums import SdkTarget
from wafersim.runtime.errors import SdkError, SdkTypeError

MAX_THREADS = 64


@dataclass
class SimfabConfig:
    """Options of the simulator. Threads and traces change nothing in the results."""

    num_threads: int = 16
    suppress_trace: bool = False
    dump_core: bool = False
    core_path: str | Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.num_threads <= MAX_THREADS:
            raise SdkError(f"num_threads must be between 1 and {MAX_THREADS}, got {self.num_threads}")


@dataclass(frozen=True)
class SdkExecutionPlatform:
    """A simulator of one architecture; made by `get_platform` and `get_simulator`."""

    target: SdkTarget = SdkTarget.WSE3
    config: SimfabConfig = field(default_factory=SimfabConfig)

    def is_simulation(self) -> bool:
        return True

    def is_system(self) -> bool:
        return False


def get_platform(
    addr: str | None = None, config: SimfabConfig | None = None, target: SdkTarget = SdkTarget.WSE3
) -> SdkExecutionPlatform:
    """A simulator where `addr` is empty; there is no way to a system from here."""
    if addr:
        return get_system(addr)
    return get_simulator(config, target)


def get_simulator(config: SimfabConfig | None = None, target: SdkTarget = SdkTarget.WSE3) -> SdkExecutionPlatform:
    if config is not None and not isinstance(config, SimfabConfig):
        raise SdkTypeError(f"config must be a SimfabConfig, got {config!r}")
    try:
        target = SdkTarget(target)
    except ValueError:
        raise SdkError(f"invalid target architecture '{target}'") from None
    return SdkExecutionPlatform(target, config or SimfabConfig())


def get_system(addr: str) -> SdkExecutionPlatform:
    raise SdkError(f"cannot connect to '{addr}': this toolchain has a simulator only; omit the address to use it")
