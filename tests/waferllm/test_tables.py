"""Tables from made-up measurements: golden files, what may enter, what is refused, and why."""

from __future__ import annotations

import csv
import io
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.made_up_measurements import GEMM, GEMV, LINE_LESS, LINES, step, write

from waferllm.measurements import MeasurementError, load_measurements
from waferllm.paper import load_claims, load_values
from waferllm.tables import ITEMS, make_table
from waferllm.tables.design import DESIGN
from waferllm.tables.llm.claims import CLAIMS as MODELS
from waferllm.tables.render import to_csv, to_latex, to_markdown
from waferllm.tables.table import EXTRAPOLATED, KEY, NOTE, NUMBERS, RATIO, Column, ProvenanceError, Table, Value, told

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "data" / "golden"
PAPER, CLAIMS = load_values(ROOT / "config/paper_values.csv"), load_claims(ROOT / "config/paper_claims.csv")
RENDER = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def table_of(item, folder, changed=lambda row: row):
    return make_table(item, load_measurements(write(folder / "measurements.csv", changed)), PAPER, CLAIMS)


def rows_of(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def only(rows, **wanted):
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    assert len(found) == 1, found
    return found[0]


# ------------------------------------------------------------------------------------------------ golden
@pytest.mark.parametrize("suffix", RENDER)
@pytest.mark.parametrize("item", ITEMS)
def test_tables_are_the_golden_ones(item, suffix, tmp_path, request):
    text, path = RENDER[suffix](table_of(item, tmp_path)), GOLDEN / f"{item}.{suffix}"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "run again with --update-golden and review the difference"


# ------------------------------------------------------------------------------------------------ numbers
def test_extrapolated_cycles_follow_the_law_of_the_fixture(tmp_path):
    for item, laws in (("figure_9", GEMM), ("figure_10", GEMV)):
        for row in rows_of(table_of(item, tmp_path)):
            kernel = row["kernel"].partition(" ")[0]
            cycles = row["simulated_cycles"] or row["extrapolated_cycles"]
            law = laws[kernel](int(row["side"]), int(row["tile"]))
            if row.get("simulated_line_cycles"):
                assert float(row["simulated_line_cycles"]) == pytest.approx(law - LINE_LESS, abs=0.5)
            else:
                assert float(cycles) == pytest.approx(law, rel=0.01)


def test_a_row_is_simulated_or_one_line_or_extrapolated(tmp_path):
    for item in ("figure_9", "figure_10"):
        for row in rows_of(table_of(item, tmp_path)):
            kinds = [kind for kind in ("simulated", "simulated_line", "extrapolated") if row.get(f"{kind}_cycles")]
            assert [told(kind) for kind in kinds] == [row["provenance"]]


def test_lines_stand_beside_the_mesh_and_the_extrapolation(tmp_path):
    rows = rows_of(table_of("gemv_lines", tmp_path))
    row = only(rows, kernel="meshgemv K=2", problem="GEMV 16K", side="720")
    law = GEMV["meshgemv"](720, 23)
    assert float(row["extrapolated_cycles"]) == pytest.approx(law, rel=0.01) and row["simulated_cycles"] == ""
    assert float(row["extrapolated_ratio"]) == pytest.approx(law / (law - LINE_LESS), rel=0.01)
    assert len(rows) == 3 * len(LINES)


def test_lines_take_no_part_in_the_fits(tmp_path):
    for item in ("figure_10", "table_6", "gemv_lines"):
        for row in rows_of(table_of(item, tmp_path)):
            assert "fixture_line" not in row.get("fitted_on", "")


def test_without_lines_their_table_says_what_is_missing(tmp_path):
    with pytest.raises(MeasurementError, match=re.escape("gemv_lines needs runs of P x 1 PEs")):
        table_of("gemv_lines", tmp_path, without_lines)


def without_lines(row):
    return None if row["item"] == "gemv_lines" else row


def test_only_extrapolated_rows_name_a_formula_and_its_runs(tmp_path):
    for row in rows_of(table_of("figure_9", tmp_path)):
        filled = [bool(row[name]) for name in ("formula", "residual", "fit", "fitted_range", "fitted_on")]
        assert set(filled) == {row["provenance"] == EXTRAPOLATED}


def test_a_measurement_that_failed_validation_never_enters(tmp_path):
    assert not [row for row in rows_of(table_of("figure_9", tmp_path)) if "fixture_failed" in row.values()]
    assert "999999" not in to_csv(table_of("figure_9", tmp_path))


def test_a_failed_run_takes_its_number_out(tmp_path):
    name = "fixture_meshgemm_32_6"
    table = table_of("figure_9", tmp_path, lambda row: row | {"verdict": "fail"} if row["id"] == name else row)
    assert not [row for row in rows_of(table) if row["note"] == name or name in row["fitted_on"].split()]


def test_energy_ratio_is_gpus_times_time_over_power_times_our_time(tmp_path):
    row = only(rows_of(table_of("table_6", tmp_path, without_lines)), problem="GEMV 16K", against="A100 x 2x8")
    time = float(row["extrapolated_cycles"]) / 1.1e6
    assert float(row["extrapolated_time"]) == pytest.approx(time, rel=1e-6)
    assert float(row["energy_ratio"]) == pytest.approx(16 * 0.340 / (37 * time), rel=1e-6)
    assert float(row["energy_to_paper"]) == pytest.approx(float(row["energy_ratio"]) / 120.88, rel=1e-6)


def test_table_6_takes_a_run_of_the_very_size_before_an_extrapolated_one(tmp_path):
    def full_size(row):
        if row["id"] == "fixture_meshgemv_32_24":
            return row | {"width": 720, "height": 720, "M": 16384, "K": 16384, "cycles": 1320}
        return row
    row = only(rows_of(table_of("table_6", tmp_path, full_size)), problem="GEMV 16K", against="A100 x 1")
    assert (row["provenance"], row["simulated_time"], row["extrapolated_time"]) == ("simulated", "0.0012", "")
    assert float(row["time_ratio"]) == pytest.approx(1)


def test_table_6_takes_one_line_before_an_extrapolated_number_and_shows_both(tmp_path):
    rows = rows_of(table_of("table_6", tmp_path))
    row = only(rows, problem="GEMV 16K", against="A100 x 1")
    assert row["provenance"] == "simulated, one line of the mesh" and row["simulated_cycles"] == ""
    assert float(row["time_ratio"]) == pytest.approx(float(row["simulated_line_time"]) / 0.0012, rel=1e-6)
    assert float(row["extrapolated_cycles"]) > float(row["simulated_line_cycles"])
    assert only(rows, problem="GEMV 32K", against="A100 x 1")["provenance"] == "extrapolated"


def test_without_cycles_of_the_product_those_of_the_run_remain(tmp_path):
    table = table_of("figure_9", tmp_path, lambda row: row | {"product_cycles": ""})
    for row in rows_of(table):
        assert row["simulated_cycles"] or row["extrapolated_cycles"]
        assert not row["simulated_communication"] and not row["extrapolated_compute"]


def test_what_cannot_be_extrapolated_says_why(tmp_path):
    table = table_of("figure_9", tmp_path, lambda row: row if row["width"] in (4, 8) else None)
    rows = [row for row in rows_of(table) if row["provenance"] == "none"]
    assert len(rows) == 3 * 6 and not any(row["extrapolated_cycles"] for row in rows)
    assert all("not extrapolated" in row["note"] for row in rows)
    assert "not extrapolated" in to_markdown(table)


def test_compute_of_a_gemm_is_the_product_of_the_all_gather(tmp_path):
    def at_small_meshes(row):
        return None if row["kernel"] == "allgather" and row["width"] > 16 else row
    for row in rows_of(table_of("figure_9", tmp_path, at_small_meshes)):
        compute = float(row["simulated_compute"] or row["extrapolated_compute"])
        cycles = float(row["simulated_cycles"] or row["extrapolated_cycles"])
        side, tile = int(row["side"]), int(row["tile"])
        assert compute == pytest.approx(100 * side * step(tile) / cycles, rel=1e-4)


def test_runs_of_the_papers_size_take_the_place_of_extrapolated_ones(tmp_path):
    rows = rows_of(table_of("figure_9", tmp_path, papers_size))
    row = only(rows, kernel="meshgemm", problem="GEMM 8K", side="720")
    assert (row["provenance"], row["simulated_cycles"]) == ("simulated", "1000")
    assert only(rows, kernel="summa", problem="GEMM 8K", side="720")["simulated_slowdown"] == "4"
    assert only(rows, kernel="summa", problem="GEMM 8K", side="360")["provenance"] == "extrapolated"


def papers_size(row):
    if row["width"] == 32 and row["M"] == 32 * 12:
        size = {"width": 720, "height": 720, "M": 8192, "K": 8192, "N": 8192}
        cycles = {"meshgemm": 1000, "summa": 4000, "cannon": 3000}
        return row | size | {"cycles": cycles[row["kernel"]]} if row["kernel"] in cycles else row
    return row


# ------------------------------------------------------------------------------------------------ claims
def test_verdicts(tmp_path):
    verdicts = {row["id"]: row["verdict"] for row in rows_of(table_of("claims", tmp_path))}
    assert verdicts["gemm_large_total_cycles"] == verdicts["two_hop"] == verdicts["routing_paths"] == "reproduced"
    assert verdicts["gemm_vs_summa_cannon"] == verdicts["gemm2k_baselines_slow_down"] == "not reproduced"
    assert verdicts["power_ratio"] == verdicts["ktree_k"] == "not testable here"


def test_runs_of_the_papers_size_decide(tmp_path):
    claim = only(rows_of(table_of("claims", tmp_path, papers_size)), id="gemm_large_total_cycles")
    assert (claim["verdict"], claim["provenance"]) == ("reproduced", "simulated")
    assert float(claim["simulated"]) == pytest.approx(1 - 1000 / 3000, rel=1e-6)


def test_a_claim_about_a_trend_is_checked_on_all_three_kernels(tmp_path):
    def flat_mesh_rising_baselines(row):
        if row["item"] != "figure_9" or row["kernel"] == "allgather":
            return row
        slope = 2 if row["kernel"] == "meshgemm" else 1000
        return row | {"cycles": round(slope * row["width"] + (100 if slope == 1000 else 50000))}
    claim = only(rows_of(table_of("claims", tmp_path, flat_mesh_rising_baselines)), id="gemm2k_baselines_slow_down")
    assert claim["verdict"] == "reproduced"


def test_lines_of_the_papers_size_decide_before_extrapolated_numbers(tmp_path):
    claim = only(rows_of(table_of("claims", tmp_path)), id="gemv_vs_cerebras")
    assert claim["provenance"] == "simulated, one line of the mesh" and claim["extrapolated"]
    speedups = [GEMV["pipeline_gemv"](side, 23) - LINE_LESS for side, _ in LINES]
    meshes = [GEMV["meshgemv"](side, 23) - LINE_LESS for side, _ in LINES]
    mean = math.sqrt(math.prod(speedups) / math.prod(meshes))
    assert float(claim["simulated_line"]) == pytest.approx(mean, rel=0.01)


def test_the_fastest_of_several_trees_is_found(tmp_path):
    def two_trees(row):
        other = row | {"id": f"{row['id']}_k3", "phases": 3, "cycles": 3 * row["cycles"]}
        return [row, other] if row["kernel"] == "meshgemv" else row
    table = table_of("claims", tmp_path, two_trees)
    claim = only(rows_of(table), id="ktree_k")
    assert (claim["verdict"], float(claim["extrapolated"])) == ("reproduced", 2)


def test_claims_without_runs_are_not_testable(tmp_path):
    rows = rows_of(table_of("claims", tmp_path, lambda row: None))
    assert {row["verdict"] for row in rows if row["id"] not in {*DESIGN, *MODELS}} == {"not testable here"}
    assert "figure_9 needs" in only(rows, id="gemm_efficiency_720")["note"]


# ---------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(("item", "kernel", "message"), [
    ("figure_9", "summa", "figure_9 needs summa (item figure_9), which has no passing measurement in "),
    ("figure_10", "pipeline_gemv", "figure_10 needs pipeline_gemv (item figure_10), which has no passing measurement"),
    ("table_6", "meshgemv", "table_6 needs meshgemv in f16 on wse2 with K = 2"),
])
def test_a_missing_kernel_is_named(item, kernel, message, tmp_path):
    with pytest.raises(MeasurementError, match=re.escape(message)):
        table_of(item, tmp_path, lambda row: row if row["kernel"] != kernel else row | {"verdict": "fail"})


