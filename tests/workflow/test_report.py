"""A small study from kernels to tables, figures and the HTML report (long)."""

from __future__ import annotations

import csv

import pytest

GEMM = [
    f"{kernel}{side},figure_9,{kernel},wse2,{side},{side},{3 * side},{3 * side},{3 * side},16,,,,,1,1,1"
    for kernel in ("meshgemm", "summa", "cannon")
    for side in (2, 3, 4)
]
GEMV = [
    f"{kernel}{side},figure_10,{kernel},wse2,{side},{side},{12 * side},{12 * side},,,16,{phases},0,1,,,1"
    for kernel, phases in (("meshgemv", 2), ("pipeline_gemv", ""))
    for side in (2, 3, 4)
]


@pytest.mark.long
def test_study_has_tables_figures_and_a_report(workspace):
    table = workspace.experiments(*GEMM, *GEMV)
    result = workspace.snakemake(config=(table,))
    assert result.returncode == 0, result.stdout
    for item in ("figure_9", "figure_10", "table_6", "claims"):
        for suffix in ("csv", "md", "tex"):
            assert workspace.path(f"results/tables/{item}.{suffix}").exists()
    for item in ("figure_9", "figure_10"):
        for suffix in ("png", "pdf"):
            assert workspace.path(f"results/figures/{item}.{suffix}").stat().st_size > 1000
        assert f"results/tables/{item}.md" in result.stdout, "the summary tells where the results are"
    with workspace.path("results/tables/claims.csv").open(newline="", encoding="utf-8") as file:
        assert {row["verdict"] for row in csv.DictReader(file)}

    report = workspace.snakemake("--report", "report.html", config=(table,))
    assert report.returncode == 0, report.stdout
    page = workspace.path("report.html").read_text(encoding="utf-8")
    for text in ("core algorithms on the simulated wafer", "figure_9.png", "figure_10.csv", "measurements.csv"):
        assert text in page, text
