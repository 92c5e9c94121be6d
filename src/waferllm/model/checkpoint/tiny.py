"""Tiny models for tests, made from a seed: a name goes in, configuration and f16 weights come out.

Two layers of width 64, one for each kind of attention, with and without biases, tied and not. Weights have the spread
of trained ones (products keep the size of activations), and are f16 numbers, so that machine and reference start from
the same values. Each mesh up to 8 x 8 divides all widths but the vocabulary's.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from waferllm.model.checkpoint.assemble import Checkpoint
from waferllm.model.config import ModelConfig
from waferllm.model.tensors import shapes
from waferllm.model.tokenizer import byte_level

SEED = 140
"""Of 400 that were tried, the one whose greedy choices are clearest: over 64 tokens after two prompts, the two leading
logits always differ by three times the largest error of the machine's arithmetic (tests/models/test_generate.py)."""
TABLES = ("embedding", "output")
"""Matrices whose numbers do not shrink with their width, so that logits differ clearly."""
SPREAD = {"wo": 2.0}
"""Attention weighs more than the embedding that it is added to, so that the text before matters."""


TINY = ModelConfig(
    name="tiny",
    vocab=288,
    hidden=64,
    layers=2,
    heads=4,
    kv_heads=2,
    head_dim=16,
    ffn=128,
    rope_theta=10000.0,
    rms_eps=1e-5,
    max_positions=512,
    source="made in the repository",
)
VARIANTS = (
    TINY,
    replace(TINY, name="tiny-mha", kv_heads=4),
    replace(TINY, name="tiny-gqa"),
    replace(TINY, name="tiny-mqa", kv_heads=1, tied=True),
    replace(TINY, name="tiny-qwen2", qkv_bias=True, rope_theta=1e6, rms_eps=1e-6),
)
CONFIGS = {config.name: config for config in VARIANTS}


def load(name: str, layers: int | None = None) -> Checkpoint:
    config = CONFIGS[name]
    made = Checkpoint(config, seeded_tensors(config), byte_level)
    return made if layers is None else made.first_layers(min(layers, config.layers))


def seeded_tensors(config: ModelConfig, seed: int = SEED) -> dict[str, np.ndarray]:
    """f16 tensors of any configuration; a tensor depends on its name and the seed only."""
    return {name: _tensor(name, shape, seed) for name, shape in shapes(config).items()}


def _tensor(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    values = random.standard_normal(shape)
    if name.endswith("norm"):
        # signs in the last norm keep a tied model from repeating its last token
        signs = random.choice([-1.0, 1.0], shape) if name == "final_norm" else 1.0
        return (signs * (1 + values / 10)).astype(np.float16)
    kind = name.rpartition(".")[2]
    if len(shape) == 1:
        return (values * 0.3).astype(np.float16)
    spread = SPREAD.get(kind, 1.0) * (1.0 if kind in TABLES else shape[0] ** -0.5)
    return (values * spread).astype(np.float16)
