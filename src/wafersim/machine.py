"""Machine tables: an architecture's name goes in, frozen settings come out.

A table (`config/machines/<arch>.yaml`) holds sections of rows; a row has `value`, `unit` and `source`, a key of
the section `sources`.
`presets` of a table replace values by dotted name. The settings are a plain nested dictionary of
numbers and lists of numbers, which the engine is given unchanged; the compiler asks for rows by name.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wafersim.errors import MachineTableError, UsageError

ARCHITECTURES = ("wse2", "wse3")
DEFAULT_ARCH = "wse2"
DEFAULT_PRESET = "sim"


@dataclass(frozen=True, eq=False)
class Machine:
    """Settings of one architecture under one preset; `settings` is handed to the engine."""

    arch: str
    preset: str
    settings: dict[str, Any]

    def row(self, name: str) -> Any:
        """Value of the row with the dotted `name`."""
        value: Any = self.settings
        for part in name.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise MachineTableError(f"the machine table of {self.arch} has no row '{name}'")
            value = value[part]
        return value

    def number(self, name: str) -> int:
        value = self.row(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise MachineTableError(f"row '{name}' of the machine table of {self.arch} is no integer: {value!r}")
        return value

    def numbers(self, name: str) -> tuple[int, ...]:
        value = self.row(name)
        if not isinstance(value, list) or not all(isinstance(item, int) for item in value):
            problem = f"is no list of integers: {value!r}"
            raise MachineTableError(f"row '{name}' of the machine table of {self.arch} {problem}")
        return tuple(value)


def load(arch: str, preset: str = DEFAULT_PRESET) -> Machine:
    """The settings of `arch`; raises `UsageError` for names that do not exist."""
    if arch not in ARCHITECTURES:
        raise UsageError(f"unknown architecture '{arch}', expected one of: {', '.join(ARCHITECTURES)}")
    path = _directory() / f"{arch}.yaml"
    try:
        table = _read(path, path.stat().st_mtime_ns)
    except (OSError, yaml.YAMLError) as error:
        raise MachineTableError(f"cannot read machine table '{path}': {error}") from error
    return from_table(arch, preset, table)


@functools.lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Any:
    """The YAML file; read again when its time of change is another one."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def from_table(arch: str, preset: str, table: Any) -> Machine:
    """Settings from a table as read from YAML."""
    if not isinstance(table, dict):
        raise MachineTableError(f"the machine table of {arch} is no mapping")
    presets = table.get("presets", {})
    if preset not in presets:
        raise UsageError(f"unknown preset '{preset}' of {arch}, expected one of: {', '.join(presets)}")
    sources = table.get("sources", {})
    sections = {name: content for name, content in table.items() if name not in ("presets", "sources")}
    settings = _values(sections, arch, sources)
    _override(settings, presets[preset] or {}, arch, preset, sources)
    return Machine(arch, preset, settings)


@dataclass(frozen=True, slots=True)
class FittedRow:
    """A row whose value was fitted to measurements; `points` are series or ids of calibration points."""

    name: str
    value: Any
    unit: str
    points: str


def fitted_rows(arch: str) -> list[FittedRow]:
    """Rows of the table of `arch` that say `fitted`, those of presets included."""
    path = _directory() / f"{arch}.yaml"
    found: list[FittedRow] = []
    _find_fitted(_read(path, path.stat().st_mtime_ns), "", found)
    return found


def _find_fitted(node: Any, name: str, found: list[FittedRow]) -> None:
    if not isinstance(node, dict):
        return
    if "fitted" in node:
        found.append(FittedRow(name, node["value"], node["unit"], node["fitted"]))
        return
    for key, child in node.items():
        _find_fitted(child, f"{name}.{key}" if name else str(key), found)


def _directory() -> Path:
    installed = Path(__file__).parent / "machines"
    checkout = Path(__file__).parents[2] / "config" / "machines"
    return installed if installed.is_dir() else checkout


def _values(node: Any, name: str, sources: Mapping[str, str]) -> Any:
    """Strips unit, source and confidence off every row below `node`."""
    if not isinstance(node, dict):
        return node
    if "value" not in node:
        return {key: _values(child, f"{name}.{key}", sources) for key, child in node.items()}
    if not {"unit", "source"} <= node.keys():
        raise MachineTableError(f"row '{name}' needs a unit and a source beside its value")
    if sources and node["source"] not in sources:
        raise MachineTableError(f"row '{name}' names the source '{node['source']}', which the table does not list")
    return copy.copy(node["value"])


def _override(
    settings: dict[str, Any], changes: Any, arch: str, preset: str, sources: Mapping[str, str], prefix: str = ""
) -> None:
    for key, change in changes.items():
        name = f"{prefix}{key}"
        *path, last = name.split(".")
        section: Any = settings
        for part in path:
            section = section.get(part, {}) if isinstance(section, dict) else {}
        if last not in section:
            raise MachineTableError(f"preset '{preset}' of {arch} changes '{name}', which does not exist")
        if isinstance(change, dict) and "value" not in change:
            _override(settings, change, arch, preset, sources, f"{name}.")
        else:
            section[last] = _values(change, name, sources)
