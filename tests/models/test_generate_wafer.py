"""`waferllm generate` on the simulated wafer writes what the reference writes."""

from __future__ import annotations

import re

import pytest

from waferllm.cli import main

TEXT = "Once upon a time"


def command(capsys, *words):
    code = main(["generate", *words, "--ignore-end"])
    return code, *capsys.readouterr()


SOME = ("--mesh", "6x4", "--arch", "wse2", "--together", "9")


BLOCKS = ("--mesh", "3x5", "--block", "6")


@pytest.mark.parametrize("words", [(), SOME, BLOCKS], ids=["plain", "together", "blocks"])
def test_the_same_text_as_the_reference(capsys, words):
    code, out, err = command(capsys, TEXT, "-n", "16", *words)
    assert (code, out) == (0, command(capsys, TEXT, "-n", "16", "--reference")[1])
    assert re.search(r"16 tokens after a prompt of \d+, .*; ended: as many as asked for\n", err)
    assert re.search(r"PEs of the wse\d: [\d,]+ cycles a token, [\d,]+ tokens a second at [\d.]+ GHz\n", err)


def test_parts_of_a_token_make_up_all_of_it(capsys):
    _, _, err = command(capsys, TEXT, "-n", "2", "--parts")
    line = re.search(r"(?P<all>[\d,]+) cycles a token, .*; of them (?P<parts>.*)\n", err)
    assert line
    parts = {name: float(value.replace(",", "")) for name, value in re.findall(r"(\w+) ([\d,]+)", line["parts"])}
    assert list(parts) == ["norm", "projections", "attention", "ffn", "vocabulary", "rows", "columns"]
    assert all(parts.values())
    assert sum(parts.values()) == pytest.approx(float(line["all"].replace(",", "")), rel=0.05)


def test_a_full_cache_keeps_the_text(capsys, tmp_path):
    words = ("--capacity", "20", "--concatenate", "--work", str(tmp_path / "kept"))
    code, out, err = command(capsys, TEXT, "-n", "16", *words)
    tokens = re.search(r"(\d+) tokens after", err)
    assert tokens
    assert (code, out) == (0, command(capsys, TEXT, "-n", tokens[1], "--reference")[1])
    assert 1 < int(tokens[1]) < 16
    assert "the KV cache is full: row 3 of the PEs holds 5 tokens" in err
    assert (tmp_path / "kept/out/out.json").is_file()


@pytest.mark.parametrize("words", [(), ("--block", "8")], ids=["one by one", "blocks"])
def test_a_cache_that_is_full_in_all_rows_keeps_the_text(capsys, words):
    """With shift every position is used; the last token needs no place."""
    code, out, err = command(capsys, TEXT, "-n", "16", "--capacity", "20", *words)
    assert (code, out) == (0, command(capsys, TEXT, "-n", "7", "--reference")[1])
    assert re.search(r"7 tokens after a prompt of 14, .* 20 in all rows\n", err)


BAD = {
    "empty": (("",), "the prompt is empty; give some text to continue"),
    "long": ((TEXT, "--capacity", "8"), "the prompt has 14 tokens, the KV cache has room for 8"),
    "model": ((TEXT, "--model", "tinny"), "unknown model 'tinny', did you mean 'tiny'?"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_prompts_and_models_are_refused_before_anything_is_compiled(capsys, monkeypatch, words, message):
    monkeypatch.setattr("waferllm.commands.on_wafer.generator", None)
    code, out, err = command(capsys, *words)
    assert (code, out) == (1, "")
    assert err.startswith("waferllm: error: ")
    assert message in err


REFUSED = {
    "mesh": (("--mesh", "1x4"), "--mesh: 1x4 is too small, at least 2x2 PEs are needed"),
    "together": (("--together", "-1"), "--together: -1 is not allowed"),
    "block": (("--block", "128"), "--block: 128 is not allowed, expected 0 to 127"),
    "both": (("--block", "4", "--together", "4"), "expected 0 to 127, and 0 with --together"),
    "memory": (("--mesh", "2x2", "--capacity", "240"), "does not fit into the memory of a PE"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused(capsys, words, message):
    code, out, err = command(capsys, TEXT, *words)
    assert (code, out) == (1, "")
    assert message in err
