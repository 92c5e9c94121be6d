"""`wafersim calibrate` and its section in docs/timing-model.md: what is committed is what the programs give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wafersim import machine
from wafersim.calibration import foreign, plot, points, report
from wafersim.cli import main as cli
from wafersim.errors import UsageError

DOCUMENT = Path(__file__).parents[2] / "docs" / "timing-model.md"
MOST_PARAMETERS = 25
CHEAP = ["jk-0022", "jk-0029", "jkc-0001", "lz", "fmacs", "fabm"]
"""Names of points that run in a second together."""


def committed() -> dict[str, str]:
    """Rows of the committed tables by point."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text[text.index(report.BEGIN) : text.index(report.END)]
    names = {point.id for point in points.load()}
    rows = {line.split("|")[1].strip(): line for line in section.splitlines() if line.startswith("|")}
    return {name: row for name, row in rows.items() if name in names}


def rows_of(results: list[report.Outcome]) -> dict[str, str]:
    lines = report.section(results).splitlines()
    return {result.point.id: next(x for x in lines if x.startswith(f"| {result.point.id} ")) for result in results}


def test_committed_rows_are_what_the_programs_give():
    results = [report.outcome(point) for point in points.select(points.load(), CHEAP)]
    rows = committed()
    for name, row in rows_of(results).items():
        assert rows[name] == row


@pytest.mark.long
def test_committed_section_is_what_the_command_writes(tmp_path):
    copy = tmp_path / DOCUMENT.name
    text = DOCUMENT.read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    assert cli.main(["calibrate", "--report", str(copy)]) == 0
    assert copy.read_text(encoding="utf-8") == text
    assert (tmp_path / report.PLOT).read_bytes() == (DOCUMENT.parent / report.PLOT).read_bytes()


def test_every_point_has_a_row():
    assert set(committed()) == {point.id for point in points.load()}


@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
def test_few_parameters_are_fitted_and_each_says_to_what(arch):
    rows = machine.fitted_rows(arch)
    known = {name for point in points.load() for name in (point.id, point.series) if point.arch == arch}
    assert len(rows) <= MOST_PARAMETERS
    for row in rows:
        assert row.unit and row.points and set(row.points.split()) <= known, row


def test_both_engines_predict_the_same():
    for point in points.select(points.load(), ["jk-0025", "fabm-0009", "fabm-0003"]):
        assert report.outcome(point, "fast").predicted == report.outcome(point, "reference").predicted


def test_the_command_prints_and_writes_points(tmp_path, capsys):
    assert cli.main(["calibrate", "fmacs-0002", "fabm-0001", "--json", str(tmp_path / "out.json")]) == 0
    assert "2 points: median" in capsys.readouterr().out
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in content["points"]] == ["fmacs-0002", "fabm-0001"]
    assert content["points"][0]["measured"] == 5130


def test_unknown_names_and_partial_reports_are_refused(capsys):
    with pytest.raises(UsageError):
        points.select(points.load(), ["nothing"])
    assert cli.main(["calibrate", "lz", "--report", "somewhere.md"]) == 1
    assert "needs all points" in capsys.readouterr().err


def test_a_checkout_without_the_programs_has_none(tmp_path):
    assert all(foreign.program_of(point, tmp_path) is None for point in points.load())


def test_marks_beyond_the_plot_are_drawn_on_its_edge():
    point = points.load()[0]
    text = plot.residuals([report.Outcome(point, point.measured * 2), report.Outcome(point, point.measured * 0.99)])
    assert text.count("<circle") == 2
    assert "+100.0 %" in text
    assert text == plot.residuals(
        [report.Outcome(point, point.measured * 2), report.Outcome(point, point.measured * 0.99)]
    )
