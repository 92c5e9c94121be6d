"""The published numbers of config/ and the checks of their loader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from waferllm.paper import PaperError, load_claims, load_values

CONFIG = Path(__file__).resolve().parents[2] / "config"
VALUES_HEAD = "item,row,column,value,unit,where,source\n"
CLAIMS_HEAD = "id,item,where,claim,low,high,unit,source\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_table_of_the_paper_is_there():
    values = load_values(CONFIG / "paper_values.csv")
    counts = {f"table_{n}": sum(row.item == f"table_{n}" for row in values.rows) for n in range(2, 9)}
    # Table 2: 44 numbers and the four meshes they were measured on.
    assert counts == {"table_2": 48, "table_3": 47, "table_4": 47, "table_5": 4, "table_6": 15, "table_7": 15,
                      "table_8": 15}


@pytest.mark.parametrize(("key", "number"), [
    (("table_2", "LLaMA3-8B / WaferLLM / WSE-2 x 1", "in4096_out4096"), 2459.0),
    (("table_3", "QWen2-72B / WaferLLM / 720x720", "tpr"), 4421.6),
    (("table_4", "QWen2-72B / Ladder / 660x660", "tpr"), 3.4),
    (("table_5", "LLaMA2-13B", "shift_based"), 6168),
    (("table_6", "GEMV 32K / WSE-2", "time"), 0.00203),
    (("table_7", "LLaMA3-8B / A100 x 2x8", "energy_ratio"), 0.84),
    (("machine", "WSE-2", "clock"), 1.1),
])
def test_values_are_found_by_their_key(key, number):
    assert load_values(CONFIG / "paper_values.csv").number(*key) == number


def test_an_unknown_value_is_named():
    with pytest.raises(PaperError, match="no value for item 'table_9', row 'x', column 'y'"):
        load_values(CONFIG / "paper_values.csv").number("table_9", "x", "y")


def test_claims_have_their_ranges():
    claims = {claim.id: claim for claim in load_claims(CONFIG / "paper_claims.csv")}
    assert len(claims) == 20
    assert (claims["gemv_vs_a100"].low, claims["gemv_vs_a100"].high) == (280, 606)
    assert (claims["gemm_large_total_cycles"].low, claims["gemm_large_total_cycles"].high) == (0.17, None)


@pytest.mark.parametrize(("text", "message"), [
    ("item,row\n", "columns must be item, row, column, value, unit, where, source"),
    (VALUES_HEAD + "t,r,c,1,ms,Table 1,\n", "rows.csv:2: column 'source' is empty"),
    (VALUES_HEAD + "t,r,c,fast,ms,Table 1,s\n", "rows.csv:2: column 'value': 'fast' is not a number"),
    (VALUES_HEAD + "t,r,c,,ms,Table 1,s\n", "rows.csv:2: column 'value' is empty"),
    (VALUES_HEAD + "t,r,c,1,ms,Table 1,s\nt,r,c,2,ms,Table 1,s\n", "t / r / c appears twice"),
])
def test_bad_values_are_refused(tmp_path, text, message):
    with pytest.raises(PaperError, match=re.escape(message)):
        load_values(written(tmp_path, text))


def test_all_errors_of_a_file_are_reported(tmp_path):
    with pytest.raises(PaperError) as error:
        load_claims(written(tmp_path, CLAIMS_HEAD + "a,i,w,c,3,2,1,s\nb,i,,c,1,2,1,s\na,i,w,c,1,2,1,s\n"))
    assert len(str(error.value).splitlines()) == 3
