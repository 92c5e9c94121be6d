"""Every kernel through all stages on small meshes: inputs -> partition -> compile -> run -> validate -> aggregate."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from waferllm import artifacts
from waferllm.aggregate import HEADER, aggregate_experiments, read_measurements
from waferllm.backends import backend_of
from waferllm.errors import BackendError, CommandError, StaleError, ValidationError
from waferllm.experiments import Experiment, check
from waferllm.kernels import KERNELS
from waferllm.pipeline import through
from waferllm.run import aligned_stamps

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "kernels_csl"
PRESENT = [name for name, kernel in KERNELS.items() if (SOURCES / kernel.folder / "layout.csl").is_file()]


def experiment(kernel, **changes):
    gemm = KERNELS[kernel].family == "gemm"
    shape: dict[str, Any] = {"width": 3, "height": 2, "M": 7, "K": 13, "N": 5 if gemm else 1}
    rest: dict[str, Any] = {"id": "e", "item": "check", "kernel": kernel, "arch": "wse3"}
    return Experiment(**(rest | shape | changes))


CASES = [
    *(experiment(kernel) for kernel in PRESENT),
    *(experiment(kernel, arch="wse2", width=2, height=3, acc=16, bits=32, axis=1, broadcast=0, align=0)
      for kernel in PRESENT),
]  # fmt: skip
NAMES = [f"{e.kernel}-{e.arch}-align{e.align}-axis{e.axis}" for e in CASES]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_kernel_goes_through_all_stages(case, tmp_path):
    assert check(case) == []
    stats, report = through(case, backend_of("wafersim"), tmp_path, SOURCES)
    assert report.passed and report.elements == case.M * case.N
    stages = stats["stages"]
    assert stats["cycles"] == stages["end"]["last"] > 0
    assert [stage["last"] for stage in stages.values()] == sorted(stage["last"] for stage in stages.values())
    assert stats["backend"] == "wafersim" and stats["machine_table"] and stats["engine_build"] != "none"


def test_measurements_have_a_row_an_experiment(tmp_path):
    case = experiment("meshgemv")
    stats, _ = through(case, backend_of("wafersim"), tmp_path, SOURCES)
    out = artifacts.place("aggregate", "", tmp_path)
    aggregate_experiments([case], out, tmp_path, "0123456789ab")
    (row,) = read_measurements(out)
    assert tuple(row) == HEADER
    assert row["cycles"] == stats["cycles"] and row["verdict"] == "pass" and row["provenance"] == "simulated"
    assert 0 < row["comm_share"] < 1 and row["config_hash"] == "0123456789ab"
    with pytest.raises(StaleError, match="made for another 'e' than the experiments table has now"):
        aggregate_experiments([experiment("meshgemv", seed=9)], out, tmp_path)


def test_a_flipped_sign_in_a_kernel_is_caught(tmp_path):
    kernels = tmp_path / "kernels"
    shutil.copytree(SOURCES, kernels)
    source = kernels / "lib" / "product.csl"
    assert "@fmachs(sum_out, sum_in, factor, b)" in source.read_text()
    source.write_text(source.read_text().replace("sum_in, factor, b)", "sum_in, factor, -b)"))
    with pytest.raises(ValidationError, match="experiment e: fail: worst element C"):
        through(experiment("meshgemm"), backend_of("wafersim"), tmp_path, kernels)
    assert artifacts.read_json(tmp_path / "failed/e/report.json", "validate")["verdict"] == "fail"
    assert (tmp_path / "failed/e/outputs.npz").is_file()


# ------------------------------------------------------------------------------------------------ backends


@pytest.fixture
def sdk(tmp_path):
    """A folder with our commands standing in for the vendor's."""
    folder = tmp_path / "sdk"
    folder.mkdir()
    for name in ("cslc", "cs_python"):
        command = folder / name
        command.write_text(f"#!{sys.executable}\nimport sys\nfrom wafersim.cli.{name} import main\nsys.exit(main())\n")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return folder


def test_the_sdk_backend_runs_the_commands_of_a_folder(tmp_path, sdk, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    stats, report = through(experiment("meshgemv"), backend_of("sdk", sdk), tmp_path, SOURCES)
    assert report.passed and stats["backend"] == "sdk" and "wafersim" in stats["version"]


def test_missing_commands_and_unknown_backends_are_named(tmp_path):
    with pytest.raises(BackendError, match="no command 'cslc' in the folder"):
        backend_of("sdk", tmp_path)
    with pytest.raises(BackendError, match="unknown backend 'gpu', expected one of: wafersim, sdk, appliance"):
        backend_of("gpu")


def test_a_failing_command_is_told_with_its_output_and_leaves_nothing(tmp_path):
    with pytest.raises(CommandError) as caught:
        through(experiment("meshgemm"), backend_of("wafersim"), tmp_path, tmp_path)
    text = str(caught.value)
    assert "exit code 1" in text and "wafersim.cli.cslc" in text and "there is no file" in text
    assert not (tmp_path / "compile/e/out").exists() and not list((tmp_path / "compile/e").iterdir())


def test_time_stamps_of_48_bits_on_one_clock():
    times = np.zeros((1, 2, 3, 3), np.uint16)
    times[0, 0] = [[10, 0, 0], [20, 0, 0], [5, 1, 0]]
    times[0, 1] = [[0, 0, 1], [9, 0, 1], [0, 1, 1]]
    assert aligned_stamps(times).tolist() == [[[0, 10, 65531], [1, 10, 65537]]]