def test_the_message_names_runs_that_did_not_pass(tmp_path):
    with pytest.raises(MeasurementError, match=r"not passed: fixture_summa_4_3, "):
        table_of("figure_9", tmp_path, lambda row: row | {"verdict": "fail"} if row["kernel"] == "summa" else row)


@pytest.mark.parametrize(("change", "message"), [
    ({"product_cycles": 1e9}, r"product_cycles 1e\+09 is not in 0..cycles"),
    ({"cycles": "many"}, "invalid literal"),
    ({"provenance": "appliance"}, "provenance appliance, simulated: expected the same in all rows"),
])
def test_bad_measurements_are_refused(change, message, tmp_path):
    with pytest.raises(MeasurementError, match=message):
        table_of("figure_9", tmp_path, lambda row: row | change if row["id"] == "fixture_summa_4_3" else row)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("id,item\n", encoding="utf-8")
    with pytest.raises(MeasurementError, match="missing columns: kernel, arch"):
        load_measurements(path)


def test_runs_on_a_machine_stand_in_columns_of_their_own(tmp_path):
    table = table_of("figure_9", tmp_path, lambda row: row | {"provenance": "appliance"})
    assert {column.kind for column in table.columns if column.name == "measured_cycles"} == {"measured"}
    assert {row["provenance"] for row in rows_of(table)} == {"measured", "extrapolated"}


