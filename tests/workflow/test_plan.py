"""What the Snakefile asks for: targets, options, needs of jobs."""

from __future__ import annotations

import dataclasses

import pytest

from waferllm.config import load_settings
from waferllm.experiments import Experiment
from waferllm.generations import Generation
from waferllm.plan import FORMULA_TABLES, MEASUREMENTS, Plan
from waferllm.tables.llm import FORMULA_TABLES as MAKERS

SMALL = Experiment("small", "figure_10", "meshgemv", "wse2", 4, 4, 24, 24)
LARGE = Experiment("large", "check", "meshgemm", "wse2", 720, 720, 2048, 2048, 2048)


def plan(*experiments: Experiment, **settings) -> Plan:
    return Plan(load_settings(settings), {experiment.id: experiment for experiment in experiments})


def test_tables_and_figures_are_those_of_the_experiments():
    assert plan(SMALL).tables == ["figure_10", "table_6", "claims", *FORMULA_TABLES]
    assert plan(SMALL).figures == ["figure_10"]
    assert plan(LARGE).tables == plan(LARGE).figures == []


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, "--backend wafersim --preset sim"),
        ({"wafersim": {"max_cycles": 9}}, "--backend wafersim --preset sim --max-cycles 9"),
        ({"backend": "sdk"}, "--backend sdk"),
        ({"backend": "sdk", "sdk": {"folder": "a b", "address": "x:1"}}, "--backend sdk --folder 'a b' --cmaddr x:1"),
        ({"backend": "appliance"}, "--backend appliance --machine"),
        ({"backend": "appliance", "appliance": {"machine": False}}, "--backend appliance"),
    ],
)
def test_backend_becomes_options(settings, options):
    assert plan(SMALL, **settings).toolchain_options == options


def test_memory_and_time_grow_with_the_mesh():
    both = plan(SMALL, LARGE)
    assert both.memory_mb("small") < 600 and both.memory_mb("large") > 5_000
    assert both.minutes("small") < 10 < both.minutes("large")


def test_rows_and_settings_have_digests():
    changed = dataclasses.replace(SMALL, seed=2)
    assert plan(SMALL).rows != plan(changed).rows
    assert plan(SMALL).digest == plan(LARGE).digest != plan(SMALL, backend="sdk").digest
    assert plan(SMALL, LARGE).pattern == "small|large"


def test_sources_of_a_kernel_are_its_folder_and_the_library():
    sources = plan(SMALL).kernel_sources("small")
    assert all(path.startswith(("kernels_csl/meshgemv/", "kernels_csl/lib/")) for path in sources)
    assert "kernels_csl/meshgemv/layout.csl" in sources


def test_tables_name_what_they_are_made_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/llm").mkdir(parents=True)
    (tmp_path / "results/llm/kept.json").touch()
    text = Generation("t", "tiny", "wse2", 4, 4, 8, 0, 0, 0, "Once")
    made = Plan(load_settings({"gpu": True}), {"small": SMALL}, {"t": text})
    assert made.figures == ["figure_10", "generations"]
    assert made.tables[-2:] == ["generations", "gpu"] and plan(LARGE).tables == []
    sources = {item: made.table_sources(item) for item in made.tables}
    assert sources["table_6"] == sources["claims"] == [MEASUREMENTS]
    assert sources["generations"] == ["results/generate/t.json", "results/llm/kept.json"]
    assert sources["gpu"] == ["results/gpu/gpu.json"]
    assert all(sources[item] == [] for item in FORMULA_TABLES)
    assert set(FORMULA_TABLES) == set(MAKERS)
