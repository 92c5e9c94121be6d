"""A prompt through prefill and the transition, then decode, in one program: logits, tokens and cache against NumPy.

Bounds as in test_llm_decode.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kernels.test_llm_decode import BACKEND, FACTOR, ROOT, check_cache, references

from waferllm.llm.shape import Shape
from waferllm.llm.wafer import WaferGenerator
from waferllm.model.checkpoint import tiny

CASES = [("tiny-mha", 4, 4, 6), ("tiny-gqa", 8, 8, 11), ("tiny-mqa", 6, 4, 9), ("tiny-qwen2", 4, 4, 3)]


def wafer_of(folder: Path, name: str, mesh: tuple[int, int], arch: str, capacity: int, prompt: int) -> WaferGenerator:
    model = tiny.load(name)
    shape = Shape(model.config, *mesh, capacity, prompt)
    return WaferGenerator(shape, model.tensors, arch, BACKEND, folder, ROOT / "kernels_csl")


def check(wafer: WaferGenerator, name: str, prompt: list[int], more: list[int]) -> None:
    (machine, exact), caches = references(name, wafer.capacity)
    for step, tokens in enumerate([prompt, *([token] for token in more)]):
        following = wafer.prefill(tokens) if step == 0 else wafer.decode(tokens[0])
        state = wafer.state()
        rounded, right = (r.forward(tokens, c)[-1] for r, c in zip((machine, exact), caches, strict=True))
        assert abs(state["logits"] - right).max() <= FACTOR * abs(rounded - right).max(), step
        assert following == state["logits"].argmax()
        assert state["count"].max() - state["count"].min() <= 1
        check_cache(state, wafer.shape, caches[0])


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(("name", "width", "height", "length"), CASES)
def test_prompt_then_tokens(tmp_path, arch, name, width, height, length):
    tokens = np.random.default_rng(5).integers(0, tiny.CONFIGS[name].vocab, length + 3).tolist()
    with wafer_of(tmp_path, name, (width, height), arch, 24, length) as wafer:
        check(wafer, name, tokens[:length], tokens[length:])
