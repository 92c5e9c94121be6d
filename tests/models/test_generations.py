"""The stage `generate`: its table, a run that passes, a run that says something else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from waferllm import generations
from waferllm.backends import backend_of
from waferllm.backends.commands import Commands
from waferllm.errors import ExperimentError, ValidationError
from waferllm.generations import Generation, load_generations
from waferllm.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
ROW = Generation("short", "tiny-mqa", "wse3", 4, 4, 3, 16, 0, 0, "abc")
BALANCED = Generation("concatenated", "tiny", "wse2", 3, 4, 4, 0, 0, 1, "abcdef")
HEADER = "id,model,arch,width,height,count,together,block,concatenate,prompt\n"


def backend() -> Commands:
    made = backend_of("wafersim")
    assert isinstance(made, Commands)
    return made


def test_the_shipped_table_is_right():
    rows = load_generations(str(ROOT / "config/generations.csv"))
    assert {row.arch for row in rows} == {"wse2", "wse3"}
    assert max(row.count for row in rows) >= 64


WRONG = {
    "cell": ("a,tiny,wse3,1,4,2,0,0,0,x", "row 2: column 'width': 1 is too small, expected an integer of at least 2"),
    "empty": ("a,tiny,wse3,2,4,2,0,0,0,", "row 2: column 'prompt': the cell is empty"),
    "twice": ("a,tiny,wse3,2,4,2,0,0,0,x\na,tiny,wse3,2,4,2,0,0,0,x", "column 'id': 'a' stands twice"),
}


@pytest.mark.parametrize(("rows", "message"), WRONG.values(), ids=WRONG)
def test_mistakes_in_the_table_are_told(tmp_path, rows, message):
    path = tmp_path / "table.csv"
    path.write_text(HEADER + rows + "\n", encoding="utf-8")
    with pytest.raises(ExperimentError, match=message):
        load_generations(str(path))


def test_the_record_has_text_errors_and_cycles(tmp_path):
    generations.generate(ROW, backend(), tmp_path / "record.json", ROOT / "kernels_csl")
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["verdict"] == "pass"
    assert record["tokens"] == record["reference"]
    assert len(record["tokens"]) == 3
    assert 0 < record["error_of_bound"] <= 1
    assert sum(record["parts"].values()) == pytest.approx(record["cycles_a_token"], rel=0.05)
    assert max(record["entries_by_row"]) - min(record["entries_by_row"]) <= 1


@pytest.mark.parametrize("row", [ROW, dataclasses.replace(ROW, together=0, block=2), BALANCED], ids=lambda row: row.id)
def test_a_run_that_was_killed_goes_on(tmp_path, monkeypatch, row):
    """After each of the steps; what it says and counts is the same."""
    generations.generate(row, backend(), tmp_path / "whole.json", ROOT / "kernels_csl")
    add = Journal.add
    steps: list[int] = []

    def killed(journal, *words):
        add(journal, *words)
        steps.append(len(journal.steps))
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", killed)
    for _ in range(row.count - 1):
        with pytest.raises(KeyboardInterrupt):
            generations.generate(row, backend(), tmp_path / "killed.json", ROOT / "kernels_csl")
    assert steps == list(range(1, row.count))
    monkeypatch.setattr(Journal, "add", add)
    generations.generate(row, backend(), tmp_path / "killed.json", ROOT / "kernels_csl")
    whole, killed_record = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "killed"))
    for name in ("tokens", "error_of_bound", "entries_by_row", "memory"):
        assert whole[name] == killed_record[name], name
    for name in ("cycles_a_token", "prompt_cycles"):  # PEs may wait a little for each other at the start
        assert whole[name] == pytest.approx(killed_record[name], rel=0.03), name
    assert not generations.journal_folder(tmp_path / "killed.json").exists()


def test_a_journal_of_another_run_is_not_used(tmp_path):
    Journal(tmp_path / "kept", {"row": 1}).add({"token": 5}, {"logits": np.zeros(3)})
    with (tmp_path / "kept/steps.jsonl").open("a") as file:
        file.write('{"token": 6')  # cut off
    assert Journal(tmp_path / "kept", {"row": 1}).steps == [{"token": 5}]
    assert Journal(tmp_path / "kept", {"row": 2}).steps == []


def test_another_token_fails_and_leaves_the_record(tmp_path, monkeypatch):
    said = generations.reference_tokens
    monkeypatch.setattr(generations, "reference_tokens", lambda *words: [*said(*words)[:2], 5])
    with pytest.raises(ValidationError, match=r"generation short: token 2 is \d+, the reference says 5"):
        generations.generate(ROW, backend(), tmp_path / "record.json", ROOT / "kernels_csl")
    assert json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))["verdict"] == "fail"
