"""Write the generated files: settings, schemas and the keys of docs/workflow.md from the models, conda environments
from pyproject.toml and envs/constraints.txt. With --check: print what differs, exit 1 if anything does.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
import tomllib
from pathlib import Path

from waferllm.config.generate import generated as from_models
from waferllm.experiments import json_schema

ROOT = Path(__file__).resolve().parents[2]
RUN = ["workflow", "llm"]
ENVIRONMENTS = {
    "run": (RUN, [], "What the rules of the workflow need (`conda:` of each rule, `snakemake --sdm conda`)."),
    "dev": ([*RUN, "dev", "examples"], ["cxx-compiler", "make", "git"], "Everything: build, tests, workflow."),
}
"""Name → extras of pyproject.toml, packages besides Python that only conda has, purpose."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; show differences")
    check = parser.parse_args().check
    wanted = from_models(ROOT)
    wanted[Path("workflow/schemas/experiments.schema.json")] = json.dumps(json_schema(), indent=2) + "\n"
    wanted |= {Path(f"envs/{name}.yaml"): environment(name) for name in ENVIRONMENTS}
    changed = [path for path, text in wanted.items() if current(path) != text]
    for path in changed:
        if check:
            print_difference(path, wanted[path])
        else:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(wanted[path], encoding="utf-8")
            print(f"written: {path}")
    if check and changed:
        print("generated files are not up to date, run: make generated", file=sys.stderr)
    return int(check and bool(changed))


def current(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else ""


def print_difference(path: Path, text: str) -> None:
    old, new = current(path).splitlines(), text.splitlines()
    print("\n".join(difflib.unified_diff(old, new, str(path), f"{path} (generated)", lineterm="")))


def environment(name: str) -> str:
    """A conda environment file: Python (and compilers) by conda, the rest with the versions that pip installs."""
    extras, tools, purpose = ENVIRONMENTS[name]
    project = tomllib.loads(current(Path("pyproject.toml")))["project"]
    declared = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    names = sorted({normal(re.split(r"[<>=\[]", line)[0]) for line in declared})
    pinned = versions()
    lines = [
        f"# {purpose} Generated from pyproject.toml and envs/constraints.txt (`make generated`).",
        "channels: [conda-forge]",
        "dependencies:",
        *(f"  - {package}" for package in ["python=3.11", "pip", *tools]),
        "  - pip:",
        *(f"      - {package}=={pinned[package]}" for package in names),
    ]
    return "\n".join(lines) + "\n"


def versions() -> dict[str, str]:
    lines = current(Path("envs/constraints.txt")).splitlines()
    return {normal(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}


def normal(name: str) -> str:
    return name.strip().lower().replace("_", "-")


if __name__ == "__main__":
    sys.exit(main())
