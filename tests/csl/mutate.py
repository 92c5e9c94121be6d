"""Damaged sources for fuzzing: a text and a random generator go in, a slightly wrong text comes out."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_TOKENS = re.compile(r"\s+|//[^\n]*|[A-Za-z_@][A-Za-z0-9_]*|[0-9.]+|\"[^\"\n]*\"|.", re.DOTALL)
_FRAGMENTS = [
    "(", ")", "{", "}", "[", "]", ".{", ";", ",", ".", "*", "&", "|", "->", "=>", "=", ":", "-", "comptime ", "if (",
    "else ", "while (", "for (", "fn ", "task ", "struct {", "switch (", "return ", "@as(", "@range(", "i16", "f32",
    "void", "0", "-1", "65536", "1.5", "1e40", '"', "'", "\\", "\x00", "é", "undefined", "anytype", "type", "true",
    "param ", "export ",
]  # fmt: skip


def mutated(text: str, random_: random.Random) -> str:
    """One to three changes to a source."""
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        text = random_.choice(_CHANGES)(text, random_)
    return text


def _truncated(text: str, random_: random.Random) -> str:
    return text[: random_.randrange(len(text) + 1)]


def _without_character(text: str, random_: random.Random) -> str:
    at = random_.randrange(len(text) + 1)
    return text[:at] + text[at + 1 :]


def _on_tokens(change: Callable[[list[str], int, random.Random], None]) -> Callable[[str, random.Random], str]:
    def changed(text: str, random_: random.Random) -> str:
        tokens = _TOKENS.findall(text)
        if not tokens:
            return text
        change(tokens, random_.randrange(len(tokens)), random_)
        return "".join(tokens)

    return changed


def _delete(tokens: list[str], at: int, random_: random.Random) -> None:
    del tokens[at : at + random_.choice((1, 1, 2, 5))]


def _duplicate(tokens: list[str], at: int, random_: random.Random) -> None:
    tokens[at:at] = tokens[at : at + random_.choice((1, 2, 8))]


def _swap(tokens: list[str], at: int, random_: random.Random) -> None:
    other = random_.randrange(len(tokens))
    tokens[at], tokens[other] = tokens[other], tokens[at]


def _insert(tokens: list[str], at: int, random_: random.Random) -> None:
    tokens.insert(at, random_.choice(_FRAGMENTS))


def _replace(tokens: list[str], at: int, random_: random.Random) -> None:
    tokens[at] = random_.choice(tokens) if random_.random() < 0.6 else random_.choice(_FRAGMENTS)


def _exchange(tokens: list[str], at: int, random_: random.Random) -> None:
    """Another word for a word, another number for a number: what the parser lets through."""
    words = [place for place, token in enumerate(tokens) if re.match(r"[A-Za-z_@0-9]", token)]
    if not words:
        return
    place = random_.choice(words)
    first = tokens[place][0]
    pattern = "@" if first == "@" else "[0-9]" if first.isdigit() else "[A-Za-z_]"
    alike = [token for token in tokens if re.match(pattern, token)]
    others = {"@": alike, "[0-9]": _NUMBERS, "[A-Za-z_]": _WORDS}[pattern]
    tokens[place] = random_.choice(alike if random_.random() < 0.7 else others)


_NUMBERS = ["0", "1", "-1", "3", "31", "65535", "65536", "4294967296", "1.5", "0.0", "1e38", "(1 << 70)"]
_WORDS = [
    "i16", "u16", "i32", "u8", "i64", "f16", "f32", "bool", "void", "type", "color", "comptime_int", "comptime_string",
    "anytype", "mem1d_dsd", "fabin_dsd", "undefined", "true", "false", "main", "x", "unreachable", "RAMP", "nothing",
]  # fmt: skip


_CHANGES: list[Callable[[str, random.Random], str]] = [
    _truncated,
    _without_character,
    *(_on_tokens(change) for change in (_delete, _duplicate, _swap, _insert, _replace)),
    *(_on_tokens(_exchange) for _ in range(7)),
]
