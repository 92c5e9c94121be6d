"""RoPE: a configuration goes in, frequencies and tables of cosines and sines come out.

Convention of this project: columns 2i and 2i + 1 of a head are pair i (the textbook's layout; checkpoints of Hugging
Face pair i with i + d/2 and are permuted when they are read). So a pair lies on one PE whenever a PE holds an even
number of columns, and rotating needs no communication.
"""

from __future__ import annotations

import math

import numpy as np

from waferllm.model.config import ModelConfig, RopeScaling


def frequencies(config: ModelConfig, length: int = 0) -> np.ndarray:
    """[head_dim / 2] f64: radians a position of each pair.

    `length` is the number of positions that are planned for. It matters to `dynamic` only: its frequencies depend on
    the length, and keys in a cache cannot be rotated again, so the length of the cache decides once.
    """
    scaling, size = config.rope_scaling, config.head_dim
    theta = config.rope_theta
    if scaling is not None and scaling.kind == "dynamic" and length > scaling.original_positions:
        stretch = scaling.factor * length / scaling.original_positions - (scaling.factor - 1)
        theta *= stretch ** (size / (size - 2))
    plain = theta ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    if scaling is None or scaling.kind == "dynamic":
        return plain
    if scaling.kind == "linear":
        return plain / scaling.factor
    if scaling.kind == "factors":
        return plain / np.array(scaling.factors)
    return _llama3(plain, scaling)


def _llama3(plain: np.ndarray, scaling: RopeScaling) -> np.ndarray:
    """Long waves are stretched by the factor, short ones kept, those between interpolated."""
    turns = scaling.original_positions * plain / (2 * math.pi)
    span = scaling.high_freq_factor - scaling.low_freq_factor
    kept = np.clip((turns - scaling.low_freq_factor) / span, 0, 1)
    return plain * (kept + (1 - kept) / scaling.factor)


def tables(config: ModelConfig, first: int, count: int, length: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of positions first .. first + count - 1: two arrays [count, head_dim / 2] f64."""
    angles = np.arange(first, first + count)[:, None] * frequencies(config, length)[None, :]
    return np.cos(angles), np.sin(angles)


def from_halves(array: np.ndarray, head_dim: int) -> np.ndarray:
    """Rows [heads * head_dim, ...] that pair i with i + d/2 → rows that pair 2i with 2i + 1."""
    rest = array.shape[1:]
    halves = array.reshape(-1, 2, head_dim // 2, *rest)
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(array.shape)


def to_halves(array: np.ndarray, head_dim: int) -> np.ndarray:
    """Inverse of `from_halves`."""
    rest = array.shape[1:]
    pairs = array.reshape(-1, head_dim // 2, 2, *rest)
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(array.shape)
