"""Prefill on the mesh (lib/llm/prefill.csl) gives the stream, K and V that NumPy gives, within the bound of
waferllm.reference.bounds over all layers.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kernels.mesh_program import PROGRAMS, call, compile_program

from waferllm.llm.prompt_tiles import Placement, joined, picked
from waferllm.model import rope
from waferllm.model import tensors as names
from waferllm.model.checkpoint import tiny
from waferllm.model.config import ModelConfig
from waferllm.reference.bounds import bound_of
from waferllm.reference.forward import Reference


def model(name: str, hidden: int, heads: int, kv_heads: int, head_dim: int, ffn: int) -> ModelConfig:
    return ModelConfig(
        name=name, vocab=2, hidden=hidden, layers=2, heads=heads, kv_heads=kv_heads, head_dim=head_dim, ffn=ffn,
        rope_theta=100.0, rms_eps=1e-5, max_positions=64, tied=True,
    )  # fmt: skip


MHA = model("mha", hidden=20, heads=4, kv_heads=4, head_dim=6, ffn=28)
GQA = replace(model("gqa", hidden=24, heads=6, kv_heads=2, head_dim=8, ffn=40), qkv_bias=True)
MQA = replace(model("mqa", hidden=16, heads=3, kv_heads=1, head_dim=8, ffn=24), o_bias=True)


def simulate(
    folder: Path, arch: str, place: Placement, layers: list[dict], x: np.ndarray, chunk: int
) -> dict[str, np.ndarray]:
    model, tokens = place.model, len(x)
    angles = np.stack(rope.tables(model, 0, tokens), 1).astype(np.float32)  # [tokens, 2, head_dim / 2]
    rows = int(place.counts(tokens).max())
    given = {
        "width": place.width, "height": place.height, "layers": model.layers, "heads": model.heads,
        "group": model.group, "half": model.head_dim // 2, "pairs": place.pairs, "rows": rows, "chunk": chunk,
        "qkv_bias": int(model.qkv_bias), "o_bias": int(model.o_bias),
    } | {f"{name}_slab": size for name, size in place.sizes.items()}
    compile_program(PROGRAMS / "llm_prefill/layout.csl", folder, arch, given)
    mesh = place.height, place.width
    pair = np.where(place.kv_x[:, ::2] < 0, 0, place.kv_x[:, ::2] % model.head_dim // 2)  # [width, pairs]
    turns = place.by_tokens(angles[:, :, pair], rows).transpose(0, 3, 1, 2, 4)
    constants = np.array([model.rms_eps, 1 / model.hidden, model.head_dim**-0.5], np.float32)
    cache = model.layers * rows * 2 * place.pairs
    streams = picked(place.by_tokens(x, rows).transpose(2, 0, 1), place.embed_x).transpose(2, 0, 3, 1)
    arrays = {
        "weights": place.weights(layers),
        "angles": turns.reshape(*mesh, -1),
        "constants": np.broadcast_to(constants, (*mesh, 3)),
        "x": streams.reshape(*mesh, -1),
        "last": np.zeros((*mesh, place.embed_y.shape[1]), np.float32),
        "again": np.zeros((*mesh, place.embed_x.shape[1]), np.float32),
        "keys": np.zeros((*mesh, cache), np.float16),
        "values": np.zeros((*mesh, cache), np.float16),
    }
    found = call(folder, [f"prefill:{tokens}", "change"], arrays)
    columns = model.kv_heads * model.head_dim
    keys = found["keys"].reshape(*mesh, model.layers, -1, rows).transpose(0, 4, 2, 1, 3)
    values = found["values"].reshape(*mesh, model.layers, rows, -1).transpose(0, 3, 2, 1, 4)
    check_transition(place, layers, found, tokens)
    stream = found["x"].reshape(*mesh, rows, -1).transpose(0, 2, 1, 3)
    return {
        "x": joined(place.tokens_of(stream, tokens), place.embed_x, model.hidden),
        "keys": joined(place.tokens_of(keys, tokens), place.kv_x, columns),
        "values": joined(place.tokens_of(values, tokens), place.kv_x, columns),
    }


def check_transition(place: Placement, layers: list[dict], found: dict[str, np.ndarray], tokens: int) -> None:
    """The last token's stream has gone over y and over x again, the weights are those of decode."""
    row = np.flatnonzero(place.counts(tokens))[-1]
    rows, size = place.counts(tokens).max(), place.embed_x.shape[1]
    stream = found["x"][row].reshape(place.width, rows, size)[:, place.counts(tokens)[row] - 1]
    last = joined(stream, place.embed_x, place.model.hidden)
    assert (found["last"] == picked(last, place.embed_y)[:, None]).all()
    assert (found["again"] == stream).all()
    if place.width == place.height:
        assert (found["weights"] == place.weights(layers, decode=True)).all()


def check(folder: Path, arch: str, mesh: tuple[int, int], model: ModelConfig, tokens: int, chunk: int) -> None:
    place, tensors = Placement(model, *mesh), tiny.seeded_tensors(model)
    x = np.random.default_rng(1).normal(0, 1, (tokens, model.hidden)).astype(np.float32)
    found = simulate(folder, arch, place, exact_layers(tensors, model), x, chunk)
    bound = bound_of(lambda arithmetic: results(Reference(model, tensors, arithmetic), x))
    assert bound.share(together(found["x"], found["keys"], found["values"])) <= 1


def exact_layers(tensors: dict[str, np.ndarray], model: ModelConfig) -> list[dict[str, np.ndarray]]:
    return [names.layer(tensors, number) for number in range(model.layers)]


def results(reference: Reference, stream: np.ndarray) -> np.ndarray:
    """What all layers make of the stream [L, hidden], and the keys and values that they put into the cache."""
    cache, stream = reference.cache(len(stream)), stream.astype(reference.arithmetic.wide)
    for number in range(reference.config.layers):
        stream = reference.layer(number, stream, cache)
    return together(stream, cache.keys.swapaxes(0, 1), cache.values.swapaxes(0, 1))


def together(x: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[L, all that there is of a token]"""
    return np.concatenate([array.reshape(len(x), -1) for array in (x, keys, values)], axis=1)


@pytest.mark.parametrize(
    ("model", "arch", "mesh"),
    [
        (MHA, "wse2", (4, 4)), (MHA, "wse3", (6, 4)), (GQA, "wse3", (4, 4)), (GQA, "wse2", (6, 4)),
        (MQA, "wse2", (4, 6)), (MQA, "wse3", (5, 5)),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)  # fmt: skip
def test_prefill(tmp_path, model, arch, mesh):
    check(tmp_path, arch, mesh, model, tokens=10, chunk=7)


@pytest.mark.long
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("mesh", [(2, 2), (3, 5), (7, 7), (8, 6)], ids=str)
@pytest.mark.parametrize("model", [MHA, GQA, MQA], ids=["mha", "gqa", "mqa"])
def test_prefill_on_more_meshes(tmp_path, model, arch, mesh):
    check(tmp_path, arch, mesh, model, tokens=23, chunk=12)


@pytest.mark.parametrize(
    ("arch", "mesh", "tokens", "chunk"),
    [("wse2", (8, 8), 5, 3), ("wse3", (8, 8), 19, 30), ("wse3", (2, 3), 1, 1), ("wse2", (3, 2), 7, 4)],
    ids=str,
)
def test_fewer_tokens_than_rows_and_more(tmp_path, arch, mesh, tokens, chunk):
    check(tmp_path, arch, mesh, GQA, tokens, chunk)
