"""Annotated case files: a path goes in, a `Case` (source text and manifest) comes out. See cases/README.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

CASES = Path(__file__).parent / "cases"
ARCHES = ("wse2", "wse3")
KINDS = ("parse", "error", "comptime", "run", "dump=tokens", "dump=ast", "dump=comptime", "dump=program", "dump=mesh")
FRONT_END_KINDS = ("parse", "dump=tokens", "dump=ast")
"""Kinds whose result cannot depend on the architecture."""


@dataclass(frozen=True)
class Case:
    """One case file. `expected` are the lines that the run must give, exactly."""

    path: Path
    kind: str
    expected: list[str]
    options: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.path.relative_to(CASES).with_suffix(""))

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def arches(self) -> tuple[str, ...]:
        if self.kind in FRONT_END_KINDS:
            return ("any",)
        return tuple(self.options["arch"].split(",")) if "arch" in self.options else ARCHES


class BadCase(Exception):
    """A case file whose manifest cannot be read."""


def all_cases() -> list[Case]:
    return [read_case(path) for path in sorted(CASES.rglob("*.csl")) if path.parent.name != "modules"]


def read_case(path: Path) -> Case:
    """The manifest is the comment block at the end: kind, options, an empty comment line, expected lines."""
    manifest = _split(path.read_text())[1]
    if not manifest:
        raise BadCase(f"{path}: no comment block at the end")
    head, _, expected = _partition(manifest)
    kind, *options = head
    if kind not in KINDS:
        raise BadCase(f"{path}: unknown kind '{kind}'")
    pairs = [option.partition("=") for option in options]
    if bad := [key for key, equals, _ in pairs if not equals]:
        raise BadCase(f"{path}: options are written key=value, not '{bad[0]}'")
    return Case(path, kind, expected, {key: value for key, _, value in pairs})


def write_expected(case: Case, lines: list[str]) -> None:
    """Replace the expected lines of a case file."""
    source, manifest = _split(case.path.read_text())
    head, _, _ = _partition(manifest)
    block = [*head, "", *lines] if lines else head
    case.path.write_text(source + "\n".join(f"// {line}".rstrip() for line in block) + "\n")


def _split(text: str) -> tuple[str, list[str]]:
    """The source, and the lines of the last comment block without their slashes."""
    lines = text.rstrip("\n").split("\n")
    start = len(lines)
    while start > 0 and lines[start - 1].startswith("//"):
        start -= 1
    source = "".join(line + "\n" for line in lines[:start])
    return source, [line[2:].removeprefix(" ") for line in lines[start:]]


def _partition(manifest: list[str]) -> tuple[list[str], str, list[str]]:
    if "" not in manifest:
        return manifest, "", []
    cut = manifest.index("")
    return manifest[:cut], "", manifest[cut + 1 :]
