"""The forward pass of a whole model in NumPy: tokens go in, logits of each position come out; the cache grows.

Prefill and decode are the same function: many tokens on an empty cache, one token on a filled one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from waferllm.errors import ModelError
from waferllm.model import rope as rotation
from waferllm.model import tensors as names
from waferllm.model.config import ModelConfig
from waferllm.reference import blocks
from waferllm.reference.arithmetic import FLOAT32, Arithmetic
from waferllm.reference.cache import KVCache

Weights = Mapping[str, np.ndarray]


class Reference:
    """A model with its weights as the arithmetic stores them."""

    def __init__(self, config: ModelConfig, tensors: Weights, arithmetic: Arithmetic = FLOAT32):
        self.config = config
        self.arithmetic = arithmetic
        self.weights = {name: _stored(arithmetic, name, array) for name, array in tensors.items()}
        self.layers = [names.layer(self.weights, number) for number in range(config.layers)]

    def cache(self, capacity: int) -> KVCache:
        return KVCache(self.config, capacity, self.arithmetic.wide)

    def forward(self, tokens: Sequence[int], cache: KVCache) -> np.ndarray:
        """Logits [L, vocab] of the tokens at the next positions of the cache."""
        return self.logits(self.stream(tokens, cache))

    def stream(self, tokens: Sequence[int], cache: KVCache) -> np.ndarray:
        """The residual stream [L, hidden] after the last layer."""
        cache.reserve(len(tokens))
        x = self.embed(tokens)  # [L, E]
        for number in range(self.config.layers):
            x = self.layer(number, x, cache)
        cache.advance(len(tokens))
        return x

    def embed(self, tokens: Sequence[int]) -> np.ndarray:
        """[L, hidden]"""
        ids = np.asarray(tokens)
        if ids.size == 0 or ids.min() < 0 or ids.max() >= self.config.vocab:
            raise ModelError(f"tokens have to be 0 .. {self.config.vocab - 1}, at least one, found {list(tokens)[:8]}")
        return self.arithmetic.store("stream", self.weights["embedding"][ids])

    def layer(self, number: int, x: np.ndarray, cache: KVCache) -> np.ndarray:
        """One layer on x [L, E]; writes its keys and values, but does not advance the cache."""
        a, w, eps = self.arithmetic, self.layers[number], self.config.rms_eps
        mixed = self._attention(number, blocks.rmsnorm(a, x, w["attention_norm"], eps), cache)  # [L, H d]
        projected = blocks.project(a, "projection", mixed, w["wo"], w.get("bo"))  # [L, E]
        x = a.store("stream", x + projected)  # [L, E]
        normed = blocks.rmsnorm(a, x, w["ffn_norm"], eps)  # [L, E]
        return a.store("stream", x + blocks.ffn(a, normed, w["w_gate"], w["w_up"], w["w_down"]))

    def logits(self, x: np.ndarray) -> np.ndarray:
        """x [L, E] -> [L, vocab]"""
        normed = blocks.rmsnorm(self.arithmetic, x, self.weights["final_norm"], self.config.rms_eps)
        return blocks.logits(self.arithmetic, normed, names.output_matrix(self.weights))

    def _attention(self, number: int, x: np.ndarray, cache: KVCache) -> np.ndarray:
        """x [L, E], normed -> [L, H d]"""
        a, w, config = self.arithmetic, self.layers[number], self.config
        first, count, size = cache.length, len(x), config.head_dim
        tables = rotation.tables(config, first, count, cache.capacity)
        cosine, sine = (table.astype(a.wide) for table in tables)  # [L, d/2]
        q = blocks.project(a, "q", x, w["wq"], w.get("bq")).reshape(count, config.heads, size)
        k = blocks.project(a, "k", x, w["wk"], w.get("bk")).reshape(count, config.kv_heads, size)
        v = blocks.project(a, "v", x, w["wv"], w.get("bv")).reshape(count, config.kv_heads, size)
        q, k = blocks.rope(a, q, cosine, sine), blocks.rope(a, k, cosine, sine)
        keys, values = cache.write(number, a.store("cache", k), a.store("cache", v))  # [T, H/G, d]
        return blocks.attention(a, q, keys, values, first)


def _stored(a: Arithmetic, name: str, array: np.ndarray) -> np.ndarray:
    return a.store("norm_weight" if name.endswith("norm") else "weight", array)
