"""The blocks of a LLaMA layer in NumPy, one function a block; every function takes the arithmetic first.

L tokens, E width, H heads of d columns, G of them a head of K and V, T cached positions, F width of the FFN, V words.
"""

from __future__ import annotations

import numpy as np

from waferllm.reference.arithmetic import Arithmetic


def rmsnorm(a: Arithmetic, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """x [L, E], weight [E] -> [L, E]"""
    mean_square = np.mean(x * x, axis=-1, keepdims=True)  # [L, 1]
    return a.store("norm", x / np.sqrt(mean_square + a.wide.type(eps)) * weight)


def project(a: Arithmetic, point: str, x: np.ndarray, matrix: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """x [L, n], matrix [n, m], bias [m] -> [L, m]"""
    y = a.product(x, matrix)
    return a.store(point, y if bias is None else y + bias)


def rope(a: Arithmetic, x: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """x [L, H, d], cosine and sine [L, d/2] -> [L, H, d]: columns 2i and 2i + 1 turned by angle i of the position."""
    even, odd = x[..., 0::2], x[..., 1::2]  # [L, H, d/2]
    c, s = cosine[:, None, :], sine[:, None, :]  # [L, 1, d/2]
    turned = np.stack([even * c - odd * s, even * s + odd * c], axis=-1)  # [L, H, d/2, 2]
    return a.store("rotated", turned.reshape(x.shape))


def softmax_mix(a: Arithmetic, scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    """scores [..., L, T], minus infinity for what is not seen; values [..., T, d] -> weighted values [..., L, d]"""
    grown = np.exp(scores - scores.max(axis=-1, keepdims=True))  # [..., L, T]
    mixed = a.product(a.store("exponential", grown), values)  # [..., L, d]
    return a.store("attention", mixed / grown.sum(axis=-1, keepdims=True))


def attention(a: Arithmetic, q: np.ndarray, k: np.ndarray, v: np.ndarray, first: int) -> np.ndarray:
    """q [L, H, d] of positions first .. first + L - 1; k, v [T, H/G, d] -> [L, H d]. A token sees itself and before."""
    tokens, heads, size = q.shape
    shared = k.shape[1]
    grouped = q.reshape(tokens, shared, heads // shared, size).transpose(1, 2, 0, 3)  # [H/G, G, L, d]
    keys = k.transpose(1, 2, 0)[:, None]  # [H/G, 1, d, T]
    scores = a.store("score", a.product(grouped, keys) * a.wide.type(size**-0.5))  # [H/G, G, L, T]
    ahead = np.arange(k.shape[0])[None, :] > first + np.arange(tokens)[:, None]  # [L, T]
    values = v.transpose(1, 0, 2)[:, None]  # [H/G, 1, T, d]
    mixed = softmax_mix(a, np.where(ahead, a.wide.type(-np.inf), scores), values)  # [H/G, G, L, d]
    return mixed.transpose(2, 0, 1, 3).reshape(tokens, heads * size)


def silu(x: np.ndarray) -> np.ndarray:
    """x / (1 + e^-x), without overflow for large negative x."""
    small = np.exp(-np.abs(x))
    return x * np.where(x >= 0, 1, small) / (1 + small)


def ffn(a: Arithmetic, x: np.ndarray, w_gate: np.ndarray, w_up: np.ndarray, w_down: np.ndarray) -> np.ndarray:
    """x [L, E], w_gate and w_up [E, F], w_down [F, E] -> [L, E]"""
    gate = project(a, "gate", x, w_gate, None)  # [L, F]
    up = project(a, "up", x, w_up, None)  # [L, F]
    inner = a.store("inner", silu(gate) * up)  # [L, F]
    return project(a, "down", inner, w_down, None)


def logits(a: Arithmetic, x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """x [L, E], matrix [E, V] -> [L, V]"""
    return project(a, "logit", x, matrix, None)
