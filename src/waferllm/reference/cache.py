"""The KV cache of a reference: keys and values of a layer go in, all so far come out; a full one says so."""

from __future__ import annotations

import numpy as np

from waferllm.errors import CacheFullError
from waferllm.model.config import ModelConfig


class KVCache:
    """`keys`, `values`: [layers, capacity, kv_heads, head_dim]; the first `length` positions count."""

    def __init__(self, config: ModelConfig, capacity: int, dtype: np.dtype):
        shape = (config.layers, capacity, config.kv_heads, config.head_dim)
        self.keys = np.zeros(shape, dtype)
        self.values = np.zeros(shape, dtype)
        self.length = 0

    @property
    def capacity(self) -> int:
        return self.keys.shape[1]

    def reserve(self, tokens: int) -> None:
        """Refuses what would not fit, before anything is computed."""
        if self.length + tokens > self.capacity:
            used = f"{self.length} of {self.capacity} positions"
            raise CacheFullError(f"the KV cache is full: {used} are taken, {tokens} more asked for")

    def write(self, layer: int, keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys and values [L, kv_heads, head_dim] of the next positions; all [T, kv_heads, head_dim] come back."""
        end = self.length + len(keys)
        self.keys[layer, self.length : end] = keys
        self.values[layer, self.length : end] = values
        return self.keys[layer, :end], self.values[layer, :end]

    def advance(self, tokens: int) -> None:
        """After the last layer."""
        self.length += tokens
