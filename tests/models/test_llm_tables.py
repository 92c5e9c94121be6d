"""Tables of whole models: formulas against simulated points, sums done again by hand, what stands in which column."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys

import pytest
from project.repository import ROOT
from support.models import smollm2

from waferllm.backends.commands import Commands
from waferllm.llm import regions
from waferllm.llm.shape import Shape
from waferllm.llm.wafer import WaferGenerator
from waferllm.model.checkpoint import config_of, sources, tiny
from waferllm.paper import load_values
from waferllm.perfmodel import decode, ladder, prefill, t10
from waferllm.perfmodel.costs import BOOKKEEPING, costs
from waferllm.perfmodel.operators import products, software_stage
from waferllm.perfmodel.points import HELD_OUT, load_points
from waferllm.tables.llm import FORMULA_TABLES, claims, energy, generations, speed, table_2, table_5, throughput
from waferllm.tables.render import to_csv, to_latex, to_markdown
from waferllm.tables.table import EXTRAPOLATED, MODELLED, number


def sure(row, name) -> float:
    """A number that has to be there."""
    found = number(row, name)
    assert found is not None, name
    return found


PAPER = load_values(ROOT / "config/paper_values.csv")
POINTS = load_points()
BACKEND = Commands(
    "wafersim", (sys.executable, "-m", "wafersim.cli.cslc"), (sys.executable, "-m", "wafersim.cli.cs_python")
)


# ------------------------------------------------------------------------------------------ ours, by formula


@pytest.mark.parametrize(("phase", "most", "mean"), [("prefill", 0.06, 0.02), ("decode", 0.12, 0.03)])
def test_formulas_follow_the_points_that_they_were_fitted_to(phase, most, mean):
    errors = [abs(p.by_formula / p.cycles - 1) for p in POINTS if p.phase == phase and p.side < HELD_OUT]
    assert len(errors) > 25 and max(errors) < most and sum(errors) / len(errors) < mean


def test_formulas_hold_on_meshes_that_took_no_part_in_the_fit():
    errors = [abs(p.by_formula / p.cycles - 1) for p in POINTS if p.side == HELD_OUT]
    assert len(errors) == 12 and max(errors) < 0.08


@pytest.mark.parametrize(("arch", "side", "length"), [("wse2", 5, 12), ("wse3", 4, 16)])
def test_prompts_on_the_simulator_take_the_cycles_of_the_formula(tmp_path, monkeypatch, arch, side, length):
    """A mesh of 5 x 5 PEs is in no point; kernels that change their cycles show here, not only in kept points."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    config = dataclasses.replace(config_of("tiny"), layers=1)
    shape = Shape(config, side, side, length + side, length)
    with WaferGenerator(shape, tiny.seeded_tensors(config), arch, BACKEND, tmp_path, ROOT / "kernels_csl") as wafer:
        wafer.prefill(list(range(length)))
        assert prefill.prompt_cycles(shape, arch, length).kernel == pytest.approx(wafer.cycles[0], rel=0.10)


def test_prefill_on_a_mesh_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="4 x 8"):
        prefill.prompt_cycles(Shape(config_of("tiny"), 4, 8, 16, 16), "wse2", 16)


def test_heads_on_a_pe_are_counted_where_blocks_cut_them():
    config = dataclasses.replace(config_of("tiny"), heads=8, kv_heads=4, head_dim=16)  # 8 pairs a head, 32 in all
    assert [decode.heads_of(Shape(config, side, 4, 4)) for side in (2, 4, 8, 5)] == [4, 2, 2, 4]


def test_a_request_is_its_prompt_and_its_tokens_one_by_one():
    model, sides, given, count = "LLaMA3-8B", (480, 360), 512, 500
    tokens = sum(speed.decode_cycles(model, "T10", sides[1], cached) for cached in range(given, given + count - 1))
    assert speed.request_cycles(model, "T10", sides, given, count) == pytest.approx(
        speed.prefill_cycles(model, "T10", sides[0], given) + tokens
    )


# ------------------------------------------------------------------------------------------ T10, Ladder


def by_hand(side: int, length: int, stages: float, word_hops: float, config) -> float:
    """Prefill of either baseline without the multiplications, from their ways and P steps of each product."""
    beta, total = BOOKKEEPING["shift"] + costs("wse2").stage, 0.0
    for product in products(config, length, length):
        total += side * (2 * stages * beta + word_hops * 2 * sum(product.words(side)))
    return config.layers * total


@pytest.mark.parametrize("side", [4, 16])
def test_t10_pays_the_way_back_around_in_each_step(side):
    config = config_of("tiny")
    own = config.layers * sum(p.multiply(side, costs("wse2")) for p in products(config, 64, 64))
    wanted = by_hand(side, 64, side - 1, side - 1, config) + own
    assert t10.prefill_cycles(Shape(config, side, side, 64, 64), "wse2", 64) == pytest.approx(wanted)


