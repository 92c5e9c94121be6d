"""Reading position in a token list: the base of the parser.

Offers what every parse function needs: look-ahead, expectation with a message, spans, a limit on
nesting, and recovery after a syntax error (`skip_to_next`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wafersim.csl.diagnostics import Abort, Diagnostics, Note
from wafersim.csl.lexer import Token
from wafersim.csl.source import Span

MAX_NESTING = 200
"""Levels of nested expressions, types and statements."""

MAX_CHAIN = 1000
"""Operators in one chain such as `a + b + c`, `a.b.c` or `else if`: each makes the tree one level deeper."""

FILE_LEVEL = frozenset({"fn", "task", "param", "export", "extern"})
"""Tokens that start a declaration no block can contain."""

LINE_STARTERS = frozenset({"const", "var", "return", "while", "for"})
"""Tokens that start a statement when they start a line: where reading can go on after an error."""


class MissingBrace(Abort):
    """Unwinds to the file level: a declaration started where a block was still open."""


class TokenCursor:
    """Tokens and a position among them."""

    def __init__(self, tokens: list[Token], diagnostics: Diagnostics) -> None:
        self.tokens = tokens
        self.diagnostics = diagnostics
        self.index = 0
        self.token = tokens[0]
        """The token at the position."""
        self._levels = _brace_levels(tokens)
        self._nesting = 0

    # ------------------------------------------------------------------------------------ reading

    def advance(self) -> Token:
        """Take the token at the position."""
        token = self.token
        if token.kind != "eof":
            self.index += 1
            self.token = self.tokens[self.index]
        return token

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def at(self, *kinds: str) -> bool:
        return self.token.kind in kinds

    def at_word(self, word: str) -> bool:
        """At an identifier that is a word only here (`layout`, `align`, ...)."""
        return self.token.kind == "identifier" and self.token.value == word

    def accept(self, kind: str) -> Token | None:
        return self.advance() if self.token.kind == kind else None

    def expect(self, kind: str, what: str | None = None) -> Token:
        """Take a token of this kind or report what was wanted in its place."""
        if self.token.kind == kind:
            return self.advance()
        raise self.unexpected(what or f"'{kind}'")

    def expect_semicolon(self, after: str) -> None:
        """A missing `;` is reported where it should stand: behind the token before."""
        if self.accept(";"):
            return
        raise self.error(self._behind_previous(), f"expected ';' after {after}, found {self.token.describe()}")

    def unexpected(self, expected: str) -> Abort:
        return self.error(self.token.span, f"expected {expected}, found {self.token.describe()}")

    def error(self, span: Span, message: str, *notes: Note) -> Abort:
        """Record an error, but not a second one about text that the lexer has already refused."""
        if self.token.kind == "bad":
            return Abort()
        return self.diagnostics.error(span, message, *notes)

    @property
    def previous(self) -> Token:
        return self.tokens[max(self.index - 1, 0)]

    def span_from(self, start: Span) -> Span:
        """From a start to the last token taken."""
        return start.to(self.previous.span)

    def _behind_previous(self) -> Span:
        end = self.previous.span.end
        return Span(self.previous.span.source, end, end)

    # ------------------------------------------------------------------------------------- limits

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper; too many are an error, never a crash of this program."""
        if self._nesting >= MAX_NESTING:
            raise self.error(self.token.span, f"nested more than {MAX_NESTING} levels deep")
        self._nesting += 1
        try:
            yield
        finally:
            self._nesting -= 1

    def check_chain(self, length: int) -> None:
        if length > MAX_CHAIN:
            raise self.error(self.token.span, f"more than {MAX_CHAIN} operators in one expression")

    # ----------------------------------------------------------------------------------- recovery

    def skip_to_next(self, start: int) -> None:
        """After an error in the statement that began at token `start`: go to where the next begins.

        That is behind a `;` or a closing brace at the level of the statement, before the brace that
        closes its block, or before a declaration that starts a line.
        """
        level = self._levels[start]
        if self.index == start:
            self.advance()
        while not self.at("eof"):
            here = self._levels[self.index]
            if (self.at("}") and here <= level) or self.starts_at_margin():
                return
            if here == level and self.at(*LINE_STARTERS) and self._starts_line():
                return
            token = self.advance()
            if here == level and token.kind == ";":
                return
            if token.kind == "}" and here == level + 1 and self._ends_item(token):
                return

    def missing_brace(self, opening: Token) -> MissingBrace:
        note = Note(opening.span, "the block starts here")
        self.error(self.token.span, f"expected '}}' to close the block, found {self.token.describe()}", note)
        return MissingBrace()

    def at_file_level_word(self) -> bool:
        """At a declaration that no block can contain."""
        if self.at_word("layout"):
            return self.peek().kind == "{"
        return self.at(*FILE_LEVEL) and self.peek().kind in ("identifier", "fn", "var", "const")

    def starts_at_margin(self) -> bool:
        """At such a declaration, and not indented: whatever is still open lacks its brace."""
        return self.at_file_level_word() and self.token.span.line_col[1] == 1

    def _starts_line(self) -> bool:
        return "\n" in self.token.span.source.text[self.previous.span.end : self.token.span.start]

    def _ends_item(self, brace: Token) -> bool:
        """Is a brace just taken the end of a statement? Not when the line goes on, as in `} else {` or `};`."""
        between = brace.span.source.text[brace.span.end : self.token.span.start]
        return "\n" in between


def _brace_levels(tokens: list[Token]) -> list[int]:
    """For each token, how many braces are open before it."""
    levels = []
    level = 0
    for token in tokens:
        levels.append(level)
        if token.kind == "{":
            level += 1
        elif token.kind == "}":
            level = max(level - 1, 0)
    return levels
