"""Generation: greedy tokens, ends and refusals, the command's words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from support.models import smollm2

from waferllm.cli import main
from waferllm.errors import PromptError
from waferllm.generate import ReferenceGenerator, generate
from waferllm.model.checkpoint import load
from waferllm.model.tokenizer import byte_level
from waferllm.reference.arithmetic import FLOAT32, MACHINE

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
    assert ((leading[:, 1] - leading[:, 0]) / errors).min() > 3
    assert len(set(run.tokens)) > 8


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


# ---------------------------------------------------------------------------------------------- the command


def command(capsys, *words):
    code = main(["generate", *words, "--reference"])
    return code, *capsys.readouterr()


def test_the_command_writes_the_text_and_says_how_it_ended(capsys):
    code, out, err = command(capsys, "Once upon a time", "-n", "12", "--ignore-end")
    tokenizer = byte_level()
    tokens = generated("tiny", tokenizer.encode("Once upon a time"), 12).tokens
    assert (code, out) == (0, tokenizer.decode(tokens) + "\n")
    assert re.fullmatch(r"12 tokens after a prompt of 14, .* a second; ended: as many as asked for\n", err)


def test_the_machines_arithmetic_writes_the_same(capsys):
    words = ("Once upon a time", "-n", "16")
    assert command(capsys, *words)[1] == command(capsys, *words, "--arithmetic", "machine")[1]


def test_a_cache_that_fills_up_keeps_the_text(capsys):
    code, out, err = command(capsys, "Once upon a time", "-n", "12", "--ignore-end", "--capacity", "20")
    tokens = generated("tiny", byte_level().encode("Once upon a time"), 7).tokens
    assert (code, out) == (0, byte_level().decode(tokens) + "\n")
    assert "7 tokens" in err
    assert "ended: the KV cache is full: 20 of 20 positions are taken" in err


def test_chat_uses_the_template(capsys):
    _, plain, _ = command(capsys, "hi", "-n", "8", "--ignore-end")
    text = "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    _, chatted, err = command(capsys, "hi", "-n", "8", "--chat", "--system", "be brief", "--ignore-end")
    assert chatted == command(capsys, text, "-n", "8", "--ignore-end")[1] != plain
    assert f"prompt of {len(byte_level().encode(text))}" in err


REFUSED = {
    "empty": (("",), "the prompt is empty"),
    "long": (("x" * 30, "--capacity", "8"), "the prompt has 30 tokens, the KV cache has room for 8"),
    "beyond the model": (("x" * 600,), "the prompt has 600 tokens, the KV cache has room for 512"),
    "capacity": (("x", "--capacity", "0"), "--capacity: 0 is not allowed, expected 1 to 512"),
    "count": (("x", "-n", "0"), "0 tokens to generate"),
    "model": (("x", "--model", "tinny"), "unknown model 'tinny', did you mean 'tiny'?"),
    "no weights": (("x", "--model", "llama-3-8b"), "only its dimensions are known here"),
    "system": (("x", "--system", "y"), "--system is for --chat"),
}


@pytest.mark.parametrize("words, message", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_generated_is_refused(capsys, words, message):
    code, out, err = command(capsys, *words)
    assert (code, out) == (1, "")
    assert err.startswith("waferllm: error: ")
    assert message in err


def test_a_prompt_that_fills_the_model_still_gives_one_token(capsys):
    _, _, err = command(capsys, "x" * 512, "-n", "5", "--ignore-end")
    assert "1 tokens after a prompt of 512" in err