@pytest.mark.parametrize("side", [4, 16])
def test_ladder_pays_both_ways_from_corner_to_corner_and_waits_for_all_who_ask(side):
    config = config_of("tiny")
    own = config.layers * sum(p.multiply(side, costs("wse2")) for p in products(config, 64, 64))
    wanted = by_hand(side, 64, 5 * side, 2 * side, config) + own
    assert ladder.prefill_cycles(Shape(config, side, side, 64, 64), "wse2", 64) == pytest.approx(wanted)


def test_decode_of_the_baselines_grows_with_the_mesh_by_their_stages():
    """Where all tiles are single elements, only ways are left to grow."""
    config = dataclasses.replace(config_of("tiny"), layers=1)
    first, second = (Shape(config, side, side, 4) for side in (512, 1024))
    grown = t10.decode_cycles(second, "wse2", 0) - t10.decode_cycles(first, "wse2", 0)
    assert grown == pytest.approx(13 * 2 * 512 * costs("wse2").stage)
    beta = software_stage(costs("wse2"))
    grown = ladder.decode_cycles(second, "wse2", 0) - ladder.decode_cycles(first, "wse2", 0)
    assert grown == pytest.approx(512 * (9 * (4 + 5 + 3) * beta + 9 * 2 * 4 + 4 * ((3 + 4) * beta + 4)))


@pytest.mark.parametrize(
    ("item", "system", "low", "high"),
    [
        ("table_3", "T10", 0.95, 1.4),
        ("table_3", "Ladder", 0.8, 1.1),
        ("table_4", "T10", 1.2, 1.45),
        ("table_4", "Ladder", 0.4, 0.51),
    ],
)
def test_models_of_the_baselines_stay_as_near_the_paper_as_the_notes_say(item, system, low, high):
    ratios = [sure(row, "to_paper") for row in FORMULA_TABLES[item](PAPER).rows if row["system"] == system]
    assert len(ratios) == 12 and low < min(ratios) and max(ratios) < high


# ------------------------------------------------------------------------------------------ the tables


@pytest.mark.parametrize("item", FORMULA_TABLES)
def test_kept_tables_are_those_of_the_formulas(item):
    table = FORMULA_TABLES[item](PAPER)
    for suffix, render in (("csv", to_csv), ("md", to_markdown), ("tex", to_latex)):
        kept = (ROOT / f"results/tables/{item}.{suffix}").read_text(encoding="utf-8")
        assert kept == render(table), f"snakemake --force results/tables/{item}.csv"


@pytest.mark.parametrize("item", ["table_2", "table_3", "table_4"])
def test_a_row_has_numbers_of_its_own_kind_only(item):
    for row in FORMULA_TABLES[item](PAPER).rows:
        kind = {"WaferLLM": EXTRAPOLATED, "T10": MODELLED, "Ladder": MODELLED}.get(str(row["system"]), "paper")
        assert row["provenance"] == kind
        filled = {name for name in (EXTRAPOLATED, MODELLED) if row[f"{name}_tpr"]}
        assert filled == ({kind} - {"paper"})


@pytest.mark.parametrize(("item", "tokens", "rows"), [("table_3", 4096, 47), ("table_4", 1, 47)])
def test_throughput_is_tokens_times_clock_over_cycles(item, tokens, rows):
    found = FORMULA_TABLES[item](PAPER).rows
    assert len(found) == len(throughput.entries(PAPER, item)) == rows
    for row in found:
        for kind in (EXTRAPOLATED, MODELLED):
            cycles, tpr = number(row, f"{kind}_cycles"), number(row, f"{kind}_tpr")
            assert (cycles is None) == (tpr is None)
            if cycles and tpr:
                assert tpr == pytest.approx(tokens * 1.1e3 / cycles)
                assert sure(row, "to_paper") == pytest.approx(
                    tpr / PAPER.number(item, f"{row['model']} / {row['system']} / {row['size']}", "tpr")
                )


def test_table_2_has_all_requests_and_compares_like_with_like():
    table = table_2.make(PAPER)
    assert len(table.rows) == 4 * 11
    ours = {
        (r["model"], r["given"], r["generated"]): sure(r, "extrapolated_tpr")
        for r in table.rows
        if r["system"] == "WaferLLM"
    }
    for row in table.rows:
        if row["system"] == "Ladder":
            ratio = ours[row["model"], row["given"], row["generated"]] / sure(row, "modelled_tpr")
            assert sure(row, "ahead") == pytest.approx(ratio)


def test_table_5_gives_the_papers_numbers_with_the_papers_code_and_buffers():
    for row in table_5.make(PAPER).rows:
        config = config_of(speed.MODELS[str(row["model"])])
        side = int(str(row["side"]))
        with_theirs = regions.longest(config, side, side, "wse2", sure(row, "paper_other_bytes"))
        assert with_theirs.concatenated == pytest.approx(sure(row, "paper_concat"))
        assert sure(row, "gain") == pytest.approx(side) and abs(sure(row, "gain_to_paper") - 1) < 0.03
        assert sure(row, "shared_shift") == pytest.approx(sure(row, "shared_concat") * side, rel=0.25)


