"""Tensors as a file stores them go in, those of `waferllm.model.tensors` come out, or an error that names what is
wrong.

Files store a matrix as [out, in], so matrices are transposed (as views). Each tensor that the configuration asks for
has to be there with its shape, a floating-point type and finite values; tensors that it does not ask for are refused
too, since ignoring them would compute another model.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from waferllm.errors import CheckpointError
from waferllm.model import tensors as names_and_shapes
from waferllm.model.config import ModelConfig
from waferllm.model.rope import from_halves
from waferllm.model.tokenizer import Tokenizer

MOST_PROBLEMS = 8
"""Printed of one checkpoint; the rest is counted."""


@dataclass(frozen=True)
class Checkpoint:
    """A model: `tensors` are f16 or f32, named and shaped as `waferllm.model.tensors` says."""

    config: ModelConfig
    tensors: Mapping[str, np.ndarray]
    read_tokenizer: Callable[[], Tokenizer]

    def first_layers(self, count: int) -> Checkpoint:
        """The same model with its first layers only."""
        config = dataclasses.replace(self.config, layers=count)
        kept = {name: self.tensors[name] for name in names_and_shapes.shapes(config)}
        return dataclasses.replace(self, config=config, tensors=kept)


@dataclass(frozen=True)
class Stored:
    """One tensor of a file: its shape as the format tells it, whether its type can be used, and how to read it."""

    shape: tuple[int, ...]
    dtype: str
    usable: bool
    read: Callable[[], np.ndarray]
    file: str


@dataclass(frozen=True)
class Format:
    """How a kind of file names tensors: ours → theirs; `layers.I.` has a name of its own."""

    names: Mapping[str, str]
    layer: str
    """Prefix of a layer, with {} for its number."""
    halves: bool
    """Columns of a head are paired with half a head between them."""
    ignored: str
    """Pattern of names that hold no weights."""

    def foreign(self, name: str) -> str:
        match = re.fullmatch(r"layers\.(\d+)\.(\w+)", name)
        return self.layer.format(match[1]) + self.names[match[2]] if match else self.names[name]


def assemble(config: ModelConfig, stored: Mapping[str, Stored], form: Format, where: str) -> dict[str, np.ndarray]:
    """The tensors of `config`; of a file with more layers, the first ones."""
    expected = names_and_shapes.shapes(config)
    foreign = {name: form.foreign(name) for name in expected}
    problems = [_mismatch(stored, foreign[name], shape) for name, shape in expected.items()]
    problems += _extra(config, stored, set(foreign.values()), form)
    _raise(where, [problem for problem in problems if problem])
    found = {name: _read(stored[foreign[name]], name, config, form) for name in expected}
    _raise(where, [problem for name, array in found.items() if (problem := _not_finite(foreign[name], array))])
    if config.tied:
        _check_tied(stored, found["embedding"], form, where)
    return found


def _mismatch(stored: Mapping[str, Stored], name: str, shape: tuple[int, ...]) -> str:
    """What is wrong with one tensor, seen without reading it."""
    wanted = shape[::-1] if name_is_matrix(name, shape) else shape
    if name not in stored:
        return f"tensor '{name}' is missing, expected shape {list(wanted)}"
    tensor = stored[name]
    if tensor.shape != wanted:
        return f"tensor '{name}' in {tensor.file}: expected shape {list(wanted)}, found {list(tensor.shape)}"
    if not tensor.usable:
        return f"tensor '{name}' in {tensor.file}: type {tensor.dtype} cannot be used, expected a floating-point type"
    return ""


def name_is_matrix(name: str, shape: tuple[int, ...]) -> bool:
    """Matrices are stored transposed; the embedding is a table of rows in every format."""
    return len(shape) == 2 and "embd" not in name and "embed" not in name


def _extra(config: ModelConfig, stored: Mapping[str, Stored], wanted: set[str], form: Format) -> list[str]:
    """Tensors that nothing asks for; a tied output matrix is looked at later."""
    ignored = re.compile(form.ignored)
    layer = re.compile(re.escape(form.layer).replace(r"\{\}", r"(\d+)"))
    found = []
    for name, tensor in stored.items():
        match = layer.match(name)
        beyond = match is not None and int(match[1]) >= config.layers
        tied = config.tied and name == form.names["output"]
        if name not in wanted and not beyond and not tied and not ignored.search(name):
            found.append(f"tensor '{name}' in {tensor.file}: shape {list(tensor.shape)}, expected no such tensor")
    return found


def _read(tensor: Stored, name: str, config: ModelConfig, form: Format) -> np.ndarray:
    array = tensor.read()
    if array.dtype != np.float16:
        array = array.astype(np.float32)
    if form.halves and name.rpartition(".")[2] in ("wq", "wk", "bq", "bk"):
        array = from_halves(array, config.head_dim)
    return array.T if array.ndim == 2 and name != "embedding" else array


def _not_finite(name: str, array: np.ndarray) -> str:
    # a sum is finite only if all terms are, and needs no temporary; overflow of it is settled by looking closely
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return ""
    count = int((~np.isfinite(array)).sum())
    return f"tensor '{name}': {count} of {array.size} values are not finite" if count else ""


def _check_tied(stored: Mapping[str, Stored], embedding: np.ndarray, form: Format, where: str) -> None:
    """A tied model may store its output matrix too, if it is the same."""
    name = form.names["output"]
    if name not in stored:
        return
    if stored[name].shape != embedding.shape or not np.array_equal(stored[name].read(), embedding):
        _raise(where, [f"tensor '{name}' differs from the embedding, but the configuration ties them"])


def _raise(where: str, problems: list[str]) -> None:
    if problems:
        more = [f"and {len(problems) - MOST_PROBLEMS} more"] if len(problems) > MOST_PROBLEMS else []
        first = f"{where}: the checkpoint cannot be used:"
        raise CheckpointError("\n  ".join([first, *problems[:MOST_PROBLEMS], *more]))
