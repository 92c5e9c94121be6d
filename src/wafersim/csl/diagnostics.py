"""The only way to report a problem in a CSL program.

A stage that finds a mistake calls `Diagnostics.error(span, message)` and, where it cannot go on with
the construct at hand, raises the `Abort` it gets back. `Abort` is caught at statement and declaration
level, so that one statement gives at most one error and several errors are reported a run.
Impossible states are `InternalError`s: bugs of this compiler, never of the user's program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from wafersim.csl.source import NO_SPAN, Span


class Abort(Exception):
    """Unwinds to the enclosing statement or declaration after an error has been recorded."""


class InternalError(Exception):
    """A state that no input may reach; shows a bug of the compiler."""


@dataclass(frozen=True, slots=True)
class Note:
    """An explanation attached to a diagnostic: where a declaration, instantiation or requirement is."""

    span: Span
    message: str


@dataclass(slots=True)
class Diagnostic:
    """One error or warning with the notes that say why."""

    severity: str
    span: Span
    message: str
    notes: list[Note] = field(default_factory=list)

    def note(self, span: Span, message: str) -> Diagnostic:
        self.notes.append(Note(span, message))
        return self

    def lines(self) -> list[str]:
        """Message lines without source excerpts, as test cases compare them."""
        head = f"{_where(self.span)}{self.severity}: {self.message}"
        return [head, *(f"{_where(note.span)}note: {note.message}" for note in self.notes)]

    def render(self) -> str:
        """Message with file:line:col, source line and caret, then the notes in the same form."""
        parts = [f"{_where(self.span)}{self.severity}: {self.message}", *_excerpt(self.span)]
        for note in self.notes:
            parts += [f"{_where(note.span)}note: {note.message}", *_excerpt(note.span)]
        return "\n".join(parts)


MAX_ERRORS = 20
"""After so many errors the compiler stops: later ones are mostly consequences."""


MAX_NOTES = 8
"""Longer chains of notes are cut in the middle."""
MAX_COLUMNS = 160
"""Longer source lines are shown around the place of interest only."""


class TooManyErrors(Abort):
    """Unwinds the whole compilation once `MAX_ERRORS` errors have been recorded."""


class Diagnostics:
    """Collects diagnostics of one compilation, in order, without repeating one.

    `context` pushes notes that every diagnostic reported inside gets at its end: the instantiation of
    a generic function, the import of a module, the `@set_tile_code` that placed a program.
    """

    def __init__(self) -> None:
        self.items: list[Diagnostic] = []
        self._context: list[Note] = []
        self._seen: set[tuple[int, int, int, str]] = set()

    @property
    def error_count(self) -> int:
        return sum(item.severity == "error" for item in self.items)

    @property
    def has_errors(self) -> bool:
        return self.error_count > 0

    def has_error_in(self, span: Span) -> bool:
        """Is there an error inside a piece of source?"""
        return any(
            item.severity == "error" and item.span.source is span.source and span.start <= item.span.start < span.end
            for item in self.items
        )

    def error(self, span: Span, message: str, *notes: Note) -> Abort:
        """Record an error; raise the returned `Abort` where the construct cannot be continued."""
        self._record("error", span, message, notes)
        if self.error_count >= MAX_ERRORS:
            raise TooManyErrors
        return Abort()

    def warning(self, span: Span, message: str, *notes: Note) -> None:
        self._record("warning", span, message, notes)

    @contextmanager
    def context(self, span: Span, message: str) -> Iterator[None]:
        self._context.append(Note(span, message))
        try:
            yield
        finally:
            self._context.pop()

    def take_since(self, count: int) -> list[Diagnostic]:
        """Take back all but the first `count` diagnostics, as if they had never been reported."""
        taken = self.items[count:]
        del self.items[count:]
        self._seen.difference_update(_key(item.span, item.message) for item in taken)
        return taken

    def put_back(self, items: list[Diagnostic]) -> None:
        """Report again what `take_since` took."""
        self.items += items
        self._seen.update(_key(item.span, item.message) for item in items)

    def render(self) -> str:
        return "\n".join(item.render() for item in self.items)

    def _record(self, severity: str, span: Span, message: str, notes: tuple[Note, ...]) -> None:
        key = _key(span, message)
        if key in self._seen:
            return
        self._seen.add(key)
        context = dict.fromkeys(note for note in reversed(self._context) if note.span != span)
        notes_once = list(dict.fromkeys([*notes, *_shortened(list(context))]))
        self.items.append(Diagnostic(severity, span, message, notes_once))


def _key(span: Span, message: str) -> tuple[int, int, int, str]:
    return id(span.source), span.start, span.end, message


def _shortened(notes: list[Note]) -> list[Note]:
    """The innermost and the outermost notes of a long chain of calls or imports."""
    left_out = len(notes) - MAX_NOTES
    if left_out <= 1:
        return notes
    half = MAX_NOTES // 2
    return [*notes[:half], Note(NO_SPAN, f"{left_out} more like these"), *notes[-half:]]


def _where(span: Span) -> str:
    return "" if span is NO_SPAN else f"{span}: "


def _excerpt(span: Span) -> list[str]:
    if span is NO_SPAN or not span.source.text:
        return []
    line, column = span.line_col
    text = span.source.line_text(line)
    width = max(1, min(span.end - span.start, len(text) - column + 1))
    if len(text) > MAX_COLUMNS:
        start = max(0, column - 1 - MAX_COLUMNS // 2)
        text, column = text[start : start + MAX_COLUMNS], column - start
        width = min(width, len(text) - column + 1)
    marker = "".join("\t" if char == "\t" else " " for char in text[: column - 1])
    return [f"    {text}", f"    {marker}^{'~' * (width - 1)}"]
