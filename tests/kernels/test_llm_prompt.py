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


def wafer_of(folder: Path, name: str, mesh: tuple[int, int], arch: str, capacity: int, prompt: int) -> WaferGenerator:
    model = tiny.load(name)
    shape = Shape(model.config, *mesh, capacity, prompt)
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
    shape = Shape(config_of("smollm2-135m"), 96, 96, 96, 96)
    given = shape.params() | {"width": 2, "height": 2, "vocab": 2 * shape.Vt}
    options = [option for option in wafer.options(shape, arch) if not option.startswith(("--params", "--fabric-dims"))]
    options += ["--params=" + ",".join(f"{name}:{value}" for name, value in given.items()), "--fabric-dims=9,4"]
    assert cslc.main([str(ROOT / "kernels_csl/llm/layout.csl"), *options, "-o", str(tmp_path / "out")]) == 0
