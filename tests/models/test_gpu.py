"""The stage that measures a GPU, without one: what it refuses, what it computes (in NumPy), its sums, its table."""

from __future__ import annotations

import subprocess
import sys
import types

import numpy as np
import pytest
from project.repository import ROOT

from waferllm import gpu
from waferllm.model import rope
from waferllm.model import tensors as names
from waferllm.model.checkpoint import load
from waferllm.paper import load_values
from waferllm.reference.forward import Reference
from waferllm.tables import gpu as table
from waferllm.tables.table import MEASURED, Value, number

PAPER = load_values(ROOT / "config/paper_values.csv")


def test_without_pytorch_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        gpu.GpuError, match="PyTorch is not installed; 'pip install torch', or leave the setting gpu at false"
    ):
        gpu.cuda()


def test_without_a_gpu_it_says_so(monkeypatch):
    cuda = types.SimpleNamespace(is_available=lambda: False)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    with pytest.raises(gpu.GpuError, match="PyTorch finds no CUDA GPU"):
        gpu.cuda()


def test_the_job_fails_with_the_message_and_writes_nothing(tmp_path):
    blocked = tmp_path / "torch.py"
    blocked.write_text("raise ImportError\n")
    job = subprocess.run(
        [sys.executable, str(ROOT / "scripts/gpu.py"), "--out", "gpu.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT / 'src'}"},
    )
    assert job.returncode == 1 and "error: gpu: PyTorch is not installed" in job.stderr
    assert "Traceback" not in job.stderr and not (tmp_path / "gpu.json").exists()


@pytest.mark.parametrize("name", ["tiny-mha", "tiny-gqa", "tiny-mqa", "tiny-qwen2"])
def test_the_layer_that_is_timed_is_that_of_the_reference(name):
    """The code that runs on the GPU, in NumPy, f32."""
    model = load(name)
    reference = Reference(model.config, model.tensors)
    cache = reference.cache(8)
    reference.forward([5, 9, 2], cache)
    x = reference.embed([7])
    expected = reference.layer(0, x, cache)[0]
    keys, values = (np.array(kept[0, :4], np.float32) for kept in (cache.keys, cache.values))
    keys[-1] = values[-1] = 0
    cosine, sine = rope.tables(model.config, 3, 1, cache.capacity)
    weights = {tensor: np.asarray(array, np.float32) for tensor, array in names.layer(model.tensors, 0).items()}
    angles = cosine[0].astype(np.float32), sine[0].astype(np.float32)
    found = gpu.decode_layer(np, model.config, weights, x[0], keys, values, angles)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_gemv_is_a_product():
    weights = np.arange(6.0).reshape(2, 3)
    assert gpu.gemv(weights, np.array([1.0, 0.0, 2.0])).tolist() == [4.0, 13.0]


def test_time_of_a_call_is_the_median_over_calls():
    """Three measurements of 10, 40 and 20 ms for ten calls each."""
    ticks = iter([0.0, 0.010, 1.0, 1.040, 2.0, 2.020])
    called = []
    seconds = gpu.seconds_of(lambda: called.append(1), lambda: None, lambda: next(ticks), repeats=3, calls=10)
    assert seconds == pytest.approx(0.002) and len(called) == gpu.WARM + 30


def test_a_model_takes_its_layers_and_the_output():
    assert gpu.tokens_a_second(0.001, 0.008, 32) == pytest.approx(25)


def test_measured_times_stand_beside_the_papers_in_columns_of_their_own():
    rows = [
        {"what": "gemv", "name": "GEMV 16K", "milliseconds": 0.168},
        {"what": "decode", "name": "LLaMA3-8B", "tokens_a_second": 157.8},
    ]
    made = table.make({"device": "a GPU", "torch": "2", "context": 4096, "rows": rows}, PAPER)
    first, second = made.rows
    assert number(first, "to_paper") == pytest.approx(2) and first["measured_time"] == Value(0.168, MEASURED)
    assert number(second, "measured_time") == pytest.approx(1e3 / 157.8) and number(
        second, "to_paper"
    ) == pytest.approx(2)
    with pytest.raises(gpu.GpuError, match=r"no\.json"):
        table.read_record(ROOT / "no.json")
