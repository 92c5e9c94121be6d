"""Habits of the workflow: one name a stage everywhere, literal paths, nothing but shell rules, sizes, lint, format."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAKEFILE = (ROOT / "Snakefile").read_text(encoding="utf-8")
STAGES = re.findall(r'^include: "workflow/rules/(\w+)\.smk"', SNAKEFILE, flags=re.MULTILINE)[1:]
"""After common.smk, in the order of the data."""


def text(stage: str) -> str:
    return (ROOT / f"workflow/rules/{stage}.smk").read_text(encoding="utf-8")


def test_stages_are_in_the_order_of_the_data():
    order = ["inputs", "partition", "compile", "run", "validate", "generate", "gpu", "aggregate", "tables", "figures"]
    assert [stage for stage in order if stage in STAGES] == STAGES


def test_each_rule_file_is_included():
    assert {path.stem for path in (ROOT / "workflow/rules").glob("*.smk")} == {"common", *STAGES}


def test_every_rule_is_a_local_one_within_a_job_of_a_cluster():
    words = text("common").partition("    localrules:\n")[2].partition("\n\n")[0]
    assert re.findall(r"(\w+),", words) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_rule_script_log_benchmark_and_results_have_the_name_of_the_stage(stage: str):
    rules = text(stage)
    assert re.findall(r"^rule (\w+):", rules, flags=re.MULTILINE) == [stage]
    assert f'script="scripts/{stage}.py"' in rules
    assert re.search(r'"([A-Z_]+=\S+ )*python \{input.script\} ', rules)
    assert re.search(rf'log:\n\s+"results/logs/{stage}(/\{{\w+\}})?\.log"', rules)
    assert re.search(rf'benchmark:\n\s+"results/benchmarks/{stage}(/\{{\w+\}})?\.tsv"', rules)
    outputs = rules.partition("    output:")[2].partition("    log:")[0]
    assert re.findall(r'"results/(\w+)', outputs)
    assert set(re.findall(r'"results/(\w+)', outputs)) == {stage}


@pytest.mark.parametrize("stage", STAGES)
def test_rule_says_what_it_needs_and_uses_shell_only(stage: str):
    rules = text(stage)
    for directive in ("threads:", "resources:", "mem_mb=", "runtime=", "conda:", "shell:"):
        assert directive in rules, directive
    assert not re.search(r"^\s+(run|script|notebook|wrapper):", rules, flags=re.MULTILINE)


def test_each_script_is_of_a_rule_and_short():
    scripts = {path.stem: path for path in (ROOT / "scripts").glob("*.py")}
    assert set(scripts) == set(STAGES)
    for path in scripts.values():
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") <= 60, path
        assert "numpy" not in source, path


def test_sizes():
    assert SNAKEFILE.count("\n") <= 60
    for stage in ("common", *STAGES):
        assert text(stage).count("\n") <= 200
        for rule in re.split(r"^rule ", text(stage), flags=re.MULTILINE)[1:]:
            assert rule.count("\n") <= 40, stage


def test_docs_list_the_stages_and_profiles():
    page = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \|", page.partition("## Running")[0], flags=re.MULTILINE)
    assert rows == ["stage", *STAGES]
    profiles = {path.name for path in (ROOT / "workflow/profiles").iterdir() if not path.is_symlink()}
    assert set(re.findall(r"^\| `(\w+)` \|", page.partition("## When")[0], flags=re.MULTILINE)) == profiles


def test_rules_are_formatted():
    command = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, f"run: make format\n{result.stderr}"


def test_lint_finds_nothing(shared_workspace):
    result = shared_workspace.snakemake("--lint")
    assert result.returncode == 0, result.stdout
    assert "in a good condition" in result.stdout
