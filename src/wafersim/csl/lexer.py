"""Lexer: a `Source` goes in, a list of `Token`s that ends with `eof` comes out.

Comments (`//`, `///`, `//!`) and white space are dropped. A character that starts no token is reported
and skipped, so that the parser still sees the rest of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wafersim.csl.diagnostics import Diagnostics
from wafersim.csl.source import Source, Span

KEYWORDS = frozenset(
    [
        "and", "asm", "break", "comptime", "const", "continue", "else", "enum", "export", "extern", "false",
        "fn", "for", "if", "inline", "noinline", "or", "packed", "param", "return", "struct", "switch", "task",
        "true", "undefined", "union", "unreachable", "var", "volatile", "while",
    ]
)  # fmt: skip
"""Reserved words. `layout`, `align`, `linksection` and `linkname` are words only where a declaration
expects them, and names elsewhere."""

PUNCTUATION = [
    "<<=", ">>=", "...", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "==", "!=", "<=", ">=", "<<", ">>",
    "&&", "||", "++", "->", "=>", ".*", "(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "=", "<", ">", "+",
    "-", "*", "/", "%", "&", "|", "^", "~", "!",
]  # fmt: skip
"""Longest first. `&&`, `||` and `++` are read so that the parser can say what to write instead."""

MAX_DIGITS = 4000
"""Longer integer literals are refused (Python itself limits such conversions)."""

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+|//[^\n]*)"
    r"|(?P<number>0[xXbBoO][0-9A-Za-z_]*"
    r"|[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9][0-9_]*)?[0-9A-Za-z_]*)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<builtin>@[A-Za-z_][A-Za-z0-9_]*)"
    r'|(?P<string>"(?:[^"\\\n]|\\[^\n])*"?)'
    r"|(?P<comment>/\*)"
    r"|(?P<punctuation>" + "|".join(re.escape(text) for text in PUNCTUATION) + ")"
)

_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\.)*'")
_FLOAT = re.compile(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9][0-9_]*)?\Z")
_BASES = {"0x": (16, "0123456789abcdef"), "0b": (2, "01"), "0o": (8, "01234567")}
_BASE_NAMES = {16: "hexadecimal", 2: "binary", 8: "octal"}


@dataclass(slots=True, eq=False)
class Token:
    """A token. `kind` is `identifier`, `builtin`, `int`, `float`, `string`, `eof`, `bad` (text that has
    been reported), or the text of a keyword or punctuation mark itself."""

    kind: str
    span: Span
    value: int | float | str | None = None

    def describe(self) -> str:
        """How messages name the token."""
        if self.kind == "eof":
            return "end of file"
        if self.kind == "string":
            return "a string"
        return f"'{self.span.text}'"


def tokenize(source: Source, diagnostics: Diagnostics) -> list[Token]:
    """All tokens of a source; the last one has kind `eof` and stands behind the last real one."""
    return _Lexer(source, diagnostics).run()


class _Lexer:
    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.tokens: list[Token] = []

    def run(self) -> list[Token]:
        text = self.source.text
        handlers = {
            "number": self._number,
            "word": self._word,
            "builtin": self._builtin,
            "string": self._string,
            "punctuation": self._punctuation,
        }
        offset = 0
        while offset < len(text):
            match = _TOKEN.match(text, offset)
            if match is None:
                offset = self._bad_character(offset)
            elif match.lastgroup == "comment":
                offset = self._block_comment(offset)
            else:
                offset = match.end()
                if match.lastgroup != "space":
                    handlers[str(match.lastgroup)](match.group(), Span(self.source, match.start(), offset))
        end = self.tokens[-1].span.end if self.tokens else 0
        self._add("eof", Span(self.source, end, end))
        return self.tokens

    def _add(self, kind: str, span: Span, value: float | str | None = None) -> None:
        self.tokens.append(Token(kind, span, value))

    def _word(self, text: str, span: Span) -> None:
        if text in KEYWORDS:
            self._add(text, span)
        else:
            self._add("identifier", span, text)

    def _builtin(self, text: str, span: Span) -> None:
        self._add("builtin", span, text[1:])

    def _punctuation(self, text: str, span: Span) -> None:
        self._add(text, span)

    def _number(self, text: str, span: Span) -> None:
        """A literal with an error becomes 0, so that the parser goes on."""
        base, digits = _BASES.get(text[:2].lower(), (10, "0123456789"))
        if base == 10 and _FLOAT.match(text) and not text.replace("_", "").isdigit():
            self._add("float", span, self._float(text, span))
            return
        self._add("int", span, self._integer(text if base == 10 else text[2:], base, digits, span))

    def _float(self, text: str, span: Span) -> float:
        value = float(text.replace("_", ""))
        if value == float("inf"):
            self.diagnostics.error(span, f"float literal {span.text} is too large")
            return 0.0
        return value

    def _integer(self, text: str, base: int, digits: str, span: Span) -> int:
        plain = text.replace("_", "")
        bad = next((char for char in plain if char.lower() not in digits), None)
        if bad is not None:
            what = f"{_BASE_NAMES[base]} number" if base != 10 else "number"
            self.diagnostics.error(span, f"unexpected '{bad}' in {what} '{_shorten(span.text)}'")
            return 0
        if not plain:
            self.diagnostics.error(span, f"no digits after '{span.text[:2]}'")
            return 0
        if len(plain) > MAX_DIGITS:
            self.diagnostics.error(span, f"integer literal has {len(plain)} digits, at most {MAX_DIGITS} are allowed")
            return 0
        return int(plain, base)

    def _string(self, text: str, span: Span) -> None:
        if len(text) < 2 or not text.endswith('"'):
            self.diagnostics.error(span, "string has no closing '\"' on its line")
            self._add("bad", span)
            return
        body = text[1:-1]
        self._add("string", span, self._unescape(body, span) if "\\" in body else body)

    def _unescape(self, body: str, span: Span) -> str:
        parts: list[str] = []
        index = 0
        while index < len(body):
            char = body[index]
            if char != "\\":
                parts.append(char)
                index += 1
                continue
            escape = body[index + 1]
            hexadecimal = re.match(r"x([0-9a-fA-F]{2})", body[index + 1 :])
            where = Span(self.source, span.start + 1 + index, span.start + 3 + index)
            if hexadecimal:
                parts.append(chr(int(hexadecimal[1], 16)))
                index += 2
            elif escape in _ESCAPES:
                parts.append(_ESCAPES[escape])
            elif escape == "x":
                self.diagnostics.error(where, "'\\x' needs two hexadecimal digits")
            else:
                self.diagnostics.error(where, f"unknown escape '\\{escape}' in a string")
            index += 2
        return "".join(parts)

    def _block_comment(self, offset: int) -> int:
        end = self.source.text.find("*/", offset + 2)
        span = Span(self.source, offset, offset + 2)
        self.diagnostics.error(span, "CSL has no '/* */' comments; use '//' on each line")
        return len(self.source.text) if end < 0 else end + 2

    def _bad_character(self, offset: int) -> int:
        char = self.source.text[offset]
        end = offset + 1
        if char == "'":
            message = "CSL has no character literals; use a string or the character's number"
            if literal := _CHARACTER.match(self.source.text, offset):
                end = literal.end()
        elif char == "@":
            message = "expected the name of a builtin after '@'"
        else:
            shown = f"'{char}'" if char.isprintable() else f"U+{ord(char):04X}"
            message = f"character {shown} is not part of the language"
        span = Span(self.source, offset, end)
        self.diagnostics.error(span, message)
        self._add("bad", span)
        return end


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
