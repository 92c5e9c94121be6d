"""A GGUF file goes in: configuration from its metadata, tensors dequantised to f32, the tokenizer that it carries.

GGUF permutes the rows of Q and K of LLaMA models to pair neighbouring columns, which is our convention; those of Qwen2
keep the halves.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize

from waferllm.errors import CheckpointError, ModelError
from waferllm.model.checkpoint.assemble import Checkpoint, Format, Stored, assemble
from waferllm.model.config import ModelConfig, RopeScaling
from waferllm.model.tokenizer import from_gguf

NAMES = {
    "embedding": "token_embd.weight",
    "final_norm": "output_norm.weight",
    "output": "output.weight",
    "attention_norm": "attn_norm.weight",
    "wq": "attn_q.weight",
    "wk": "attn_k.weight",
    "wv": "attn_v.weight",
    "wo": "attn_output.weight",
    "bq": "attn_q.bias",
    "bk": "attn_k.bias",
    "bv": "attn_v.bias",
    "bo": "attn_output.bias",
    "ffn_norm": "ffn_norm.weight",
    "w_gate": "ffn_gate.weight",
    "w_up": "ffn_up.weight",
    "w_down": "ffn_down.weight",
}
HALVES = {"llama": False, "qwen2": True}
"""Architecture → whether Q and K keep the halves."""
FREQUENCIES = "rope_freqs.weight"
INTEGERS = ("I8", "I16", "I32", "I64")


def read_config(path: Path) -> ModelConfig:
    reader = _open(path)
    return _config(path, _metadata(reader), _stored(path, reader))


def load(path: Path, layers: int | None = None) -> Checkpoint:
    """The model of a file; with `layers`, only that many of its first layers are read."""
    reader = _open(path)
    metadata, stored = _metadata(reader), _stored(path, reader)
    config = _config(path, metadata, stored)
    form = Format(NAMES, "blk.{}.", HALVES[metadata["general.architecture"]], rf"^{FREQUENCIES}$")
    if layers is not None:
        config = dataclasses.replace(config, layers=min(layers, config.layers))
    tensors = assemble(config, stored, form, str(path))
    return Checkpoint(config, tensors, functools.partial(from_gguf, metadata, config.vocab, str(path)))


def _open(path: Path) -> GGUFReader:
    try:
        return GGUFReader(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError, MemoryError) as error:
        size = path.stat().st_size
        raise CheckpointError(f"{path}: damaged or truncated ({size} bytes), or no GGUF file: {error}") from error


def _metadata(reader: GGUFReader) -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def _stored(path: Path, reader: GGUFReader) -> dict[str, Stored]:
    """Shapes in GGUF start with the innermost axis."""
    return {
        tensor.name: Stored(
            shape=tuple(int(length) for length in reversed(tensor.shape)),
            dtype=tensor.tensor_type.name,
            usable=tensor.tensor_type.name not in INTEGERS,
            read=functools.partial(_dequantised, path, tensor.name, tensor.data, tensor.tensor_type),
            file=path.name,
        )
        for tensor in reader.tensors
    }


def _dequantised(path: Path, name: str, data: np.ndarray, kind: GGMLQuantizationType) -> np.ndarray:
    try:
        return dequantize(data, kind)
    except NotImplementedError as error:
        raise CheckpointError(f"{path}: tensor '{name}': type {kind.name} cannot be dequantised") from error


def _config(path: Path, metadata: Mapping[str, Any], stored: Mapping[str, Stored]) -> ModelConfig:
    family = metadata.get("general.architecture")
    if family not in HALVES:
        raise ModelError(f"{path}: architecture '{family}' is not supported, expected one of {', '.join(HALVES)}")
    fields = _Fields(path, metadata, f"{family}.")
    if fields.get("expert_count", 0):
        raise ModelError(f"{path}: experts are not supported")
    heads, hidden = fields.need("attention.head_count"), fields.need("embedding_length")
    return ModelConfig(
        name=path.stem,
        vocab=int(fields.get("vocab_size", len(metadata.get("tokenizer.ggml.tokens", [])))),
        hidden=hidden,
        layers=fields.need("block_count"),
        heads=heads,
        kv_heads=int(fields.get("attention.head_count_kv", heads)),
        head_dim=int(fields.get("attention.key_length", hidden // heads)),
        ffn=fields.need("feed_forward_length"),
        rope_theta=float(fields.get("rope.freq_base", 10000.0)),
        rms_eps=_shortest(fields.get("attention.layer_norm_rms_epsilon", 1e-5)),
        max_positions=fields.need("context_length"),
        tied="output.weight" not in stored,
        qkv_bias="blk.0.attn_q.bias" in stored,
        o_bias="blk.0.attn_output.bias" in stored,
        rope_scaling=_scaling(path, fields, stored),
        source="GGUF metadata",
    )


@dataclasses.dataclass(frozen=True)
class _Fields:
    """Metadata of the architecture."""

    path: Path
    metadata: Mapping[str, Any]
    prefix: str

    def get(self, name: str, default: Any) -> Any:
        return self.metadata.get(self.prefix + name, default)

    def need(self, name: str) -> int:
        value = self.metadata.get(self.prefix + name)
        if not isinstance(value, int) or value < 1:
            key = self.prefix + name
            raise CheckpointError(f"{self.path}: metadata '{key}' is {value!r}, expected a positive integer")
        return value


def _shortest(value: float) -> float:
    """A number kept as f32, as it was meant: the shortest decimal that rounds to it."""
    return float(str(np.float32(value)))


def _scaling(path: Path, fields: _Fields, stored: Mapping[str, Stored]) -> RopeScaling | None:
    if FREQUENCIES in stored:
        return RopeScaling("factors", factors=tuple(float(value) for value in stored[FREQUENCIES].read()))
    kind = fields.get("rope.scaling.type", "none")
    if kind == "none":
        return None
    if kind != "linear":
        raise ModelError(f"{path}: rope scaling '{kind}' is not supported, expected linear")
    return RopeScaling("linear", factor=float(fields.get("rope.scaling.factor", 1.0)))
