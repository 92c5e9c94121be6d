"""Text goes in, token ids come out; and back. From a folder's tokenizer.json, from GGUF metadata, or made for tiny
models.

The work is done by PyPI's `tokenizers`; what is built here is the description: vocabulary, merges and how text is cut
before merging. GGUF names the last by a word (`tokenizer.ggml.pre`); PRE says what the words mean.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from waferllm.errors import CheckpointError, ModelError

CONTROL, USER_DEFINED, BYTE = 3, 4, 6
"""Token types of GGUF."""
UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What the bytes of an incomplete character are decoded to."""

DIGITS = {"type": "Digits", "individual_digits": True}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_CUT = {**BYTE_LEVEL, "use_regex": False}
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _split(pattern: str) -> list[dict[str, Any]]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return [split, _CUT]


PRE: Mapping[str, list[dict[str, Any]]] = {
    "default": [BYTE_LEVEL],
    "gpt-2": [BYTE_LEVEL],
    "smollm": [DIGITS, BYTE_LEVEL],
    "llama-bpe": _split(_WORDS % r"\p{N}{1,3}"),
    "qwen2": _split(_WORDS % r"\p{N}"),
}
"""Kinds of cutting text before merges."""


@dataclass(frozen=True)
class Tokenizer:
    """`stops`: tokens that end a text. `begin`: what an encoded prompt starts with, if anything."""

    backend: Any = field(repr=False)
    vocab: int
    begin: int | None = None
    stops: frozenset[int] = frozenset()
    chat_template: str | None = None
    special: Mapping[str, str] | None = None
    """What templates call bos_token and eos_token."""

    def encode(self, text: str, begin: bool = True) -> list[int]:
        """Names of special tokens in the text become those tokens."""
        ids = self.backend.encode(text, add_special_tokens=False).ids
        return [self.begin, *ids] if begin and self.begin is not None and ids[:1] != [self.begin] else ids

    def decode(self, ids: Sequence[int], special: bool = False) -> str:
        """`special`: whether special tokens show."""
        return self.backend.decode(list(ids), skip_special_tokens=not special)

    def stream(self, tokens: Iterable[int]) -> Iterator[str]:
        """The text of each token as it comes; bytes of a character are held back until it is complete."""
        ids: list[int] = []
        told = ""
        for token in tokens:
            ids.append(token)
            text = self.decode(ids)
            if not text.endswith(UNFINISHED):
                yield text[len(told) :]
                told = text
        yield self.decode(ids)[len(told) :]


# ------------------------------------------------------------------------------------------- from files


def from_folder(folder: Path, vocab: int) -> Tokenizer:
    """tokenizer.json with what tokenizer_config.json, generation_config.json and config.json say of special tokens."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(f"{folder}: expected tokenizer.json, found none; text cannot be turned into tokens")
    backend = _backend(path.read_text(encoding="utf-8"), str(path))
    settings, config, generation = (
        _optional(folder / name) for name in ("tokenizer_config.json", "config.json", "generation_config.json")
    )
    special = {name: _text(settings.get(name)) for name in ("bos_token", "eos_token")}
    stops = _ids(generation.get("eos_token_id")) | _ids(config.get("eos_token_id"))
    stops |= _ids(backend.token_to_id(special["eos_token"])) if special["eos_token"] else set()
    begin = backend.token_to_id(special["bos_token"]) if _adds_begin(backend, settings, special) else None
    return _made(backend, vocab, str(path), begin, stops, _template(folder, settings), special)


def _adds_begin(backend: Any, settings: Mapping[str, Any], special: Mapping[str, str]) -> bool:
    """What tokenizer_config.json says; without a word there, whether the post-processor does."""
    if not special["bos_token"]:
        return False
    if "add_bos_token" in settings:
        return bool(settings["add_bos_token"])
    return backend.encode("a").ids[:1] == [backend.token_to_id(special["bos_token"])]


def _optional(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: is no JSON: {error}") from error
    return values if isinstance(values, dict) else {}


def _template(folder: Path, settings: Mapping[str, Any]) -> str | None:
    """Newer folders keep it in a file of its own; a list has several, by name."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    given = settings.get("chat_template")
    if isinstance(given, list):
        return next((item["template"] for item in given if item.get("name") == "default"), None)
    return given


def _text(token: Any) -> str:
    return token.get("content", "") if isinstance(token, dict) else token or ""


def _ids(value: Any) -> set[int]:
    return set() if value is None else set(value) if isinstance(value, list) else {int(value)}


def _backend(description: str, where: str) -> Any:
    try:
        from tokenizers import Tokenizer as Backend
    except ImportError as error:
        raise ModelError("text needs the package tokenizers: pip install 'wafersim[llm]'") from error
    try:
        return Backend.from_str(description)
    except Exception as error:  # the library raises nothing more specific
        raise CheckpointError(f"{where}: the tokenizer cannot be read: {error}") from error


