"""Figures from made-up measurements: what is drawn how, the same bytes each time, the data beside the picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from support.made_up_measurements import write

from waferllm.figures import figure_9, figure_10, generations
from waferllm.figures.style import LOOKS
from waferllm.figures.write import ITEMS, write_figure
from waferllm.kernels import KERNELS
from waferllm.measurements import MeasurementError, load_measurements
from waferllm.paper import load_values
from waferllm.tables.llm.generations import PARTS
from waferllm.tables.llm.generations import make as table_of_texts

ROOT = Path(__file__).resolve().parents[2]
PAPER = load_values(ROOT / "config/paper_values.csv")
MAKERS = {"figure_9": figure_9.make, "figure_10": figure_10.make}


@pytest.fixture
def measurements(tmp_path):
    return load_measurements(write(tmp_path / "measurements.csv"))


@pytest.mark.parametrize("item", ITEMS)
def test_the_same_measurements_give_the_same_bytes(item, measurements, tmp_path):
    first = [path.read_bytes() for path in write_figure(item, measurements, PAPER, tmp_path / "a")]
    second = [path.read_bytes() for path in write_figure(item, measurements, PAPER, tmp_path / "b")]
    assert first == second
    assert [content[:4] for content in first[:2]] == [b"\x89PNG", b"%PDF"]
    assert b"CreationDate" not in first[1] and b"matplotlib" not in first[0].lower()


@pytest.mark.parametrize("item", ITEMS)
def test_runs_are_solid_and_extrapolated_points_hollow(item, tmp_path):
    path = write(tmp_path / "m.csv", lambda row: row if row["item"] != "gemv_lines" else None)
    axes = MAKERS[item](load_measurements(path), PAPER).axes
    assert len(axes) == 8
    for panel in axes:
        lines = [line for line in panel.lines if line.get_marker() != "*"]
        assert lines
        hollow = "extrapolated" in panel.get_title() or panel not in (axes[0], axes[4])
        for line in lines:
            assert (line.get_linestyle() == "--") == hollow
            assert (line.get_markerfacecolor() == "white") == hollow


def test_the_figure_shows_the_numbers_of_its_data(measurements, tmp_path):
    lines = write_figure("figure_9", measurements, PAPER, tmp_path)[2].read_text(encoding="utf-8").splitlines()
    panel = figure_9.make(measurements, PAPER).axes[0]
    drawn = {(float(x), float(y)) for line in panel.lines for x, y in np.asarray(line.get_xydata())}
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","))) for line in lines[1:]]
    told = {(float(row["side"]), float(row["simulated_cycles"])) for row in rows
            if row["tile"] == "12" and row["provenance"] == "simulated"}
    assert drawn == told and len(told) == 16


def test_runs_of_the_papers_size_stand_beside_extrapolated_ones(tmp_path):
    def papers_size(row):
        if row["width"] != 32 or row["M"] != 32 * 12:
            return row
        return row | {"width": 720, "height": 720, "M": 8192, "K": 8192, "N": 8192}
    panel = figure_9.make(load_measurements(write(tmp_path / "m.csv", papers_size)), PAPER).axes[3]
    assert panel.get_title() == "WSE-2, GEMM 8K\nsimulated, extrapolated"
    assert {line.get_linestyle() for line in panel.lines} == {"-", "--"}


def test_lines_are_solid_beside_extrapolated_points(measurements):
    panel = next(axes for axes in figure_10.make(measurements, PAPER).axes if "GEMV 16K" in axes.get_title())
    assert panel.get_title() == "WSE-2, GEMV 16K\nsimulated lines, extrapolated"
    solid = [np.asarray(line.get_xydata()).tolist() for line in panel.lines if line.get_linestyle() == "-"]
    assert len(solid) == 3 and all(points[0][0] == 720 for points in solid)


def test_numbers_of_the_paper_are_stars_at_its_largest_mesh(measurements):
    stars = [np.asarray(line.get_xydata())[0].tolist() for panel in figure_10.make(measurements, PAPER).axes
             for line in panel.lines if line.get_marker() == "*"]
    assert stars == [[720, pytest.approx(1320)], [720, pytest.approx(2233)]]


def test_every_kernel_has_its_own_color_and_marker():
    assert set(KERNELS) - {"meshgemm_t"} <= set(LOOKS)
    for family in ("gemm", "gemv"):
        looks = [LOOKS[name] for name, kernel in KERNELS.items() if kernel.family == family and name in LOOKS]
        assert len({look.color for look in looks}) == len({look.marker for look in looks}) == len(looks)


def test_panels_without_numbers_are_left_out(tmp_path):
    few = load_measurements(write(tmp_path / "m.csv", lambda row: row if row["width"] < 16 else None))
    for panel in figure_9.make(few, PAPER).axes:
        assert panel.get_visible() == bool(panel.lines)


def test_missing_runs_are_named(tmp_path):
    none = load_measurements(write(tmp_path / "m.csv", lambda row: None))
    with pytest.raises(MeasurementError, match="figure_10 needs meshgemv, pipeline_gemv"):
        figure_10.make(none, PAPER)


def test_the_script_writes_picture_and_data(tmp_path):
    command = [sys.executable, str(ROOT / "scripts/figures.py"), "--item", "figure_10", "--out", str(tmp_path / "f"),
               "--sources", str(write(tmp_path / "m.csv")), "--paper", "config/paper_values.csv"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert sorted(path.suffix for path in (tmp_path / "f").iterdir()) == [".csv", ".pdf", ".png"]


# ------------------------------------------------------------------------------------------ generated text
def test_a_bar_of_decode_is_as_long_as_its_parts():
    found = [{"generation": "t", "verdict": "pass", "prompt": [1, 2], "tokens": [5, 6], "prompt_cycles": 900,
              "cycles_a_token": 300.0, "tokens_a_second": 9.0, "error_of_bound": 0.1,
              "parts": {part: 10.0 * (1 + place) for place, part in enumerate(PARTS)},
              "row": {"model": "tiny", "arch": "wse2", "width": 4, "height": 4, "together": 0, "concatenate": kept}}
             for kept in (0, 1)]  # fmt: skip
    without = {name: value for name, value in found[0].items() if name != "parts"}
    (axes,) = generations.make(table_of_texts([*found, without])).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tiny, 4x4, wse2"] * 2
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    total = sum(range(1, len(PARTS) + 1))
    assert len(ends) == 2 * len(PARTS) and max(ends) == pytest.approx(100)
    second = bars[2]
    assert (second.get_x(), second.get_width()) == pytest.approx((100 / total, 200 / total))
    assert [text.get_text() for text in axes.texts] == ["280 cycles"] * 2
