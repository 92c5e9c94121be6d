"""Decode on the mesh against the NumPy reference: logits, tokens and every cell of the KV cache, token by token.

Logits have to be within the bound of waferllm.reference.bounds, which holds for sums in any order.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from waferllm.backends.commands import Commands
from waferllm.errors import CacheFullError
from waferllm.llm.shape import Shape
from waferllm.llm.wafer import WaferGenerator, cache_entries
from waferllm.model.checkpoint import tiny
from waferllm.model.config import ModelConfig
from waferllm.reference.arithmetic import MACHINE
from waferllm.reference.bounds import logit_bound
from waferllm.reference.forward import Reference

ROOT = Path(__file__).resolve().parents[2]
BACKEND = Commands(
    "wafersim", (sys.executable, "-m", "wafersim.cli.cslc"), (sys.executable, "-m", "wafersim.cli.cs_python")
)
ULPS = 4
"""Of f16: how far a cell of the cache may be from the reference's."""
ARCHS = ["wse2", "wse3"]
CASES = [
    ("tiny-mha", 4, 4), ("tiny-gqa", 4, 4), ("tiny-mqa", 4, 4), ("tiny-qwen2", 4, 4),
    ("tiny-gqa", 8, 8), ("tiny-mqa", 6, 4), ("tiny-qwen2", 3, 5),
]  # fmt: skip
LONG_CASES = [(name, *mesh) for name, mesh in itertools.product(tiny.CONFIGS, [(2, 2), (8, 8), (5, 7), (9, 2)])]


def generator(folder: Path, name: str, width: int, height: int, arch: str, capacity: int, **options) -> WaferGenerator:
    model = tiny.load(name)
    shape = Shape(model.config, width, height, capacity)
    return WaferGenerator(shape, model.tensors, arch, BACKEND, folder, ROOT / "kernels_csl", **options)


def reference(name: str, capacity: int):
    model = tiny.load(name)
    machine = Reference(model.config, model.tensors, MACHINE)
    return machine, machine.cache(capacity)


def check_cache(state, shape: Shape, cache) -> None:
    for key, theirs in (("keys", cache.keys), ("values", cache.values)):
        expected = theirs[:, : cache.length].reshape(shape.config.layers, cache.length, -1)
        # a last place of the largest cells: differences come in through the residual stream
        place = np.spacing(np.float16(abs(expected).max())).astype(np.float64)
        assert abs(cache_entries(shape, state, key) - expected).max() <= ULPS * place


def check_decode(folder: Path, name: str, width: int, height: int, arch: str, steps: int = 12, capacity: int = 30):
    """The tokens are given, so that every position is compared, whatever comes out."""
    model = tiny.load(name)
    tokens = np.random.default_rng(3).integers(0, model.config.vocab, steps).tolist()
    machine, cache = reference(name, capacity)
    machine.forward(tokens, cache)
    bound = logit_bound(model.config, model.tensors, tokens)
    logits = []
    with generator(folder, name, width, height, arch, capacity) as wafer:
        for step, token in enumerate(tokens):
            following = wafer.prefill([token]) if step == 0 else wafer.decode(token)
            state = wafer.state()
            logits.append(state["logits"])
            assert following == state["logits"].argmax()
            assert state["count"].max() - state["count"].min() <= 1
        assert bound.share(np.array(logits)) <= 1
        check_cache(state, wafer.shape, cache)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(("name", "width", "height"), CASES)
def test_logits_and_cache_at_every_position(tmp_path, name, width, height, arch):
    check_decode(tmp_path, name, width, height, arch)


@pytest.mark.long
@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(("name", "width", "height"), LONG_CASES)
def test_logits_and_cache_on_more_meshes(tmp_path, name, width, height, arch):
    check_decode(tmp_path, name, width, height, arch, steps=20)


@pytest.mark.parametrize(("name", "width", "arch"), [("tiny-mha", 4, "wse2"), ("tiny-qwen2", 6, "wse3")])
def test_the_same_words_as_the_reference(tmp_path, name, width, arch):
    prompt, count = [7, 23, 200, 5], 64
    machine, cache = reference(name, 96)
    with generator(tmp_path, name, width, 4, arch, 96) as wafer:
        found, expected = [wafer.prefill(prompt)], [int(machine.forward(prompt, cache)[-1].argmax())]
        for _ in range(count - 1):
            found.append(wafer.decode(found[-1]))
            expected.append(int(machine.forward([expected[-1]], cache)[-1].argmax()))
        assert found == expected
        check_cache(wafer.state(), wafer.shape, cache)
        assert wafer.prefill(prompt) == found[0]  # again from an empty cache


def test_concatenation_fills_the_last_row(tmp_path):
    prompt, height, capacity = [3, 1, 4, 1, 5, 9], 4, 16
    machine, cache = reference("tiny-gqa", capacity)
    with generator(tmp_path, "tiny-gqa", 4, height, "wse3", capacity, concatenate=True) as wafer:
        found, expected = [wafer.prefill(prompt)], [int(machine.forward(prompt, cache)[-1].argmax())]
        for _ in range(3):
            found.append(wafer.decode(found[-1]))
            expected.append(int(machine.forward([expected[-1]], cache)[-1].argmax()))
        state = wafer.state()
        assert found == expected
        assert state["count"].tolist() == [2, 2, 1, 4]
        check_cache(state, wafer.shape, cache)
        with pytest.raises(CacheFullError, match="row 3 of the PEs holds 4 tokens, 9 in all rows"):
            wafer.decode(1)


def test_shift_uses_every_slot(tmp_path):
    with generator(tmp_path, "tiny-mqa", 4, 4, "wse2", 8) as wafer:
        wafer.prefill([1, 2, 3])
        for token in range(5):
            wafer.decode(token)
        assert wafer.state()["count"].tolist() == [2, 2, 2, 2]
        with pytest.raises(CacheFullError, match="8 in all rows"):
            wafer.decode(1)


ODD = replace(
    tiny.TINY, name="odd", vocab=101, hidden=50, heads=6, kv_heads=3, head_dim=10, ffn=70, qkv_bias=True, o_bias=True,
    tied=False,
)  # fmt: skip
"""Nothing divides, columns of PEs have parts of two heads, all biases are there."""


def check_model(folder: Path, config: ModelConfig, width: int, height: int, arch: str, together: int) -> None:
    """A prompt and then single tokens."""
    tensors = tiny.seeded_tensors(config)
    tokens = np.random.default_rng(4).integers(0, config.vocab, 10).tolist()
    shape = Shape(config, width, height, 12, together)
    bound = logit_bound(config, tensors, tokens)
    with WaferGenerator(shape, tensors, arch, BACKEND, folder, ROOT / "kernels_csl") as wafer:
        for step in range(4, len(tokens)):
            following = wafer.prefill(tokens[:5]) if step == 4 else wafer.decode(tokens[step])
            logits = wafer.state()["logits"]
            assert following == logits.argmax()
            assert (abs(logits - bound.exact[step]) <= bound.bound[step]).all(), step


ODD_CASES = [(4, 3, "wse2", 0), (4, 4, "wse3", 8), (3, 2, "wse2", 8), (11, 5, "wse3", 0)]


@pytest.mark.parametrize(("width", "height", "arch", "together"), ODD_CASES)
def test_dimensions_that_do_not_divide_and_all_biases(tmp_path, width, height, arch, together):
    check_model(tmp_path, ODD, width, height, arch, together)
