"""Validation: right results of the machine's precision pass, wrong ones fail and leave evidence."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waferllm import artifacts, reference
from waferllm.errors import ArtifactError, ValidationError
from waferllm.experiments import Experiment
from waferllm.inputs import inputs_experiment, make_inputs
from waferllm.kernels import dtypes, mesh_for, tiles_of
from waferllm.partition import split
from waferllm.validate import bound_factor, compare, ulp_histogram, validate_experiment


def gemm(acc=16, kernel="meshgemm", size=12, seed=1, inner=None):
    return Experiment("e", "check", kernel, "wse3", 3, 2, size, inner or size, size, acc=acc, seed=seed)


def rounded(experiment, inputs):
    """The product with each product and sum rounded to the type of the sums, one term after the other."""
    a, b = inputs["A"], inputs["B"] if experiment.kernel != "meshgemm_t" else inputs["B"].T
    kind = dtypes(experiment)["C"]
    total = np.zeros((a.shape[0], b.shape[1]), kind)
    for k in range(a.shape[1]):
        total = total + a[:, k : k + 1].astype(kind) * b[k : k + 1].astype(kind)
    return total


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([16, 32]), st.sampled_from(["meshgemm", "meshgemm_t"]), st.integers(1, 60))
def test_sums_in_the_machines_precision_pass(seed, acc, kernel, inner):
    experiment = gemm(acc, kernel, seed=seed, inner=inner)
    inputs = make_inputs(experiment)
    report = compare(experiment, inputs, rounded(experiment, inputs))
    assert report.passed and report.max_of_bound <= 1 and report.bound_kind == "deterministic"


def test_tiny_numbers_need_the_term_for_subnormals():
    experiment = gemm(16)
    inputs = {name: (array * np.float16(2**-12)).astype(np.float16) for name, array in make_inputs(experiment).items()}
    assert compare(experiment, inputs, rounded(experiment, inputs)).passed


def test_long_sums_in_f16_have_a_probabilistic_bound():
    experiment = gemm(16, size=4, inner=3000)
    inputs = make_inputs(experiment)
    report = compare(experiment, inputs, rounded(experiment, inputs))
    assert report.passed and report.bound_kind == "probabilistic" and report.bound_factor < 0.5
    wrong = rounded(experiment, inputs | {"A": -inputs["A"]})
    assert compare(experiment, inputs, wrong).max_of_bound > report.max_of_bound


def test_bound_grows_with_length_and_unit():
    assert bound_factor(64, 32, 1)[1] == pytest.approx(64 * 2**-24, rel=1e-4)
    assert bound_factor(64, 16, 1)[1] == pytest.approx(1 / 31)


def test_a_flipped_sign_is_found():
    experiment = gemm(16)
    inputs = make_inputs(experiment)
    wrong = rounded(experiment, inputs | {"A": np.where(np.arange(12) == 5, -inputs["A"], inputs["A"])})
    report = compare(experiment, inputs, wrong)
    assert report.verdict == "fail" and report.worst["error"] > report.worst["bound"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_fails(value):
    experiment = gemm(32)
    inputs = make_inputs(experiment)
    wrong = rounded(experiment, inputs)
    wrong[2, 3] = value
    report = compare(experiment, inputs, wrong)
    assert report.verdict == "fail" and report.not_finite == 1 and report.worst["index"] == [2, 3]


def test_ulp_histogram():
    exact = np.array([1.0, 1.0, 1.0, 1.0])
    result = np.array([1, 1 + 2**-10, 1 + 3 * 2**-10, np.nan], np.float16)
    counts = ulp_histogram(result, exact)
    assert counts["0..0.5"] == 1 and counts["1..2"] == 1 and counts["2..4"] == 1 and counts[">=256"] == 1
    assert sum(counts.values()) == 4


def written(tmp_path, experiment, result):
    """Files as the stages before validation leave them."""
    inputs, outputs = tmp_path / "inputs.npz", tmp_path / "outputs.npz"
    inputs_experiment(experiment, inputs)
    names = np.array(["reference", "start", "end"])
    tiles = split(tiles_of(experiment)["C"], result, mesh_for(experiment))
    times = np.zeros((experiment.height, experiment.width, 3, 3), np.uint16)
    np.savez(outputs, C=tiles, times=times, stamp_names=names)
    return inputs, outputs, tmp_path / "e.json", tmp_path / "failed"


def test_a_pass_is_written(tmp_path):
    experiment = gemm(32)
    paths = written(tmp_path, experiment, rounded(experiment, make_inputs(experiment)))
    assert validate_experiment(experiment, *paths).passed
    assert artifacts.read_json(paths[2], "validate")["verdict"] == "pass" and not paths[3].exists()


def test_a_failure_is_told_and_its_evidence_kept(tmp_path):
    experiment = gemm(32)
    result = rounded(experiment, make_inputs(experiment))
    result[4, 7] += 1
    paths = written(tmp_path, experiment, result)
    with pytest.raises(ValidationError, match=r"experiment e: fail: .* C\[4, 7\] = .* error 1.000e\+00, bound"):
        validate_experiment(experiment, *paths)
    assert not paths[2].exists()
    assert json.loads((paths[3] / "report.json").read_text())["worst"]["index"] == [4, 7]
    assert (paths[3] / "outputs.npz").read_bytes() == paths[1].read_bytes()


def test_outputs_of_the_wrong_shape_are_refused(tmp_path):
    experiment = gemm(32)
    paths = written(tmp_path, experiment, rounded(experiment, make_inputs(experiment)))
    with pytest.raises(ArtifactError, match="'C' has shape"):
        validate_experiment(gemm(32, size=18), *paths)


def test_large_matrices_are_made_and_checked_in_parts(monkeypatch):
    experiment = Experiment("e", "check", "meshgemv", "wse3", 3, 2, 11, 7, 1, bits=16, seed=3)
    whole = np.random.default_rng(3).uniform(-1, 1, 84)
    exact = reference.output("meshgemv", make_inputs(experiment))
    monkeypatch.setattr("waferllm.inputs.BLOCK", 5)
    monkeypatch.setattr(importlib.import_module("waferllm.reference.gemv"), "BLOCK", 20)
    inputs = make_inputs(experiment)
    assert (inputs["A"].ravel() == whole[:77].astype("f2")).all() and (inputs["x"] == whole[77:].astype("f2")).all()
    assert reference.output("meshgemv", inputs) == pytest.approx(exact, rel=1e-12)
    largest = np.abs(inputs["A"].astype("f8")) @ np.abs(inputs["x"].astype("f8"))
    assert reference.magnitudes("meshgemv", inputs) == pytest.approx(largest, rel=1e-12)


def test_references():
    a, b = np.array([[1, -2]], np.float16), np.array([[3], [4]], np.float16)
    assert reference.gemm(a, b).tolist() == [[-5]] == reference.gemm(a, b.T, transposed=True).tolist()
    assert reference.gemm_magnitudes(a, b).tolist() == [[11]] and reference.gemv(a, b[:, 0]).tolist() == [-5]
