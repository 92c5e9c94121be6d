"""Tokenizers: round trips, ids that others publish, special tokens, chat templates."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.folders import write_folder
from support.models import smollm2

from waferllm.errors import CheckpointError, ModelError
from waferllm.model import chat
from waferllm.model.checkpoint import load
from waferllm.model.tokenizer import byte_characters, byte_level, from_gguf

TINY = byte_level()


@pytest.fixture(scope="module")
def real():
    return load("smollm2-135m", layers=1).read_tokenizer()


@given(st.text())
@settings(deadline=None)
def test_any_text_survives_the_tiny_tokenizer(text):
    tokens = TINY.encode(text)
    assert all(0 <= token < 288 for token in tokens)
    if "<|" not in text:
        assert TINY.decode(tokens) == text
    assert TINY.decode(tokens, special=True) == text


def test_the_tiny_tokenizer_knows_bytes_pairs_and_special_tokens():
    assert TINY.encode("the<|im_end|>") == [259, 3 + byte_characters().index("e"), 2]
    assert len(set(byte_characters())) == 256
    assert TINY.stops == {2}


@given(st.text())
@settings(deadline=None)
def test_streamed_text_is_the_whole_text(text):
    pieces = list(TINY.stream(TINY.encode(text)))
    assert "".join(pieces) == TINY.decode(TINY.encode(text))


def test_streaming_holds_back_incomplete_characters():
    tokens = TINY.encode("é!")
    assert len(tokens) == 3
    assert list(TINY.stream(tokens)) == ["é", "!", ""]


def test_chat_of_the_tiny_models_is_chatml():
    text = chat.prompt(TINY, "hi", system="be brief")
    assert text == "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert TINY.encode(text)[0] == 1


# ---------------------------------------------------------------------------------------------- folders


def test_a_folder_says_what_begins_and_ends_a_text(tmp_path):
    folder = write_folder(tmp_path / "m", load("tiny"))
    settings_ = {"bos_token": "<|im_start|>", "eos_token": {"content": "<|im_end|>"}, "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings_ | {"chat_template": "{{ bos_token }}x"}))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 2]}))
    tokenizer = load(str(folder)).read_tokenizer()
    assert tokenizer.encode("he")[0] == 1
    assert tokenizer.encode("he", begin=False) == TINY.encode("he")
    assert tokenizer.stops == {0, 2}
    assert chat.prompt(tokenizer, "he") == "<|im_start|>x"


def test_a_folder_without_tokenizer_is_a_model_without_text(tmp_path):
    folder = write_folder(tmp_path / "m", load("tiny"))
    (folder / "tokenizer.json").unlink()
    model = load(str(folder))
    with pytest.raises(CheckpointError, match=r"expected tokenizer.json"):
        model.read_tokenizer()


def test_a_tokenizer_larger_than_the_vocabulary_is_refused(tmp_path):
    folder = write_folder(tmp_path / "m", load("tiny"))
    description = json.loads((folder / "tokenizer.json").read_text())
    description["model"]["vocab"] |= {"x" * 20: 288}
    (folder / "tokenizer.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match="has 289 tokens, the model's vocabulary 288"):
        load(str(folder)).read_tokenizer()


def test_damaged_tokenizers_are_refused(tmp_path):
    folder = write_folder(tmp_path / "m", load("tiny"))
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="the tokenizer cannot be read"):
        load(str(folder)).read_tokenizer()


# ----------------------------------------------------------------------------------------------- templates


def with_template(template):
    return from_gguf(
        {
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.tokens": byte_characters(),
            "tokenizer.chat_template": template,
        },
        256,
        "test",
    )


def test_templates_run_in_a_sandbox():
    with pytest.raises(ModelError, match="cannot be rendered"):
        chat.prompt(with_template("{{ messages.__class__.__mro__ }}"), "x")


def test_templates_may_refuse():
    with pytest.raises(ModelError, match="refuses the messages: no system"):
        chat.prompt(with_template("{{ raise_exception('no system') }}"), "x")


def test_models_without_template_say_so():
    with pytest.raises(ModelError, match="no chat template"):
        chat.prompt(with_template(None), "x")


# ------------------------------------------------------------------------------------------ SentencePiece


def pieces():
    """Unknown, begin, end, bytes, then words whose scores fall in the order of merging."""
    words = ["▁", "a", "b", "c", "ab", "▁ab", "abc", "▁a"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * 259 + [-float(number) for number in range(len(words))],
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * len(words),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }


def test_pieces_merge_by_score_and_unknown_characters_become_bytes():
    tokenizer = from_gguf(pieces(), 267, "test")
    shown = [tokenizer.backend.id_to_token(token) for token in tokenizer.encode("ab abc é")]
    assert shown == ["<s>", "▁ab", "▁ab", "c", "▁", "<0xC3>", "<0xA9>"]
    assert tokenizer.decode(tokenizer.encode("ab abc é")) == "ab abc é"


def test_pieces_need_their_scores():
    with pytest.raises(CheckpointError, match="expected a score for each of the 267 tokens, found 3"):
        from_gguf(pieces() | {"tokenizer.ggml.scores": [0.0] * 3}, 267, "test")


def test_unknown_tokenizers_are_refused():
    with pytest.raises(ModelError, match="tokenizer 'bert' is not supported"):
        from_gguf({"tokenizer.ggml.model": "bert"}, 1, "test")
    with pytest.raises(ModelError, match="pre-tokenizer 'tekken' is not supported"):
        from_gguf(pieces() | {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "tekken"}, 267, "test")


# ------------------------------------------------------------------------------------------------ SmolLM2

SYSTEM = [1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407, 19712, 8182]
KNOWN = {
    "What is the capital of France?": [1780, 314, 260, 3575, 282, 4649, 47],
    "hello world": [28120, 905],
    "Hello, \u4e16\u754c!": [19556, 28, 216, 7906, 240, 178, 239, 230, 17],
    "assistant\n": [520, 9531, 198],
    "The capital of France is Paris.": [504, 3575, 282, 4649, 314, 7042, 30],
}
"""Ids that several public programs print or test for, made with the model's own tokenizer.json."""


@smollm2
@pytest.mark.parametrize("text, ids", KNOWN.items())
def test_ids_are_those_of_the_models_own_tokenizer(real, text, ids):
    assert real.encode(text) == ids
    assert real.decode(ids) == text


@smollm2
def test_chat_ids_are_those_of_the_models_own_tokenizer(real):
    ids = real.encode(chat.prompt(real, "What is the capital of France?"))
    assert ids == [*SYSTEM, 2, 198, 1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198]
    assert real.stops == {2}


@smollm2
@given(text=st.text())
@settings(deadline=None, max_examples=50)
def test_any_text_of_known_bytes_survives(real, text):
    """The vocabulary lacks a few bytes that its training text never had."""
    known = all(real.backend.token_to_id(byte_characters()[byte]) is not None for byte in text.encode())
    if known and "<" not in text:
        assert real.decode(real.encode(text)) == text