def _made(backend, vocab: int, where: str, begin, stops: set[int], template, special) -> Tokenizer:
    size = backend.get_vocab_size()
    if size > vocab:
        raise CheckpointError(f"{where}: the tokenizer has {size} tokens, the model's vocabulary {vocab}")
    return Tokenizer(backend, vocab, begin, frozenset(stops), template, special)


# -------------------------------------------------------------------------------------------- from GGUF


def from_gguf(metadata: Mapping[str, Any], vocab: int, where: str) -> Tokenizer:
    kind = metadata.get("tokenizer.ggml.model")
    tokens = metadata.get("tokenizer.ggml.tokens")
    if kind not in ("gpt2", "llama") or not tokens:
        raise ModelError(f"{where}: tokenizer '{kind}' is not supported, expected gpt2 or llama with its tokens")
    types = metadata.get("tokenizer.ggml.token_type") or [1] * len(tokens)
    describe = _describe_bpe if kind == "gpt2" else _describe_pieces
    description = describe(metadata, tokens, types, where) | {"added_tokens": _added(tokens, types)}
    begin = metadata.get("tokenizer.ggml.bos_token_id")
    end = metadata.get("tokenizer.ggml.eos_token_id")
    stops = _ids(end) | _ids(metadata.get("tokenizer.ggml.eot_token_id"))
    usual = kind == "llama" or metadata.get("tokenizer.ggml.pre") == "llama-bpe"
    adds = metadata.get("tokenizer.ggml.add_bos_token", usual)
    special = {name: tokens[id] for name, id in (("bos_token", begin), ("eos_token", end)) if id is not None}
    template = metadata.get("tokenizer.chat_template")
    return _made(
        _backend(json.dumps(description), where), vocab, where, begin if adds else None, stops, template, special
    )


def _describe_bpe(metadata: Mapping[str, Any], tokens: list[str], types: list[int], where: str) -> dict[str, Any]:
    """Byte-level BPE: bytes stand as printable characters, merges are listed."""
    name = metadata.get("tokenizer.ggml.pre", "default")
    if name not in PRE:
        raise ModelError(f"{where}: pre-tokenizer '{name}' is not supported, expected one of {', '.join(PRE)}")
    merges = [merge.split(" ") for merge in metadata.get("tokenizer.ggml.merges", [])]
    cut = PRE[name]
    return {
        "version": "1.0",
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": cut} if len(cut) > 1 else cut[0],
        "decoder": BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": merges,
            "ignore_merges": name == "llama-bpe",
        },
    }


def _describe_pieces(metadata: Mapping[str, Any], tokens: list[str], types: list[int], where: str) -> dict[str, Any]:
    """SentencePiece's BPE: a pair merges if the vocabulary has the result, pairs with the best score first."""
    number = {token: place for place, token in enumerate(tokens)}
    scores = metadata.get("tokenizer.ggml.scores")
    if not scores or len(scores) != len(tokens):
        count = len(scores or [])
        raise CheckpointError(f"{where}: expected a score for each of the {len(tokens)} tokens, found {count}")
    pairs = []
    for place, token in enumerate(tokens):
        if types[place] not in (CONTROL, BYTE):
            parts = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
            known = [pair for pair in parts if pair[0] in number and pair[1] in number]
            pairs += [(-scores[place], number[left], number[right], left, right) for left, right in known]
    unknown = metadata.get("tokenizer.ggml.unknown_token_id", 0)
    prefix = [{"type": "Prepend", "prepend": "▁"}] if metadata.get("tokenizer.ggml.add_space_prefix", True) else []
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    back = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if prefix else []
    return {
        "version": "1.0",
        "normalizer": {"type": "Sequence", "normalizers": [*prefix, space]},
        "decoder": {"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": {
            "type": "BPE",
            "unk_token": tokens[unknown],
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": number,
            "merges": [[left, right] for _, _, _, left, right in sorted(pairs)],
        },
    }


def _added(tokens: Sequence[str], types: Sequence[int]) -> list[dict[str, Any]]:
    """Tokens that text is searched for before anything else."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": number, "content": token, "special": kind == CONTROL, **plain}
        for number, (token, kind) in enumerate(zip(tokens, types))
        if kind in (CONTROL, USER_DEFINED)
    ]


# ---------------------------------------------------------------------------------------- for tiny models

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PAIRS = "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io".split()  # noqa: SIM905
"""Merges of the tiny models: the most frequent pairs of English letters."""
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_level() -> Tokenizer:
    """288 tokens: three special ones, the bytes, a few pairs of letters; so any text has tokens."""
    tokens = [*SPECIAL, *byte_characters(), *PAIRS]
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [CONTROL] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)),
        "tokenizer.ggml.merges": [" ".join(pair) for pair in PAIRS],
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHATML,
    }
    return from_gguf(metadata, len(tokens), "tiny")


def byte_characters() -> list[str]:
    """Of each byte, the character that stands for it in byte-level BPE: itself where printable, else from 256 on."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    beyond = itertools.count(256)
    return [chr(byte) if byte in printable else chr(next(beyond)) for byte in range(256)]
