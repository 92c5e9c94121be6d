"""The experiments table: what is read, and what is said about mistakes."""

from __future__ import annotations

import pytest

from waferllm.errors import ExperimentError
from waferllm.experiments import COLUMNS, Experiment, json_schema, load_experiments

GOOD = {
    "id": "a", "item": "check", "kernel": "meshgemm", "arch": "wse3", "width": "4", "height": "4",
    "M": "8", "K": "8", "N": "8",
}  # fmt: skip


def table(tmp_path, *rows, header=None):
    names = header or list(GOOD)
    path = tmp_path / "experiments.csv"
    lines = [",".join(names)] + [",".join(str(row.get(name, "")) for name in names) for row in rows]
    path.write_text("# a comment\n" + "\n".join(lines) + "\n")
    return path


def problems(path):
    with pytest.raises(ExperimentError) as caught:
        load_experiments(path)
    return [line.removeprefix(f"{path}: ") for line in caught.value.problems]


def test_columns_are_the_fields_of_an_experiment():
    assert list(COLUMNS) == list(Experiment.__dataclass_fields__)


def test_a_row_becomes_an_experiment_with_defaults(tmp_path):
    assert load_experiments(table(tmp_path, GOOD)) == [Experiment("a", "check", "meshgemm", "wse3", 4, 4, 8, 8, 8)]


MISTAKES = [
    ({"kernel": "meshgem"}, "row 3: column 'kernel': unknown kernel 'meshgem', did you mean 'meshgemm'?, expected"),
    ({"width": "-4"}, "row 3: column 'width': -4 is too small, expected an integer of at least 1"),
    ({"M": "0"}, "row 3: column 'M': 0 is too small, expected an integer of at least 1"),
    ({"K": "1.5"}, "row 3: column 'K': '1.5' is no integer, expected an integer of at least 1"),
    ({"K": ""}, "row 3: column 'K': the cell is empty, expected an integer of at least 1"),
    ({"arch": "wse4"}, "row 3: column 'arch': 'wse4' is not allowed, expected one of wse2, wse3, did you mean 'wse"),
    ({"id": "../a"}, "row 3: column 'id': '../a' is not allowed, expected letters, digits"),
    ({"width": "756"}, "row 3: column 'width': 756 is more than the wse3 has, at most 755"),
    ({"height": "1171"}, "row 3: column 'height': 1171 is more than the wse3 has, at most 1170"),
    ({"width": "1"}, "row 3: column 'width': 1 is too small for meshgemm, at least 2"),
    ({"kernel": "meshgemv"}, "row 3: column 'N': 8 is not allowed for meshgemv, expected 1"),
    ({"M": "1024", "K": "1024", "N": "1024"}, "row 3: M, K, N = 1024, 1024, 1024 on 4 x 4 PEs: a PE would need"),
]


@pytest.mark.parametrize(("change", "expected"), MISTAKES, ids=[str(change) for change, _ in MISTAKES])
def test_a_mistake_is_named_with_row_column_value_and_what_is_allowed(tmp_path, change, expected):
    found = problems(table(tmp_path, GOOD | change))
    assert len(found) == 1 and found[0].startswith(expected)


def test_too_much_memory_is_told_with_its_parts(tmp_path):
    (found,) = problems(table(tmp_path, GOOD | {"M": "1024", "K": "1024", "N": "1024"}))
    assert "it has 49152: A 131072 + A.free 131072 + B 131072" in found and "+ code " in found


def test_all_mistakes_are_collected(tmp_path):
    found = problems(table(tmp_path, GOOD, GOOD | {"M": "x", "arch": "wse"}, GOOD))
    assert [line.partition(": '")[0] for line in found] == [
        "row 4: column 'arch'", "row 4: column 'M'", "row 4: column 'id'", "row 5: column 'id'",
    ]  # fmt: skip


def test_columns_unknown_and_missing(tmp_path):
    header = [name for name in GOOD if name != "height"] + ["hieght", "width"]
    found = problems(table(tmp_path, GOOD, header=header))
    assert found == [
        "unknown column 'hieght', did you mean 'height'?",
        "column 'height' is missing (rows of PEs)",
        "column 'width' stands twice",
    ]


def test_empty_tables_and_missing_files(tmp_path):
    assert problems(table(tmp_path)) == ["the table has no rows, expected at least one experiment"]
    (tmp_path / "none.csv").write_text("")
    assert problems(tmp_path / "none.csv")[0].startswith("the table is empty")
    assert "cannot be read" in problems(tmp_path / "absent.csv")[0]


def test_schema_has_all_columns():
    schema = json_schema()
    assert list(schema["properties"]) == list(COLUMNS)
    assert set(schema["required"]) == set(GOOD) - {"N"}
