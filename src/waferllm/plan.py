"""What the Snakefile asks for: settings and experiments, checked → ids, targets, sources, options and needs of jobs.

The rules hold paths and command lines; what has to be computed for them is here, where unit tests reach it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waferllm.config import ConfigError, Settings, load_settings
from waferllm.experiments import Experiment, load_experiments
from waferllm.generations import Generation, load_generations, row_text
from waferllm.kernels import KERNELS

ROOT = Path(__file__).resolve().parents[2]
TABLES = {
    "figure_9": ("figure_9",),
    "figure_10": ("figure_10",),
    "table_6": ("table_6", "figure_10"),
    "gemv_lines": ("gemv_lines",),
}
"""Table → the items whose experiments it uses; `claims` follows when there is one of them."""
FORMULA_TABLES = ("table_2", "table_3", "table_4", "table_5", "table_7", "table_8")
"""Tables of whole models that need formulas and published numbers only; made with any other table."""
GENERATIONS, GPU = "generations", "gpu"
"""Tables of what the stages of these names make."""
MEASUREMENTS = "results/aggregate/measurements.csv"
FIGURES = {"figure_9": ("figure_9",), "figure_10": ("figure_10",)}
SOURCES = ("*.csl", "*.py")
CYCLES_A_TOKEN = 300_000
CHARACTERS_A_TOKEN = 2
"""Few, for time limits are upper ones."""
KEPT_TEXTS = "results/llm"
"""Records of generated text that are kept: their runs take too long for every workflow."""


@dataclass(frozen=True)
class Plan:
    """Settings and experiments of one run of the workflow."""

    settings: Settings
    experiments: Mapping[str, Experiment]
    generations: Mapping[str, Generation] = dataclasses.field(default_factory=dict)

    # ------------------------------------------------------------------------------------------- targets

    @property
    def ids(self) -> list[str]:
        return list(self.experiments)

    @property
    def pattern(self) -> str:
        """Of the wildcard `exp`: one of the ids, so that no other path can match."""
        return "|".join(map(re.escape, self.ids))

    @property
    def texts(self) -> list[str]:
        return list(self.generations)

    @property
    def text_pattern(self) -> str:
        """Of the wildcard `text`; matches nothing where there are no generations."""
        return "|".join(map(re.escape, self.texts)) or "(?!)"

    @property
    def tables(self) -> list[str]:
        found = self._items(TABLES)
        found += ["claims", *FORMULA_TABLES] if found else []
        return found + [GENERATIONS] * bool(self.texts) + [GPU] * self.settings.gpu

    def table_sources(self, item: str) -> list[str]:
        """Results that a table is made of, besides published numbers."""
        if item in FORMULA_TABLES:
            return []
        kept = [str(path) for path in sorted(Path(KEPT_TEXTS).glob("*.json"))]
        texts = [f"results/generate/{text}.json" for text in self.texts] + kept
        own = {GENERATIONS: texts, GPU: ["results/gpu/gpu.json"]}
        return own.get(item, [MEASUREMENTS])

    @property
    def figures(self) -> list[str]:
        return self._items(FIGURES) + [GENERATIONS] * bool(self.texts)

    def _items(self, known: Mapping[str, tuple[str, ...]]) -> list[str]:
        used = {experiment.item for experiment in self.experiments.values()}
        return [item for item, sources in known.items() if used & set(sources)]

    # ---------------------------------------------------------------------- what makes a job out of date

    def row(self, name: str) -> str:
        """All columns of an experiment as text."""
        return json.dumps(dataclasses.asdict(self.experiments[name]))

    @property
    def rows(self) -> str:
        """Digest over all experiments."""
        return hashlib.sha256("\n".join(map(self.row, self.ids)).encode()).hexdigest()[:16]

    @property
    def digest(self) -> str:
        """Short hash over all settings."""
        return hashlib.sha256(self.settings.model_dump_json().encode()).hexdigest()[:12]

    def kernel_sources(self, name: str) -> list[str]:
        """The files of an experiment's kernel and of the shared library."""
        base = Path(self.settings.kernels)
        folders = [base / KERNELS[self.experiments[name].kernel].folder, base / "lib"]
        return sorted(str(path) for folder in folders for pattern in SOURCES for path in folder.rglob(pattern))

    def text_row(self, name: str) -> str:
        return row_text(self.generations[name])

    @property
    def model_sources(self) -> list[str]:
        """The files of the kernels that run models, and of the shared library."""
        base = Path(self.settings.kernels)
        folders = (base / "llm", base / "lib")
        return sorted(str(path) for folder in folders for pattern in SOURCES for path in folder.rglob(pattern))

    @functools.cached_property
    def toolchain_version(self) -> str:
        """Changes when the toolchain does: our own is hashed, another one is named."""
        if self.settings.backend == "wafersim":
            return tree_digest(ROOT / "src/wafersim", ROOT / "config/machines")
        return self.toolchain_options

    # -------------------------------------------------------------------------- what a job is told and needs

    @property
    def toolchain_options(self) -> str:
        """Options of scripts/compile.py and scripts/run.py that choose the backend."""
        settings = self.settings
        options = {
            "wafersim": {"--preset": settings.wafersim.preset, "--max-cycles": settings.wafersim.max_cycles},
            "sdk": {"--folder": settings.sdk.folder, "--cmaddr": settings.sdk.address},
            "appliance": {"--machine": settings.appliance.machine},
        }[settings.backend]
        words = ["--backend", settings.backend]
        for name, value in options.items():
            words += [name] if value is True else [name, str(value)] if value else []
        return shlex.join(words)

    def memory_mb(self, name: str) -> int:
        resources, experiment = self.settings.resources, self.experiments[name]
        return resources.base_mb + math.ceil(experiment.width * experiment.height * resources.pe_kb / 1000)

    def text_memory_mb(self, name: str) -> int:
        resources, row = self.settings.resources, self.generations[name]
        return resources.base_mb + resources.model_mb + math.ceil(row.width * row.height * resources.pe_kb / 1000)

    def text_minutes(self, name: str) -> int:
        """Time limit, for models whose token takes up to CYCLES_A_TOKEN."""
        resources, row = self.settings.resources, self.generations[name]
        tokens = row.count + math.ceil(len(row.prompt) / CHARACTERS_A_TOKEN)
        work = row.width * row.height * tokens * CYCLES_A_TOKEN / 1e6
        return resources.base_minutes + math.ceil(work / resources.pe_rate / 60)

    def minutes(self, name: str) -> int:
        """Time limit of compiling or running an experiment."""
        resources, experiment = self.settings.resources, self.experiments[name]
        work = experiment.width * experiment.height * expected_cycles(experiment) / 1e6
        return resources.base_minutes + math.ceil(work / resources.pe_rate / 60)


def load_plan(config: Mapping[str, Any]) -> Plan:
    """Checks everything that can be checked before the first job."""
    settings = load_settings(config)
    if not Path(settings.kernels, "lib").is_dir():
        raise ConfigError(["kernels: expected a folder of kernels with a 'lib' in it, got " + repr(settings.kernels)])
    experiments = load_experiments(settings.experiments)
    generations = load_generations(settings.generations)
    return Plan(
        settings,
        {experiment.id: experiment for experiment in experiments},
        {generation.id: generation for generation in generations},
    )


def expected_cycles(experiment: Experiment) -> int:
    """Rough upper estimate, for time limits only: eight cycles a product, hops of a barrier and a collective."""
    products = experiment.M * experiment.K * experiment.N / (experiment.width * experiment.height)
    return math.ceil(8 * products + 500 * (experiment.width + experiment.height) + 5000)


def tree_digest(*folders: Path) -> str:
    """Short hash over names and contents of the source files and libraries below the folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".csl", ".so", ".yaml"}:
                digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
