"""Files between the stages: whole or not at all, and refused with a reason."""

from __future__ import annotations

import json

import numpy as np
import pytest

from waferllm import artifacts
from waferllm.errors import ArtifactError, FormatError, StaleError, TruncatedError


def test_arrays_come_back_with_their_header(tmp_path):
    path = tmp_path / "deep" / "inputs.npz"
    artifacts.write_npz(path, "inputs", {"A": np.arange(3)}, {"experiment": "abc"})
    assert list(artifacts.read_npz(path, "inputs")) == ["A"]
    assert artifacts.read_header(path) == {"format": 1, "kind": "inputs", "inputs": {"experiment": "abc"}}


def test_the_same_arrays_give_the_same_file(tmp_path):
    for name in ("a", "b"):
        artifacts.write_npz(tmp_path / name, "inputs", {"A": np.arange(3)})
    assert artifacts.file_hash(tmp_path / "a") == artifacts.file_hash(tmp_path / "b")


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "record.json"
    artifacts.write_json(path, "run", {"cycles": 1})
    with pytest.raises(RuntimeError), artifacts.atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert artifacts.read_json(path, "run")["cycles"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def test_truncated_files_are_refused(tmp_path):
    path = tmp_path / "tiles.npz"
    artifacts.write_npz(path, "partition", {"A": np.arange(1000)})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(TruncatedError, match=r"tiles.npz: no whole .npz file .*; delete it and run again"):
        artifacts.read_npz(path, "partition")
    (tmp_path / "stats.json").write_text('{"format": 1, "ki')
    with pytest.raises(TruncatedError, match=r"stats.json: no whole JSON file"):
        artifacts.read_json(tmp_path / "stats.json", "run")


def test_other_formats_and_kinds_are_refused(tmp_path):
    path = tmp_path / "stats.json"
    path.write_text(json.dumps({"format": 99, "kind": "run"}))
    with pytest.raises(FormatError, match="format 99 of 'run', this version reads 1"):
        artifacts.read_json(path, "run")
    with pytest.raises(FormatError, match="expected a file of kind 'validate', found 'run'"):
        artifacts.read_json(path, "validate")
    np.savez(tmp_path / "foreign.npz", A=np.arange(3))
    with pytest.raises(FormatError, match=r"without a header"):
        artifacts.read_npz(tmp_path / "foreign.npz", "inputs")


def test_absent_and_stale_files_are_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"absent.json: cannot be read: No such file"):
        artifacts.read_json(tmp_path / "absent.json", "run")
    source = tmp_path / "source"
    source.write_text("one")
    hashes = artifacts.input_hashes(tiles=source)
    artifacts.check_inputs("out", hashes, tiles=source)
    source.write_text("two")
    with pytest.raises(StaleError, match="out: made from another 'tiles' than"):
        artifacts.check_inputs("out", hashes, tiles=source)
