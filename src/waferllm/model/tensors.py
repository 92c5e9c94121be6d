"""The tensors of a model: a configuration goes in, their names and shapes come out. Kernels, partition, readers and
references share this one convention.

Matrices are [in, out]: a block computes y = x W with x a row of activations, as C = A B of the kernels. Columns of
`wq` and `wk` (and their biases) are head by head, in a head pair by pair as `waferllm.model.rope` says; `wv` is head by
head; rows of `wo` are as the columns of `wq`'s heads. The embedding is [vocab, hidden]; the output matrix is
[hidden, vocab], and is the embedding transposed where the two are tied.

    embedding                     [vocab, hidden]
    layers.I.attention_norm       [hidden]
    layers.I.wq, bq               [hidden, heads * head_dim], [heads * head_dim]
    layers.I.wk, bk, wv, bv       [hidden, kv_heads * head_dim], [kv_heads * head_dim]
    layers.I.wo, bo               [heads * head_dim, hidden], [hidden]
    layers.I.ffn_norm             [hidden]
    layers.I.w_gate, w_up         [hidden, ffn]
    layers.I.w_down               [ffn, hidden]
    final_norm                    [hidden]
    output                        [hidden, vocab]; absent where tied
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from waferllm.model.config import ModelConfig

Shape = tuple[int, ...]
Tensors = Mapping[str, np.ndarray]


def layer_shapes(config: ModelConfig) -> dict[str, Shape]:
    """Tensors of one layer, without the prefix."""
    hidden, q, kv, ffn = config.hidden, config.q_width, config.kv_width, config.ffn
    biases = {"bq": (q,), "bk": (kv,), "bv": (kv,)} if config.qkv_bias else {}
    return {
        "attention_norm": (hidden,),
        "wq": (hidden, q),
        "wk": (hidden, kv),
        "wv": (hidden, kv),
        **biases,
        "wo": (q, hidden),
        **({"bo": (hidden,)} if config.o_bias else {}),
        "ffn_norm": (hidden,),
        "w_gate": (hidden, ffn),
        "w_up": (hidden, ffn),
        "w_down": (ffn, hidden),
    }


def shapes(config: ModelConfig) -> dict[str, Shape]:
    """All tensors of a model, in the order of the forward pass."""
    found: dict[str, Shape] = {"embedding": (config.vocab, config.hidden)}
    for number in range(config.layers):
        found |= {f"layers.{number}.{name}": shape for name, shape in layer_shapes(config).items()}
    found["final_norm"] = (config.hidden,)
    if not config.tied:
        found["output"] = (config.hidden, config.vocab)
    return found


def layer(tensors: Tensors, number: int) -> dict[str, np.ndarray]:
    """Tensors of layer `number`, without the prefix."""
    prefix = f"layers.{number}."
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}


def output_matrix(tensors: Tensors) -> np.ndarray:
    """[hidden, vocab]"""
    return tensors["output"] if "output" in tensors else tensors["embedding"].T


def parameters(config: ModelConfig) -> int:
    """Number of weights."""
    return sum(int(np.prod(shape)) for shape in shapes(config).values())
