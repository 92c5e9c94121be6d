"""Generation: a prompt goes in, tokens come out one by one, from whatever computes them.

A `Generator` turns a prompt into the next token and then each token into the one after it; the NumPy references are one
(`ReferenceGenerator`), machines are others. All choose the most likely token. `generate` stops at a token that ends the
text, after the number asked for, or when the cache is full; what came so far is kept in every case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from waferllm.errors import CacheFullError, PromptError, WaferllmError
from waferllm.model.checkpoint import Checkpoint
from waferllm.reference.arithmetic import FLOAT32, Arithmetic
from waferllm.reference.forward import Reference


class Generator(Protocol):
    """What generates: `capacity` positions of KV cache, filled by `prefill` once, then token by token by `decode`."""

    @property
    def capacity(self) -> int: ...

    def prefill(self, tokens: Sequence[int]) -> int:
        """The token after the prompt."""
        ...

    def decode(self, token: int) -> int:
        """The token after `token`; raises CacheFullError if there is no room for it."""
        ...


class ReferenceGenerator:
    """The NumPy reference. `logits` has those of the last call, [L, vocab]."""

    def __init__(self, checkpoint: Checkpoint, capacity: int, arithmetic: Arithmetic = FLOAT32):
        self.reference = Reference(checkpoint.config, checkpoint.tensors, arithmetic)
        self.cache = self.reference.cache(capacity)
        self.logits = np.zeros((0, checkpoint.config.vocab), np.float32)

    @property
    def capacity(self) -> int:
        return self.cache.capacity

    def prefill(self, tokens: Sequence[int]) -> int:
        return self._next(tokens)

    def decode(self, token: int) -> int:
        return self._next([token])

    def _next(self, tokens: Sequence[int]) -> int:
        self.logits = self.reference.forward(tokens, self.cache)
        last = self.logits[-1]
        if not np.isfinite(last).all():
            name = self.reference.arithmetic.name
            raise WaferllmError(f"logits of the arithmetic '{name}' are not finite: the model leaves its range")
        return int(last.argmax())


@dataclass
class Generation:
    """What one run has generated so far and why it ended: `stop`, `length`, `cache`, or empty while it runs."""

    prompt: tuple[int, ...]
    tokens: list[int] = field(default_factory=list)
    ended: str = ""
    message: str = ""


def check_prompt(tokens: Sequence[int], capacity: int) -> None:
    if not tokens:
        raise PromptError("the prompt is empty; at least one token is needed to generate from")
    if len(tokens) > capacity:
        raise PromptError(f"the prompt has {len(tokens)} tokens, the KV cache has room for {capacity}")


def generate(
    generator: Generator, prompt: Sequence[int], count: int, stops: frozenset[int] = frozenset()
) -> tuple[Generation, Iterator[int]]:
    """The record of a run, and the tokens as they come; the record is complete when the tokens have ended."""
    check_prompt(prompt, generator.capacity)
    if count < 1:
        raise PromptError(f"{count} tokens to generate: at least 1 is expected")
    run = Generation(tuple(prompt))
    return run, _tokens(generator, run, count, stops)


def _tokens(generator: Generator, run: Generation, count: int, stops: frozenset[int]) -> Iterator[int]:
    token = generator.prefill(run.prompt)
    while True:
        run.tokens.append(token)
        if token in stops:
            run.ended = "stop"
            return
        yield token
        if len(run.tokens) == count:
            run.ended = "length"
            return
        try:
            token = generator.decode(token)
        except CacheFullError as error:
            run.ended, run.message = "cache", str(error)
            return