# -------------------------------------------------------------------------------------------- provenance
@given(column=st.sampled_from(NUMBERS), kind=st.sampled_from(NUMBERS), number=st.floats(-1e9, 1e9))
def test_a_number_enters_only_columns_of_its_kind(column, kind, number):
    table = Table("t", "T", (Column("c", "c", column),))
    if column == kind:
        table.add(c=Value(number, kind))
        return
    with pytest.raises(ProvenanceError, match=f"holds {column} numbers, got a {kind} number"):
        table.add(c=Value(number, kind))


@pytest.mark.parametrize(("kind", "cell"), [("paper", "1.5"), ("simulated", 3), (KEY, Value(1, "paper")),
                                            (NOTE, Value(1, RATIO))])
def test_bare_numbers_and_numbers_in_keys_are_refused(kind, cell):
    with pytest.raises(ProvenanceError):
        Table("t", "T", (Column("c", "c", kind),)).add(c=cell)


@given(text=st.text(max_size=20), number=st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_every_row_of_a_page_has_all_its_cells(text, number):
    table = Table("t", "T_1 & 100 %", (Column("k", "key", KEY), Column("n", "n", "paper", "ms")))
    table.add(k=text.replace("\n", " ").replace("\r", " "), n=Value(number, "paper"))
    assert len([line for line in to_latex(table).split("\n") if line.endswith(r"\\")]) == 2
    assert rows_of(table)[0]["n"] == f"{number:.8g}"


# ------------------------------------------------------------------------------------------------ script
def run_script(*words):
    published = ("--paper", "config/paper_values.csv", "--claims", "config/paper_claims.csv")
    command = [sys.executable, str(ROOT / "scripts/tables.py"), *published, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_script_writes_three_files_a_table(tmp_path):
    measurements = write(tmp_path / "m.csv")
    result = run_script("--item", "table_6", "--sources", measurements, "--out", tmp_path / "tables")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["table_6.csv", "table_6.md", "table_6.tex"]


def test_the_script_says_what_is_missing(tmp_path):
    measurements = write(tmp_path / "m.csv", lambda row: row if row["kernel"] != "cannon" else None)
    result = run_script("--item", "figure_9", "--sources", measurements, "--out", tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("error: tables: figure_9 needs cannon (item figure_9), which has no passing")
