"""A prompt through prefill and the transition, then decode, in one program: logits, tokens and cache against NumPy.

Bounds as in test_llm_decode.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kernels.test_llm_decode import BACKEND, ROOT, check_cache, reference
from support.models import smollm2

from waferllm.errors import CacheFullError
from waferllm.llm import wafer
from waferllm.llm.shape import Shape
from waferllm.llm.wafer import WaferGenerator
from waferllm.model.checkpoint import tiny
from waferllm.model.checkpoint.sources import config_of
from waferllm.reference.bounds import logit_bound
from wafersim.cli import cslc

CASES = [("tiny-mha", 4, 4, 6), ("tiny-gqa", 8, 8, 11), ("tiny-mqa", 6, 4, 9), ("tiny-qwen2", 4, 4, 3)]


BLOCKS = [
    ("tiny-mha", 4, 4, 6, 3), ("tiny-gqa", 8, 8, 11, 16), ("tiny-mqa", 6, 4, 9, 9), ("tiny-qwen2", 3, 5, 7, 4),
    ("tiny-gqa", 5, 4, 12, 1),
]  # fmt: skip
"""Prompts of one block, of several, of a block that is not full."""


def wafer_of(
    folder: Path, name: str, mesh: tuple[int, int], arch: str, capacity: int, prompt: int, block: int = 0
) -> WaferGenerator:
    model = tiny.load(name)
    shape = Shape(model.config, *mesh, capacity, prompt, block=block)
    return WaferGenerator(shape, model.tensors, arch, BACKEND, folder, ROOT / "kernels_csl")


def check(made: WaferGenerator, name: str, prompt: list[int], more: list[int]) -> None:
    """Logits of the last token of the prompt and of those after it, and the whole cache."""
    model, tokens = tiny.load(name), [*prompt, *more]
    machine, cache = reference(name, made.capacity)
    machine.forward(tokens, cache)
    bound = logit_bound(model.config, model.tensors, tokens)
    for position in range(len(prompt) - 1, len(tokens)):
        following = made.prefill(prompt) if position < len(prompt) else made.decode(tokens[position])
        state = made.state()
        assert (abs(state["logits"] - bound.exact[position]) <= bound.bound[position]).all(), position
        assert following == state["logits"].argmax()
        assert state["count"].max() - state["count"].min() <= 1
    check_cache(state, made.shape, cache)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(("name", "width", "height", "length"), CASES)
def test_prompt_then_tokens(tmp_path, arch, name, width, height, length):
    tokens = np.random.default_rng(5).integers(0, tiny.CONFIGS[name].vocab, length + 3).tolist()
    with wafer_of(tmp_path, name, (width, height), arch, 24, length) as made:
        check(made, name, tokens[:length], tokens[length:])


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(("name", "width", "height", "length", "block"), BLOCKS)
def test_prompt_in_blocks_then_tokens(tmp_path, arch, name, width, height, length, block):
    tokens = np.random.default_rng(7).integers(0, tiny.CONFIGS[name].vocab, length + 3).tolist()
    with wafer_of(tmp_path, name, (width, height), arch, 24, 0, block) as made:
        check(made, name, tokens[:length], tokens[length:])
        assert made.prefill(tokens[:2]) == made.prefill(tokens[:2])


WORDS = [("tiny", 4, 4, "wse2", 16, 0), ("tiny-qwen2", 6, 4, "wse3", 16, 0), ("tiny-mqa", 4, 4, "wse2", 0, 5),
         ("tiny-mha", 8, 8, "wse3", 0, 5)]  # fmt: skip


@pytest.mark.parametrize(("name", "width", "height", "arch", "together", "block"), WORDS)
def test_64_words_after_a_prompt(tmp_path, name, width, height, arch, together, block):
    """Greedy tokens after prefill on the mesh are the reference's; the shift keeps the rows balanced all the time."""
    prompt, capacity = np.random.default_rng(8).integers(0, tiny.CONFIGS[name].vocab, 13).tolist(), 80
    machine, cache = reference(name, capacity)
    with wafer_of(tmp_path, name, (width, height), arch, capacity, together, block) as made:
        found, expected = [made.prefill(prompt)], [int(machine.forward(prompt, cache)[-1].argmax())]
        for step in range(63):
            found.append(made.decode(found[-1]))
            expected.append(int(machine.forward([expected[-1]], cache)[-1].argmax()))
            if step % 9 == 0:
                count = made.state()["count"]
                assert (count.sum(), count.max() - count.min() <= 1) == (14 + step, True)
        assert found == expected
        check_cache(made.state(), made.shape, cache)


def test_longer_prompts_go_on_one_by_one(tmp_path):
    tokens = np.random.default_rng(6).integers(0, tiny.CONFIGS["tiny-mqa"].vocab, 7).tolist()
    with wafer_of(tmp_path, "tiny-mqa", (3, 3), "wse2", 9, 4) as made:
        check(made, "tiny-mqa", tokens[:6], tokens[6:])
        assert made.prefill(tokens[:2]) == made.prefill(tokens[:2])  # again, from decode's placement and cache


def test_more_tokens_than_the_cache_has_places(tmp_path):
    with (
        wafer_of(tmp_path, "tiny-mqa", (4, 4), "wse3", 4, 8) as made,
        pytest.raises(CacheFullError, match="4 places, the prompt 5 tokens"),
    ):
        made.prefill([1, 2, 3, 4, 5])


@smollm2
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_smollm2_has_room_for_prefill_on_96_x_96(tmp_path, arch):
    """All 30 layers; a PE holds as much on a small mesh with the same shapes."""
    check_room(tmp_path, Shape(config_of("smollm2-135m"), 96, 96, 96, 96), arch)


@smollm2
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_smollm2_has_room_for_blocks_of_16_and_192_positions(tmp_path, arch):
    check_room(tmp_path, Shape(config_of("smollm2-135m"), 96, 96, 192, 0, timed=True, block=16), arch)


def check_room(tmp_path, shape: Shape, arch: str) -> None:
    given = shape.params() | {"width": 2, "height": 2, "vocab": 2 * shape.Vt}
    options = [option for option in wafer.options(shape, arch) if not option.startswith(("--params", "--fabric-dims"))]
    options += ["--params=" + ",".join(f"{name}:{value}" for name, value in given.items()), "--fabric-dims=9,4"]
    assert cslc.main([str(ROOT / "kernels_csl/llm/layout.csl"), *options, "-o", str(tmp_path / "out")]) == 0
