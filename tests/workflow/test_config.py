"""Settings and experiments are checked before the first job: exact messages, through the command itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from workflow.workspace import TINY, environment

from waferllm.config import ConfigError, Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]

BAD_SETTINGS = [
    ({"bakend": "sdk"}, "bakend: unknown key, did you mean 'backend'?"),
    ({"sdk": {"foldr": "x"}}, "sdk.foldr: unknown key, did you mean 'folder'?"),
    ({"sdk": {"zzz": "x"}}, "sdk.zzz: unknown key; known keys: folder, address"),
    ({"backend": "cuda"}, "backend: input should be 'wafersim', 'sdk' or 'appliance', got 'cuda'"),
    ({"kernels": 5}, "kernels: input should be a valid string, got 5"),
    ({"wafersim": {"max_cycles": -1}}, "wafersim.max_cycles: input should be greater than or equal to 0, got -1"),
    ({"wafersim": {"preset": "fast"}}, "wafersim.preset: input should be 'sim' or 'silicon', got 'fast'"),
    ({"resources": {"pe_rate": 0}}, "resources.pe_rate: input should be greater than 0, got 0"),
    ({"resources": {"run_threads": "2"}}, "resources.run_threads: input should be a valid integer, got '2'"),
    ({"resources": 3}, "resources: input should be a valid dictionary or instance of Resources, got 3"),
]


@pytest.mark.parametrize(("values", "message"), BAD_SETTINGS, ids=[text.split(":")[0] for _, text in BAD_SETTINGS])
def test_bad_setting_is_refused(values, message):
    with pytest.raises(ConfigError) as refused:
        load_settings(values)
    assert str(refused.value) == f"the configuration has errors:\n  {message}"


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ConfigError) as refused:
        load_settings({"bakend": "sdk", "backend": "cuda"})
    assert len(str(refused.value).splitlines()) == 3


def test_defaults_are_the_settings_of_the_file(shared_workspace):
    import yaml

    assert load_settings(yaml.safe_load(shared_workspace.path("config/config.yaml").read_text())) == Settings()


TABLE = "config/experiments.test.csv"
BAD_ROWS = [
    (TINY.replace("meshgemv", "mehsgemv"), "column 'kernel': unknown kernel 'mehsgemv', did you mean 'meshgemv'?"),
    (TINY.replace("wse3,2,2", "wse3,2000,2"), "column 'width': 2000 is more than the wse3 has, at most"),
    (TINY.replace("5,7", "500,700"), "M, K, N = 500, 700, 1 on 2 x 2 PEs: a PE would need"),
    (TINY.replace("5,7", "-5,7"), "column 'M': -5 is too small, expected an integer of at least 1"),
    (TINY.replace("5,7", "5,x"), "column 'K': 'x' is no integer, expected an integer of at least 1"),
]
"""Row, what is said of it after file and row number."""


def test_bad_rows_are_refused_before_the_first_job(shared_workspace):
    rows = [row.replace("tiny", f"tiny{number}") for number, (row, _) in enumerate(BAD_ROWS)]
    result = shared_workspace.snakemake(config=(shared_workspace.experiments(*rows),))
    for number, (_, message) in enumerate(BAD_ROWS, 2):
        refused(result, f"{TABLE}: row {number}: {message}")
    assert not shared_workspace.path("results").exists()


def test_missing_column_is_refused(shared_workspace):
    shared_workspace.write("config/short.csv", "id,item,kernel,arch,width,height,M\ntiny,check,meshgemv,wse3,2,2,4\n")
    result = shared_workspace.snakemake(config=("experiments=config/short.csv",))
    refused(result, "config/short.csv: column 'K' is missing (columns of A)")


def test_missing_table_is_refused(shared_workspace):
    refused(shared_workspace.snakemake(config=("experiments=none.csv",)), "none.csv: cannot be read:")


def test_unknown_key_is_refused_by_the_command(shared_workspace):
    refused(shared_workspace.snakemake(config=("bakend=sdk",)), "bakend: unknown key, did you mean 'backend'?")


def test_folder_without_kernels_is_refused(shared_workspace):
    message = "kernels: expected a folder of kernels with a 'lib' in it, got 'docs'"
    refused(shared_workspace.snakemake(config=("kernels=docs",)), message)


def refused(result: subprocess.CompletedProcess[str], message: str) -> None:
    """A non-zero exit code, the message, and little else."""
    assert result.returncode == 1
    assert message in result.stdout
    assert "Traceback" not in result.stdout
    assert len(result.stdout.splitlines()) < 12, result.stdout


def test_generated_files_are_up_to_date():
    command = [sys.executable, str(ROOT / "scripts/dev/generate.py"), "--check"]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0, f"run: make generated\n{result.stdout}"
