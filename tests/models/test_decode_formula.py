"""The formula of decode's cycles against simulated tokens, and the search that uses it."""

from __future__ import annotations

import dataclasses
import sys

import pytest
from project.repository import ROOT

from waferllm.backends.commands import Commands
from waferllm.cli import main
from waferllm.llm import memory
from waferllm.llm.shape import Shape
from waferllm.llm.wafer import WaferGenerator, options
from waferllm.model.checkpoint import config_of, tiny
from waferllm.perfmodel.decode import decode_cycles, search, with_best_groups

BACKEND = Commands(
    "wafersim", (sys.executable, "-m", "wafersim.cli.cslc"), (sys.executable, "-m", "wafersim.cli.cs_python")
)
TOLERANCE = 0.15
CASES = [("tiny", {}, 4, 4), ("tiny", {"ffn": 512}, 8, 8), ("tiny", {}, 12, 3), ("tiny-mqa", {"layers": 4}, 4, 8)]


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("name, changes, width, height", CASES)
def test_cycles_of_a_token_are_those_of_the_formula(tmp_path, monkeypatch, name, changes, width, height, arch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    config = dataclasses.replace(config_of(name), **changes)
    shape = Shape(config, width, height, 2 * height)
    with WaferGenerator(shape, tiny.seeded_tensors(config), arch, BACKEND, tmp_path, ROOT / "kernels_csl") as wafer:
        token = wafer.prefill([5])
        for _ in range(height + 1):
            token = wafer.decode(token)
        for cached in (0, height + 1):
            assert decode_cycles(shape, arch, cached) == pytest.approx(wafer.cycles[cached], rel=TOLERANCE)


@pytest.mark.parametrize("group", [2, 4, 8])
def test_groups_are_passed_to_the_kernel(tmp_path, monkeypatch, group):
    """The same tokens with other trees, in other times."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    config = config_of("tiny")
    shape = Shape(config, 12, 4, 4, group_x=group)
    with WaferGenerator(shape, tiny.seeded_tensors(config), "wse3", BACKEND, tmp_path, ROOT / "kernels_csl") as wafer:
        wafer.prefill([5])
        assert decode_cycles(shape, "wse3", 0) == pytest.approx(wafer.cycles[0], rel=TOLERANCE)
        assert f"group_x:{group}" in ",".join(options(shape, "wse3"))


@pytest.mark.parametrize("width, height", [(2, 5), (16, 96), (360, 720)])
def test_the_best_groups_are_fastest(width, height):
    shape = Shape(config_of("tiny"), width, height, height)
    best = with_best_groups(shape, "wse3", 0)
    fastest = decode_cycles(best, "wse3", 0)
    for group in (2, 3, 5, 9, 19, 30):
        if group <= min(width, height):
            assert fastest <= decode_cycles(dataclasses.replace(shape, group_x=group, group_y=group), "wse3", 0)


def test_the_search_finds_what_fits_fastest_first():
    shape = Shape(config_of("tiny"), 4, 4, 64)
    found = search(shape, "wse3", 20, range(2, 14))
    cycles = [choice.cycles for choice in found]
    assert cycles == sorted(cycles)
    assert all(choice.bytes <= memory.limit("wse3") for choice in found)
    meshes = {(choice.shape.width, choice.shape.height) for choice in found}
    assert (2, 2) not in meshes  # 56 kB of weights a PE
    assert (12, 12) in meshes


def test_the_command_prints_the_search(capsys):
    assert main(["plan", "--model", "tiny", "--search", "--sides", "4:16:4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("16 of 16 meshes fit")
    assert len(lines) == 12
    assert main(["plan", "--model", "qwen2-72b", "--search", "--sides", "64:128:64"]) == 0
    assert capsys.readouterr().out.endswith("0 of 4 meshes fit\n")
    assert main(["plan", "--model", "tiny", "--search", "--sides", "4:2:1"]) == 1
    assert "--sides: '4:2:1' is not allowed" in capsys.readouterr().err
