"""Habits of the repository as a whole: targets, paths, generated pages, kernels, machine tables."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from project.repository import ROOT, read, tracked

TEXT = {".py", ".cpp", ".h", ".csl", ".md", ".yaml", ".toml", ".sh", ".txt", ".csv", ".def", ".json", ".smk", ""}


def makefile_targets() -> dict[str, str]:
    return dict(re.findall(r"^([a-z-]+):.*?## (.*)$", read("Makefile"), flags=re.MULTILINE))


def test_documented_targets_are_those_of_the_makefile():
    documented = re.findall(r"^\| `make ([a-z-]+)` \|", read("docs/which-test-when.md"), flags=re.MULTILINE)
    assert sorted(documented) == sorted(makefile_targets())


def test_ci_calls_make_only():
    lines = [line.strip() for line in read(".ci/run").splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[:2] == ["set -euo pipefail", 'cd "$(dirname "$0")/.."']
    assert all(line.startswith("make ") for line in commands[2:])


def test_no_file_names_a_path_of_one_machine():
    wrong = [
        path
        for path in tracked()
        if Path(path).suffix in TEXT and re.search(r"(?<![\w.$}\])>-])/(work|home|root|Users)/\w", read(path))
    ]
    assert not wrong


def test_no_large_file_is_tracked():
    assert not [path for path in tracked() if (ROOT / path).stat().st_size > 1_000_000]


def test_coverage_page_is_up_to_date():
    command = [sys.executable, str(ROOT / "scripts/dev/csl_coverage.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, f"docs/csl-coverage.md is not up to date, run: make generated\n{result.stdout}"


def test_commands_of_the_package_exist():
    scripts = tomllib.loads(read("pyproject.toml"))["project"]["scripts"]
    for target in scripts.values():
        module, function = target.split(":")
        source = read(f"src/{module.replace('.', '/')}.py")
        assert re.search(rf"^def {function}\(", source, flags=re.MULTILINE), target


def test_pinned_versions_cover_the_declared_requirements():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    declared = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    pinned = {normal(line.split("==")[0]) for line in read("envs/constraints.txt").splitlines() if "==" in line}
    assert {normal(re.split(r"[<>=]", line)[0]) for line in declared} <= pinned


def normal(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def test_each_array_of_a_kernel_has_its_shape_beside_it():
    array = re.compile(r"(export )?var \w+\s*(:\s*\[\d|:\s*\[[A-Za-z]|=\s*@zeros|=\s*@constants)")
    wrong = [
        f"{path}:{number}: {line}"
        for path in tracked()
        if path.startswith("kernels_csl/") and path.endswith(".csl")
        for number, line in enumerate(read(path).splitlines(), 1)
        if array.match(line) and not re.search(r"// \[[^\]]+\]", line)
    ]
    assert not wrong


def test_each_kernel_has_host_program_and_page():
    folders = {path.removesuffix("/layout.csl") for path in tracked() if re.match(r"kernels_csl/.*/layout\.csl$", path)}
    assert folders
    for folder in folders:
        for name in ("run.py", "README.md"):
            places = [ROOT / folder / name, (ROOT / folder).parent / name]
            assert any(place.is_file() for place in places), f"{folder}/{name}"


def test_each_number_of_a_machine_table_has_a_source():
    for path in sorted((ROOT / "config/machines").glob("*.yaml")):
        assert_sourced(yaml.safe_load(path.read_text(encoding="utf-8")), path.name)


def assert_sourced(node: object, where: str) -> None:
    if not isinstance(node, dict):
        return
    if "value" in node:
        assert str(node.get("source", "")).strip(), f"{where}: no source"
        return
    for name, child in node.items():
        if name != "presets":
            assert_sourced(child, f"{where}: {name}")


def test_each_feature_that_a_program_uses_has_a_case():
    """What a library does with several PEs is tested by host programs; modules of users are found by --import-path."""
    elsewhere = ("<kernels/fft/", "<kernels/tally/", "<compconf")
    command = [sys.executable, str(ROOT / "scripts/dev/csl_coverage.py"), "--missing", "1"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert not [line for line in listed if not line.split(": ", 1)[1].startswith(elsewhere)]