def test_a_slot_more_than_table_5_says_does_not_fit():
    shape = speed.shape_of("LLaMA3-8B", 600, capacity=600)
    most = table_5.most_slots(dataclasses.replace(shape, config=dataclasses.replace(shape.config, layers=8)))
    layers = dataclasses.replace(shape, config=dataclasses.replace(shape.config, layers=8))
    fits = [
        regions.place(dataclasses.replace(layers, capacity=slots * 600), "wse2").complete for slots in (most, most + 1)
    ]
    assert most > 0 and fits == [True, False]


@pytest.mark.parametrize(("make", "near"), [(energy.prefill, 0.17), (energy.decode, 0.02)])
def test_energy_follows_from_times_and_power(make, near):
    """The paper's own ratios from its own throughputs, up to their two digits; ours by the definition."""
    for row in make(PAPER).rows:
        assert sure(row, "from_paper") == pytest.approx(sure(row, "paper_energy_ratio"), rel=near)
        joules = sure(row, "paper_gpu_joules") / sure(row, "extrapolated_joules")
        assert sure(row, "energy_ratio") == pytest.approx(joules)


def test_claims_about_models_are_made_of_the_tables():
    rows = [row for row in FORMULA_TABLES["table_4"](PAPER).rows if row["system"] == "T10"]
    product = 1.0
    for row in rows:
        product *= sure(row, "ahead")
    assert claims.CLAIMS["decode_vs_t10"](PAPER).number == pytest.approx(product ** (1 / len(rows)))
    assert claims.CLAIMS["kv_shift_gain"](PAPER).number == pytest.approx(360)


# ------------------------------------------------------------------------------------------ generated text

RECORD = {
    "generation": "t",
    "verdict": "pass",
    "prompt": [1, 2, 3, 4],
    "tokens": [5, 6, 7],
    "prompt_cycles": 1000,
    "cycles_a_token": 15000.0,
    "tokens_a_second": 73333.3,
    "error_of_bound": 0.1,
    "parts": {"norm": 5.0, "rows": 7.0},
    "row": {"model": "tiny", "arch": "wse2", "width": 4, "height": 4, "together": 4, "concatenate": 0},
}


def changed(**changes):
    return copy.deepcopy(RECORD) | changes


def test_records_become_rows_beside_the_formulas():
    (row,) = generations.make([RECORD]).rows
    assert (row["mesh"], row["prompt"], row["together"], row["generated"]) == ("4x4", 4, 4, 3)
    assert sure(row, "norm") == 5 and row["ffn"] is None
    shape = Shape(config_of("tiny"), 4, 4, 7, 4)
    mean = (decode.decode_cycles(shape, "wse2", 4) + decode.decode_cycles(shape, "wse2", 5)) / 2
    assert sure(row, "formula_cycles") == pytest.approx(mean)
    assert sure(row, "prompt_ratio") == pytest.approx(prefill.prompt_cycles(shape, "wse2", 4).kernel / 1000)


def test_a_record_that_failed_never_enters_and_unknown_models_have_no_formula():
    concatenated = changed(row=RECORD["row"] | {"concatenate": 1, "model": "tiny-mqa"})
    of_a_file = changed(row=RECORD["row"] | {"model": "/models/mine"})
    rows = generations.make([changed(verdict="fail"), concatenated, of_a_file]).rows
    assert [row["model"] for row in rows] == ["tiny-mqa", "/models/mine"]
    assert all(row["formula_cycles"] is None for row in rows)


def test_smollm2_has_its_formula_whether_the_package_is_installed_or_not(monkeypatch):
    monkeypatch.setattr(sources, "PACKAGED", {})
    record = changed(row=RECORD["row"] | {"model": "smollm2-135m", "width": 96, "height": 96, "together": 0})
    (row,) = generations.make([record]).rows
    assert 150_000 < sure(row, "formula_cycles") < 300_000 and row["formula_prompt"] is None


@smollm2
def test_dimensions_of_smollm2_are_those_of_its_file():
    own, read = generations.SMOLLM2, config_of("smollm2-135m")
    for name in ("vocab", "hidden", "layers", "heads", "kv_heads", "head_dim", "ffn", "tied", "qkv_bias", "o_bias"):
        assert getattr(own, name) == getattr(read, name), name


def test_a_record_without_its_numbers_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"row": {}, "tokens": []}))
    with pytest.raises(generations.RecordError, match=r"a\.json: the record lacks prompt, verdict, cycles_a_token"):
        generations.read_records([tmp_path / "a.json"])
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(generations.RecordError, match=r"b\.json"):
        generations.read_records([tmp_path / "b.json"])
