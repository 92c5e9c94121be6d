"""Source text and positions: a path goes in, a `Source` with line look-up comes out.

Every token, AST node and IR instruction carries a `Span` into a `Source`, so any later stage can
point at the text it is talking about.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, eq=False)
class Source:
    """One source file: `name` is what diagnostics print, `text` its content, `path` its place on disk."""

    name: str
    text: str
    path: Path | None = None

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets of the first character of each line; line 1 is at index 0."""
        starts = [0]
        starts.extend(i + 1 for i, char in enumerate(self.text) if char == "\n")
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (both from 1) of a character offset."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """Text of a line (from 1) without its line end."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] - 1 if line < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of characters [start, end) of a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of the other."""
        return Span(self.source, self.start, max(self.end, other.end))

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line_col(self) -> tuple[int, int]:
        return self.source.position(self.start)

    def __str__(self) -> str:
        line, column = self.line_col
        return f"{self.source.name}:{line}:{column}"


BUILTIN_SOURCE = Source("<command line>", "")
"""Where values come from that no file contains: command-line parameters, host programs."""

NO_SPAN = Span(BUILTIN_SOURCE, 0, 0)
