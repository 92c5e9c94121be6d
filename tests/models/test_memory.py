"""Accounting of memory: against what the compiler says, its formulas, Table 5 and the command."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import subprocess
import sys

import pytest
from project.repository import ROOT

from waferllm.cli import main
from waferllm.llm import memory, regions
from waferllm.llm.shape import Shape
from waferllm.llm.tiles import split
from waferllm.llm.wafer import options
from waferllm.model.checkpoint import config_of, load
from waferllm.paper import load_values

MESHES = [
    ("tiny", 4, 4, 64, 0, 0), ("tiny-qwen2", 3, 5, 50, 0, 0), ("tiny-mqa", 8, 2, 8, 8, 0), ("tiny", 4, 4, 64, 16, 0),
    ("tiny-gqa", 6, 5, 30, 0, 12),
]  # fmt: skip
PARAMETERS = ("name", "width", "height", "capacity", "prompt", "block")


def command(folder, *words):
    subprocess.run([sys.executable, "-m", *words], cwd=folder, check=True, env={"PYTHONPATH": str(ROOT / "src")})


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(PARAMETERS, MESHES)
def test_bytes_are_those_of_the_compiler(tmp_path, name, width, height, capacity, prompt, block, arch):
    """Of the largest PE: arrays on the safe side by a few hundred bytes; code changes more often, so it is rougher."""
    shape = Shape(config_of(name), width, height, capacity, prompt, block=block)
    layout = str(ROOT / "kernels_csl/llm/layout.csl")
    command(tmp_path, "wafersim.cli.cslc", layout, *options(shape, arch), "-o", "out")
    text = subprocess.run(
        [sys.executable, "-m", "wafersim.cli.main", "info", "--json", "out"],
        cwd=tmp_path, check=True, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True,
    ).stdout  # fmt: skip
    largest = max(json.loads(text)["programs"], key=lambda program: program["words"])
    data, code = 2 * largest["data_words"], 2 * (largest["words"] - largest["data_words"])
    found = {part.name: part.bytes for part in memory.parts(shape, arch)}
    assert found["code"] == pytest.approx(code, rel=0.1)
    arrays = sum(found.values()) - found["code"] - found["stack"]
    assert data <= arrays <= data + 400


@pytest.mark.parametrize(PARAMETERS, MESHES)
def test_weights_are_what_is_put_on_the_pes(name, width, height, capacity, prompt, block):
    shape = Shape(config_of(name), width, height, capacity, prompt, block=block)
    arrays = split(shape, load(name).tensors)
    put = sum(array[0, 0].nbytes for array in arrays.values())
    parts = [part for part in memory.parts(shape, "wse3") if part.kind == "weights"]
    accounted = sum(part.bytes for part in parts if not part.name.startswith("prefill"))
    assert put <= accounted <= put + 4


def test_smollm2_lives_on_96_x_96_with_room_for_a_conversation():
    config = dataclasses.replace(config_of("tiny"), **SMOLLM2)
    shape = Shape(config, 96, 96, 96 * 8)
    assert (shape.Et, shape.n, shape.Qt, shape.Ft, shape.Vt) == (6, 2, 6, 16, 512)
    assert memory.total(memory.parts(shape, "wse3")) <= memory.limit("wse3")
    assert regions.place(shape, "wse3").complete


SMOLLM2 = {
    "vocab": 49152, "hidden": 576, "layers": 30, "heads": 9, "kv_heads": 3, "head_dim": 64, "ffn": 1536, "tied": True,
}  # fmt: skip


@pytest.mark.parametrize(PARAMETERS, MESHES)
def test_the_cache_is_as_large_as_the_memory_allows(name, width, height, capacity, prompt, block):
    shape = Shape(config_of(name), width, height, capacity, prompt, block=block)
    most = memory.capacity(shape, "wse3")
    used = [
        memory.total(memory.parts(dataclasses.replace(shape, capacity=slots * height), "wse3"))
        for slots in (most.slots, most.slots + 1)
    ]
    assert used[0] <= memory.limit("wse3") < used[1]
    assert used[1] - used[0] == most.slot_bytes
    assert (most.shifted, most.concatenated) == (most.slots * height, most.slots)


# ----------------------------------------------------------------------------------------------- regions


def test_layers_that_do_not_fit_one_region_go_to_the_next():
    config = dataclasses.replace(config_of("tiny"), **SMOLLM2)
    shape = Shape(config, 60, 60, 60)
    placement = regions.place(shape, "wse2")
    assert placement.complete
    assert len(placement.regions) > 1
    assert [region.first_layer for region in placement.regions] == [
        sum(region.layers for region in placement.regions[:number]) for number in range(len(placement.regions))
    ]
    for region in placement.regions:
        layers = dataclasses.replace(shape, config=dataclasses.replace(config, layers=region.layers))
        whole = memory.total(memory.parts(layers, "wse2"))
        missing = 0 if region.tables else memory.table_bytes(shape)
        assert region.bytes == whole - missing <= memory.limit("wse2")


def test_neighbours_in_the_order_are_neighbours_on_the_wafer():
    placement = regions.place(Shape(config_of("llama-3-8b"), 240, 240, 240), "wse2")
    columns, rows = regions.usable("wse2")
    places = [(region.x, region.y) for region in placement.regions]
    assert len(set(places)) == len(places) <= placement.columns * placement.rows == 12
    assert all(x + 240 <= columns and y + 240 <= rows for x, y in places)
    assert all(abs(x - u) + abs(y - v) == 240 for (x, y), (u, v) in itertools.pairwise(places))


@pytest.mark.parametrize("name", ["codellama-34b", "qwen2-72b"])
def test_the_largest_models_stand_for_themselves_with_some_layers(name):
    """As in the paper, which measures a subset of their layers."""
    placement = regions.place(Shape(config_of(name), 540, 540, 540), "wse2")
    assert 0 < placement.layers < config_of(name).layers
    assert placement.scale == config_of(name).layers / placement.layers
    assert all(region.bytes <= memory.limit("wse2") for region in placement.regions)


# ----------------------------------------------------------------------------------------------- Table 5

TABLE_5 = [("llama-3-8b", "LLaMA3-8B", 360), ("llama-2-13b", "LLaMA2-13B", 375)]


@pytest.mark.parametrize("name, row, side", TABLE_5)
def test_table_5_follows_from_the_accounting(name, row, side):
    """The published lengths mean that code and buffers take 4 and 8 kB; with these, shift and ratio follow."""
    paper = load_values(ROOT / "config/paper_values.csv")
    concatenated = paper.number("table_5", row, "concat_based")
    shifted = paper.number("table_5", row, "shift_based")
    other = regions.implied_other_bytes(config_of(name), side, side, "wse2", shifted / side)
    assert 3000 < other < 9000
    found = regions.longest(config_of(name), side, side, "wse2", other)
    assert found.shifted == pytest.approx(shifted)
    assert int(found.concatenated) == concatenated
    assert found.shifted / found.concatenated == pytest.approx(side)


def test_a_wafer_that_is_too_small_holds_nothing():
    assert regions.longest(config_of("qwen2-72b"), 420, 420, "wse2", 8000).shifted == 0


# ------------------------------------------------------------------------------------------- the command


def plan(capsys, *words):
    code = main(["plan", *words])
    return code, *capsys.readouterr()


def test_the_command_prints_the_table(capsys):
    code, out, _ = plan(capsys, "--model", "tiny", "--mesh", "4x4", "--capacity", "64")
    assert code == 0
    assert "hidden             64  y        16" in out
    shape = Shape(config_of("tiny"), 4, 4, 64)
    for part in memory.parts(shape, "wse3"):
        assert re.search(rf"^{part.name} +{part.kind} +{part.bytes:,} ", out, flags=re.MULTILINE)
    assert f"{memory.total(memory.parts(shape, 'wse3')):,}" in out
    assert ": fits, " in out
    assert "regions" not in out


def test_the_command_prints_regions_and_subsets(capsys):
    _, out, _ = plan(capsys, "--model", "llama-3-8b", "--mesh", "360x360", "--arch", "wse2")
    assert "does not fit" in out
    assert "the wse2 has room for 2 x 2 of 360 x 360" in out
    assert "of 32 layers are resident and stand for all: times are multiplied by" in out
    assert "longest output as in Table 5" in out


@pytest.mark.parametrize("words", [("--model", "tiny"), ("--model", "llama-3-8b", "--mesh", "360x360")])
def test_the_command_draws_a_picture(capsys, tmp_path, words):
    assert plan(capsys, *words, "--figure", str(tmp_path / "plan.svg"))[0] == 0
    text = (tmp_path / "plan.svg").read_text()
    assert "<svg" in text
    code, _, err = plan(capsys, *words, "--figure", str(tmp_path / "plan.txt"))
    assert (code, "expected a name that ends in" in err) == (1, True)


REFUSED = {
    "mesh": (("--mesh", "4"), "--mesh: '4' is not allowed"),
    "none": (("--mesh", "0x4"), "--mesh: '0x4' is not allowed"),
    "prompt": (("--prompt", "5"), "--prompt: 5 is not allowed, expected 0 to the 4 of the cache"),
    "capacity": (("--capacity", "0"), "--capacity: 0 is not allowed"),
    "model": (("--model", "lama"), "unknown model 'lama'"),
}


@pytest.mark.parametrize("words, message", REFUSED.values(), ids=REFUSED)
def test_bad_plans_are_refused(capsys, words, message):
    code, out, err = plan(capsys, *words)
    assert (code, out) == (1, "")
    assert message in err


@pytest.mark.parametrize("name, side", [("tiny", 4), ("llama-3-8b", 360)])
def test_the_picture_shows_the_fullest_region(name, side):
    placement = regions.place(Shape(config_of(name), side, side, side), "wse2")
    most = max(region.bytes for region in placement.regions)
    assert memory.total(regions.fullest_parts(placement)) == most <= memory.limit("wse2")
