"""Checkpoints on disk for tests: a model of ours goes in, a Hugging Face folder or a GGUF file comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from gguf import GGUFWriter
from safetensors.numpy import save_file

from waferllm.model.checkpoint import Checkpoint, gguf_file, huggingface
from waferllm.model.config import ModelConfig


def halves(array: np.ndarray, head_dim: int) -> np.ndarray:
    """Columns (last axis) 0, 2, 4 .. of each head first, then 1, 3, 5 ..: what Hugging Face pairs."""
    order = np.concatenate([np.arange(0, head_dim, 2), np.arange(1, head_dim, 2)])
    heads = array.reshape(*array.shape[:-1], -1, head_dim)
    return heads[..., order].reshape(array.shape)


def foreign(model: Checkpoint, form: huggingface.Format) -> dict[str, np.ndarray]:
    """Tensors with foreign names, [out, in]."""
    found = {}
    for name, array in model.tensors.items():
        if form.halves and name.rpartition(".")[2] in ("wq", "wk", "bq", "bk"):
            array = halves(array, model.config.head_dim)
        turned = array.ndim == 2 and name != "embedding"
        found[form.foreign(name)] = np.ascontiguousarray(array.T if turned else array)
    return found


def config_json(config: ModelConfig) -> dict:
    return {
        "model_type": "qwen2" if config.qkv_bias else "llama",
        "vocab_size": config.vocab,
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "intermediate_size": config.ffn,
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.rms_eps,
        "max_position_embeddings": config.max_positions,
        "tie_word_embeddings": config.tied,
        "hidden_act": "silu",
        "eos_token_id": 2,
    }


def write_folder(folder: Path, model: Checkpoint, tensors: Mapping[str, np.ndarray] | None = None, **config) -> Path:
    """One model.safetensors; `config` replaces keys of config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config_json(model.config) | config))
    save_file(dict(foreign(model, huggingface.FORM) if tensors is None else tensors), folder / huggingface.SINGLE)
    model.read_tokenizer().backend.save(str(folder / "tokenizer.json"))
    return folder


def write_shards(folder: Path, model: Checkpoint, shards: int = 2) -> Path:
    """The tensors dealt out over several files, with their index."""
    write_folder(folder, model)
    (folder / huggingface.SINGLE).unlink()
    tensors = foreign(model, huggingface.FORM)
    places = {name: f"model-{number % shards + 1:05}-of-{shards:05}.safetensors" for number, name in enumerate(tensors)}
    for shard in set(places.values()):
        save_file({name: array for name, array in tensors.items() if places[name] == shard}, folder / shard)
    (folder / huggingface.INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


def write_gguf(path: Path, model: Checkpoint) -> Path:
    """LLaMA's layout of Q and K, or Qwen2's where the model has biases."""
    config = model.config
    family = "qwen2" if config.qkv_bias else "llama"
    writer = GGUFWriter(path, family)
    writer.add_vocab_size(config.vocab)
    writer.add_context_length(config.max_positions)
    writer.add_embedding_length(config.hidden)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.ffn)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.rms_eps)
    backend = model.read_tokenizer().backend
    tokens = [backend.id_to_token(number) for number in range(config.vocab)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * (len(tokens) - 3))
    writer.add_token_merges([" ".join(token) for token in tokens[259:]])
    writer.add_eos_token_id(2)
    form = huggingface.Format(gguf_file.NAMES, "blk.{}.", gguf_file.HALVES[family], "$^")
    for name, array in foreign(model, form).items():
        writer.add_tensor(name, array.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
