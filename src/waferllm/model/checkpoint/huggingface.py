"""A folder as Hugging Face lays it out: config.json and model.safetensors, or shards with their index, go in."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  (gives NumPy the type bfloat16, in which most checkpoints are stored)
import numpy as np
from safetensors import SafetensorError, safe_open

from waferllm.errors import CheckpointError
from waferllm.model.checkpoint.assemble import Checkpoint, Format, Stored, assemble
from waferllm.model.config import ModelConfig, from_huggingface
from waferllm.model.tokenizer import from_folder

FORM = Format(
    names={
        "embedding": "model.embed_tokens.weight",
        "final_norm": "model.norm.weight",
        "output": "lm_head.weight",
        "attention_norm": "input_layernorm.weight",
        "wq": "self_attn.q_proj.weight",
        "wk": "self_attn.k_proj.weight",
        "wv": "self_attn.v_proj.weight",
        "wo": "self_attn.o_proj.weight",
        "bq": "self_attn.q_proj.bias",
        "bk": "self_attn.k_proj.bias",
        "bv": "self_attn.v_proj.bias",
        "bo": "self_attn.o_proj.bias",
        "ffn_norm": "post_attention_layernorm.weight",
        "w_gate": "mlp.gate_proj.weight",
        "w_up": "mlp.up_proj.weight",
        "w_down": "mlp.down_proj.weight",
    },
    layer="model.layers.{}.",
    halves=True,
    ignored=r"rotary_emb\.inv_freq$",
)
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
USABLE = ("F16", "BF16", "F32", "F64")


def read_config(folder: Path) -> ModelConfig:
    return from_huggingface(read_json(folder / "config.json"), folder.name)


def load(folder: Path, layers: int | None = None) -> Checkpoint:
    """The model in `folder`; with `layers`, only that many of its first layers are read."""
    config = read_config(folder)
    if layers is not None:
        config = dataclasses.replace(config, layers=min(layers, config.layers))
    tensors = assemble(config, _stored(folder), FORM, str(folder))
    return Checkpoint(config, tensors, functools.partial(from_folder, folder, config.vocab))


def read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: expected a JSON object, found {type(values).__name__}")
    return values


def _stored(folder: Path) -> dict[str, Stored]:
    """Tensors of all files of the folder."""
    if (folder / SINGLE).is_file():
        return _tensors(folder / SINGLE)
    if (folder / INDEX).is_file():
        return _sharded(folder)
    present = ", ".join(sorted(path.name for path in folder.iterdir())[:12]) or "nothing"
    raise CheckpointError(f"{folder}: expected {SINGLE} or {INDEX}, found {present}")


def _sharded(folder: Path) -> dict[str, Stored]:
    """All shards that the index names, each with the tensors that it says."""
    places = read_json(folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{folder / INDEX}: 'weight_map' is missing or empty")
    shards = sorted(set(places.values()))
    wrong = [shard for shard in shards if Path(shard).name != shard]
    if wrong:
        raise CheckpointError(f"{folder / INDEX}: a shard has to be a file of the same folder, found '{wrong[0]}'")
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise CheckpointError(f"{folder}: {len(missing)} of {len(shards)} shards are missing: {', '.join(missing)}")
    found: dict[str, Stored] = {}
    for shard in shards:
        tensors = _tensors(folder / shard)
        promised = {name for name, place in places.items() if place == shard}
        _check_shard(folder / shard, promised, set(tensors))
        found |= tensors
    return found


def _check_shard(path: Path, promised: set[str], present: set[str]) -> None:
    for name in sorted(promised - present):
        raise CheckpointError(f"{path}: tensor '{name}' is missing, the index says that it is here")
    for name in sorted(present - promised):
        raise CheckpointError(f"{path}: tensor '{name}' is not of this file, says the index")


def _tensors(path: Path) -> dict[str, Stored]:
    """Of one file, by name; nothing but its header is read."""
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        return {
            name: Stored(
                shape=tuple(part.get_shape()),
                dtype=part.get_dtype(),
                usable=part.get_dtype() in USABLE,
                read=functools.partial(_read, path, name),
                file=path.name,
            )
            for name, part in slices.items()
        }


def _read(path: Path, name: str) -> np.ndarray:
    with _opened(path) as file:
        return file.get_tensor(name)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (SafetensorError, OSError) as error:
        size = path.stat().st_size
        raise CheckpointError(f"{path}: damaged or truncated ({size} bytes): {error}") from error
