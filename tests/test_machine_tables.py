"""The machine tables: each number has unit, source and confidence, each cost class of the operation tables its rows."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from wafersim import machine
from wafersim.ir.ops import OPS, VECOPS

TABLES = Path(__file__).parents[1] / "config" / "machines"
PRESETS = ("sim", "silicon")
FIELDS = {"value", "unit", "source", "confidence"}
TYPED_CLASSES = 5
"""int16 int32 int64 f16 f32"""
VECTOR_SETTINGS = {"start", "rate_percent", "reduction_cycles", "issue", "map_start", "map_iteration"}


def table_of(arch: str) -> dict:
    return yaml.safe_load((TABLES / f"{arch}.yaml").read_text(encoding="utf-8"))


def rows_below(node: dict, name: str = ""):
    """(dotted name, row) of every row below `node`."""
    for key, child in node.items():
        path = f"{name}.{key}" if name else key
        if "value" in child:
            yield path, child
        else:
            yield from rows_below(child, path)


def sections(arch: str) -> dict:
    return {name: rows for name, rows in table_of(arch).items() if name not in ("sources", "presets")}


@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
def test_every_row_has_value_unit_source_confidence(arch):
    table = table_of(arch)
    presets = [row for preset in table["presets"].values() for row in rows_below(preset)]
    for name, row in [*rows_below(sections(arch)), *presets]:
        assert set(row) - {"fitted"} == FIELDS, name
        assert row["source"] in table["sources"], name
        assert row["confidence"] in ("H", "M", "L"), name
        values = row["value"] if isinstance(row["value"], list) else [row["value"]]
        assert all(isinstance(value, int | float) and value >= 0 for value in values), name


@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
def test_every_source_is_used(arch):
    table = table_of(arch)
    used = {row["source"] for _, row in rows_below(sections(arch))}
    used |= {row["source"] for preset in table["presets"].values() for _, row in rows_below(preset)}
    assert used == set(table["sources"])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
def test_every_cost_class_has_its_row_and_no_other(arch, preset):
    settings = machine.load(arch, preset).settings
    scalar = {info.cost for info in OPS.values()}
    assert set(settings["scalar"]) == scalar | {"branch_taken", "predicated", "indexed"}
    assert set(settings["vector"]) == {info.cost for info in VECOPS.values()} | VECTOR_SETTINGS
    for value in settings["scalar"].values():
        assert isinstance(value, int) or len(value) in (TYPED_CLASSES, TYPED_CLASSES + 1)  # DSDs last


def test_architectures_and_presets_have_the_same_rows():
    names = [
        {name for name, _ in rows_below(sections(arch))} for arch in machine.ARCHITECTURES
    ]
    assert names[0] == names[1]
    assert all(set(table_of(arch)["presets"]) == set(PRESETS) for arch in machine.ARCHITECTURES)


@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
def test_lists_have_one_entry_for_each_queue_and_stride(arch):
    settings = machine.load(arch).settings
    queues = settings["queues"]
    assert len(queues["input_depth"]) == queues["input"]
    assert len(queues["output_depth"]) == queues["output"]
    assert len(settings["memory"]["stride_words"]) == settings["memory"]["banks"]


@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
def test_registers_do_not_overlap(arch):
    ranges = sorted(machine.load(arch).settings["registers"].values())
    assert all(a + count <= b for (a, count), (b, _) in itertools.pairwise(ranges))
