"""The simulator core (`engine/`). Coordinates are those of the program rectangle, addresses count 16-bit words."""

from typing import Any

import numpy as np

version: str
build_type: str

class ConfigError(ValueError):
    """An image or a machine table that the engine cannot use."""

class AccessError(IndexError):
    """A read or write of memory that does not exist."""

class Mesh:
    """A wafer with a program on it.

    `image` is an `ir.program.Image` as nested dictionaries (`dataclasses.asdict`, or `ir.codec.to_plain` of its parts);
    `machine` is `Machine.settings`; `engine` is `reference` or `fast`. Rectangles are x, y, w, h. Whatever the host
    asks for gives a ticket; the work is done by `run`. Commands (`launch`, `copy_in`, `copy_out`) reach each PE in the
    order in which they were given; lists `*_per_program` have an entry for each program of the image, -1 where PEs
    with that program are left out.
    """

    def __init__(
        self,
        image: dict[str, Any],
        machine: dict[str, Any],
        engine: str = "reference",
        threads: int = 0,
        block: tuple[int, int, int] = (0, 0, 0),
        eager: bool = False,
    ) -> None:
        """`threads` of the fast engine (0: as many as are worth it) share windows of blocks.

        `block`: rows and columns of a block, and cycles of a window; 0s: what suits the host's caches. `eager`: windows
        wherever they are possible, however little there is to do. None of this has an influence on results.
        """
    @property
    def cycle(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    def run(self, max_cycles: int, tickets: list[int]) -> str:
        """Run until all `tickets` are done.

        "done": they are; "idle": nothing can move and no ticket is open; "deadlock": nothing can move and a ticket is
        open; "fault": see `fault`; "budget": `max_cycles` have passed. Without tickets it runs until nothing can move.
        """

    def done(self, ticket: int) -> bool: ...
    def read(self, x: int, y: int, address: int, words: int) -> np.ndarray:
        """Words of 16 bits; zeros where the PE has no program."""

    def write(self, x: int, y: int, address: int, words: np.ndarray) -> None: ...
    def launch(self, x: int, y: int, w: int, h: int, function_per_program: list[int], args: list[int]) -> int:
        """Done when the function has returned on all PEs. `args` are bit patterns."""

    def copy_in(
        self,
        x: int,
        y: int,
        w: int,
        h: int,
        address_per_program: list[int],
        words: int,
        data: np.ndarray,
        indirect: bool = False,
    ) -> int:
        """`data` is uint16 [h, w, words], and must not change until the copy is done.

        `indirect`: the address is that of a pointer, followed when it happens.
        """

    def copy_out(
        self, x: int, y: int, w: int, h: int, address_per_program: list[int], words: int, indirect: bool = False
    ) -> int: ...
    def stream_in(self, x: int, y: int, w: int, h: int, color: int, data: np.ndarray) -> int:
        """`data` is uint32 [h, w, n]. Done when all wavelets have entered the fabric."""

    def stream_out(self, x: int, y: int, w: int, h: int, color: int, n: int) -> int: ...
    def edge_send(self, x: int, y: int, side: int, color: int, data: np.ndarray, controls: list[int] = []) -> int:
        """Wavelets enter at the edge of the fabric; `side` is a number of `ir.program.Dir`."""

    def edge_receive(self, x: int, y: int, side: int, color: int, n: int) -> int: ...
    def result(self, ticket: int) -> np.ndarray:
        """What a copy (uint16) or a stream (uint32) brought out: [h, w, n]. A copy's data are handed over, once."""

    def log(self) -> list[tuple[int, int, int, str]]:
        """Lines printed since the last call: cycle, x, y, text."""

    def fault(self) -> dict[str, Any] | None:
        """x, y, cycle, message, task, function, file, line, col."""

    def warnings(self) -> list[dict[str, Any]]:
        """As `fault`: DSD operations that left their variable while `set_strict(False)`, one a program and place."""

    def set_strict(self, strict: bool) -> None:
        """Whether DSD operations that leave their variable are faults (they are at first) or warnings."""

    def deadlock(self) -> dict[str, Any]:
        """Who waits for what, now.

        "groups", the largest first: count, pes (the first eight), program, reason.
        "wavelets", the oldest first: x, y, color, side, data, control, age, position, why.
        """

    def stats(self) -> dict[str, int]: ...
    def state_bytes(self) -> int:
        """What routers and PEs take on the host, beside the memory of the PEs."""

    def trace(self, path: str, what: str = "") -> None:
        """Write events to `path` from now on (`what`: wavelets,tasks,operations); an empty path stops all traces."""

    def pe_state(self, x: int, y: int) -> dict[str, Any]: ...

def vec_op(name: str, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray: ...
def vec_row(name: str, a: np.ndarray, b: np.ndarray, c: np.ndarray, portable: bool) -> np.ndarray: ...
def scalar_op(name: str, ty: int, a: np.ndarray, b: np.ndarray) -> np.ndarray: ...
def convert(to: int, source: int, a: np.ndarray) -> np.ndarray: ...
