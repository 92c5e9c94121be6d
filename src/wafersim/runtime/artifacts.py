"""`SdkCompileArtifacts`: a compiled program on disk, with what only `SdkLayout` programs have.

    out/                the image (`wafersim.image`)
    out/ports.json      host streams: name -> where and with which color they cross the edge of the fabric
    out/symbols.npz     initial values of symbols, set by `CodeRegion.set_symbol_all`
    out/colors.json     physical values of symbolic colors (for people)
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from wafersim.ir.program import Dir
from wafersim.runtime.errors import SdkError

PORTS = "ports.json"
SYMBOLS = "symbols.npz"
COLORS = "colors.json"


@dataclass(frozen=True, slots=True)
class HostPort:
    """A stream between host and fabric: link `side` of the router at (x, y), off the fabric's edge."""

    name: str
    x: int
    y: int
    side: Dir
    color: int
    to_device: bool
    size: int = 0
    """Wavelets the port was declared for."""


@dataclass
class SdkCompileArtifacts:
    """The folder of a compiled program and its ports."""

    path: str
    ports: dict[str, HostPort] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = str(self.path)
        file = Path(self.path) / PORTS
        if not self.ports and file.is_file():
            self.add_port_mapping(str(file))

    def add_port_mapping(self, file: str) -> SdkCompileArtifacts:
        """Add the ports of a `ports.json`; returns itself."""
        self.ports |= read_ports(Path(file))
        return self


def write_ports(path: Path, ports: dict[str, HostPort]) -> None:
    rows = [asdict(port) | {"side": port.side.name} for port in ports.values()]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def read_ports(path: Path) -> dict[str, HostPort]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        ports = [HostPort(**(row | {"side": Dir[row["side"]]})) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SdkError(f"cannot read the port map '{path}': {error}") from error
    return {port.name: port for port in ports}


def read_symbols(path: Path) -> Iterator[tuple[int, int, str, np.ndarray]]:
    """Initial values: x, y, name of the symbol, its words."""
    try:
        with np.load(path, allow_pickle=False) as values:
            content = {key: np.asarray(values[key], dtype=np.uint16) for key in values.files}
        places = [(key, *key.split(",", 2)) for key in content]
        found = [(int(x), int(y), name, content[key]) for key, x, y, name in places]
    except (OSError, ValueError, TypeError, LookupError, EOFError, RuntimeError, zipfile.error, zlib.error) as error:
        raise SdkError(f"'{path}' is damaged: {error}; recompile") from error
    yield from found


def write_text(path: str, text: str, what: str) -> None:
    """Write a result of a run."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SdkError(f"cannot write the {what} to '{path}': {error.strerror or error}") from error
