"""A running mesh under the host API: transfers go in, finished transfers and errors come out.

The host link keeps the order of the host program: a command (launch, copy) is handed to the mesh once
every stream to the device that was started before it has left the host; streams from the device and
ports are started at once. Nothing runs in the background: the mesh advances only inside `wait`,
`poll` and `settle`.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

from wafersim.ir.program import Image
from wafersim.runtime import report
from wafersim.runtime.errors import CycleLimitError, DeadlockError, FaultError, SdkError
from wafersim.runtime.settings import RunSettings, settle_cycles

FIRST_SLICE = 1_000
SHORTEST_SLICE = 128
"""Some windows of the fast engine: each call of the engine looks at all PEs, and a window that is cut short loads their
state from memory for fewer cycles."""
LONGEST_SLICE = 1_000_000
SLICE_SECONDS = 0.2
"""Time a call of the engine should take: short enough for Ctrl-C and the progress line, long enough to cost nothing.
Where a run is cut changes nothing in its results."""
PROGRESS_SECONDS = {"line": 0.5, "log": 60.0}
POLL_CYCLES = 20_000
"""Cycles that one `is_task_done` lets pass; fixed, so that runs of polling hosts are reproducible."""


@dataclass(eq=False)
class Transfer:
    """One command, stream or port transfer.

    `start` hands it to the mesh and gives a ticket; `finish` gets the result when it is complete.
    """

    name: str
    start: Callable[[], int]
    finish: Callable[[np.ndarray | None], None] | None = None
    waits: bool = False
    """Stays behind earlier streams to the device."""
    blocks: bool = False
    """Keeps later transfers that wait behind itself until it is complete."""
    copies: bool = False
    """A copy to symbols: streams to the device started after it do not overtake it."""
    immediate: bool = False
    """Overtakes what is queued: streams from the device must be taken for others to go on."""
    ticket: int | None = None
    done: bool = False


@dataclass
class Device:
    """A mesh with its queue of transfers. `mesh` is a `wafersim._engine.Mesh` or a stand-in for tests."""

    mesh: Any
    image: Image
    settings: RunSettings
    failed: bool = False
    _queue: deque[Transfer] = field(default_factory=deque)
    _open: list[Transfer] = field(default_factory=list)
    _log: Any = None
    _next_shown: float = 0.0
    _log_lost: bool = False
    _warned: int = 0
    _slice: int = FIRST_SLICE

    # ------------------------------------------------------------------------------------- transfers

    def submit(self, transfer: Transfer) -> Transfer:
        """Queue a transfer and start what may start."""
        if transfer.immediate:
            self._start(transfer)
        else:
            self._queue.append(transfer)
            self._start_ready()
        return transfer

    def wait(self, transfer: Transfer) -> None:
        """Run until `transfer` is complete."""
        while not transfer.done:
            self._start_ready()
            if transfer.ticket is None:
                targets = [other for other in self._open if other.blocks or other.copies]
            else:
                targets = [transfer]
            self._advance(targets, wanted=transfer)

    def wait_all(self) -> None:
        while self._queue or self._open:
            self.wait(self._open[0] if self._open else self._queue[0])

    def poll(self, transfer: Transfer) -> bool:
        """Run a slice if `transfer` is not complete; a host that only polls still makes progress."""
        if not transfer.done:
            self._start_ready()
            ahead = [other for other in self._open if other.blocks or other.copies]
            pending = [transfer] if transfer.ticket is not None else ahead
            self._advance(pending, wanted=transfer, cycles=POLL_CYCLES)
        return transfer.done

    def settle(self) -> str:
        """Run until nothing moves any more, within the bounds of the settings."""
        end = self.mesh.cycle + settle_cycles(self.settings, self.image.memcpy)
        if self.settings.max_cycles:
            end = min(end, self.settings.max_cycles)
        status = "budget"
        while status == "budget" and self.mesh.cycle < end:
            status = self._run(end - self.mesh.cycle, [])
            if status == "fault":
                self._fail(FaultError(report.fault(self.mesh.fault(), self.image)))
        return status

    def close(self) -> None:
        """Close the log and clear the progress line; the memory stays readable."""
        self._drain_log()
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._next_shown and self.settings.progress == "line":
            sys.stderr.write("\r\x1b[K")
            self._next_shown = 0.0

    # -------------------------------------------------------------------------------------- advancing

    def _start_ready(self) -> None:
        while self._queue:
            head = self._queue[0]
            if head.waits and any(other.blocks for other in self._open):
                return
            if head.blocks and any(other.copies for other in self._open):
                return
            self._start(self._queue.popleft())

    def _start(self, transfer: Transfer) -> None:
        transfer.ticket = transfer.start()
        self._open.append(transfer)

    def _advance(self, targets: list[Transfer], wanted: Transfer, cycles: int | None = None) -> None:
        """One slice of simulation (or `cycles`). Raises where `wanted` can no longer complete."""
        tickets = [target.ticket for target in targets if target.ticket is not None]
        left = self._cycles_left()
        status = self._run(left, tickets) if cycles is None else self.mesh.run(min(cycles, left), tickets)
        self._drain_log()
        if status == "fault":
            self._fail(FaultError(report.fault(self.mesh.fault(), self.image)))
        progress = self._collect()
        if status in ("idle", "deadlock") and not wanted.done and not progress:
            text = report.deadlock(self.mesh.deadlock(), self.image, wanted.name, self.mesh.cycle)
            self._fail(DeadlockError(text))

    def _run(self, most: int, tickets: list[int]) -> str:
        """One call of the engine, of a length that keeps the host responsive."""
        start = time.monotonic()
        status = self.mesh.run(min(self._slice, most), tickets)
        if status == "budget":
            seconds = time.monotonic() - start
            factor = 2 if seconds < SLICE_SECONDS / 2 else 0.5 if seconds > 2 * SLICE_SECONDS else 1
            self._slice = max(SHORTEST_SLICE, min(LONGEST_SLICE, int(self._slice * factor)))
        self._observe()
        return status

    def _cycles_left(self) -> int:
        limit = self.settings.max_cycles
        if not limit:
            return LONGEST_SLICE
        left = limit - self.mesh.cycle
        if left <= 0:
            names = [transfer.name for transfer in self._open]
            self._fail(CycleLimitError(report.limit(limit, names, self.mesh.deadlock() or {})))
        return left

    def _collect(self) -> bool:
        """Finish the transfers that are complete, in the order they were started."""
        finished = [transfer for transfer in self._open if self.mesh.done(transfer.ticket)]
        self._open = [transfer for transfer in self._open if transfer not in finished]
        for transfer in finished:
            transfer.done = True
            if transfer.finish is not None:
                transfer.finish(self.mesh.result(transfer.ticket))
        return bool(finished)

    def _fail(self, error: Exception) -> None:
        """Drop what is pending, so that nothing is left running, and raise."""
        self.failed = True
        self._queue.clear()
        self._open.clear()
        self.close()
        raise error

    # ---------------------------------------------------------------------------------------- outputs

    def _observe(self) -> None:
        self._drain_log()
        if self.settings.progress == "off" or time.monotonic() < self._next_shown:
            return
        self._next_shown = time.monotonic() + PROGRESS_SECONDS[self.settings.progress]
        text = f"cycle {self.mesh.cycle:,}  {self.mesh.stats().get('active_pes', '?')} PEs active"
        sys.stderr.write(f"\r{text}\x1b[K" if self.settings.progress == "line" else f"{text}\n")
        sys.stderr.flush()

    def _drain_log(self) -> None:
        self._warn()
        lines = self.mesh.log()
        if not self.settings.log_path or self._log_lost:
            return
        if self._log is None:
            self._log_lost = True  # it is told once
            self._log = _open_log(self.settings.log_path)
            self._log_lost = False
        for cycle, _x, _y, text in lines:
            self._log.write(f"@{cycle} {text}\n" if not text.endswith("\n") else f"@{cycle} {text}")
        if lines:
            self._log.flush()

    def _warn(self) -> None:
        """Print the warnings that are new."""
        found = self.mesh.warnings()
        for finding in found[self._warned :]:
            print(report.warning(finding, self.image), file=sys.stderr)
        self._warned = len(found)


def _open_log(path: str) -> IO[str]:
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise SdkError(f"cannot write the log '{path}': {reason}; WAFERSIM_LOG names another place") from error
