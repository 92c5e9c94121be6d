"""Stage `generate`: a row of the generations table goes in; out comes a record with what the wafer said, beside what
the reference in the machine's arithmetic says, the errors of the logits as a share of their bound, and the cycles.

One row is one model on one mesh with one prompt. The prompt's tokens that go through the layers together have no logits
but the last ones; all other positions are compared.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from waferllm import artifacts, experiments
from waferllm.backends.commands import Commands
from waferllm.errors import ExperimentError, ValidationError
from waferllm.experiments import Column, cell_value, read_table
from waferllm.llm.shape import Shape
from waferllm.llm.wafer import PARTS, WaferGenerator
from waferllm.model.checkpoint import Checkpoint, load
from waferllm.reference.arithmetic import MACHINE
from waferllm.reference.bounds import logit_bound
from waferllm.reference.forward import Reference
from wafersim import machine


@dataclass(frozen=True)
class Generation:
    id: str
    model: str
    arch: str
    width: int
    height: int
    count: int
    together: int
    concatenate: int
    prompt: str


COLUMNS: dict[str, Column] = {
    "id": experiments.COLUMNS["id"],
    "model": Column("name or path of a model", pattern=r"\S+"),
    "arch": experiments.COLUMNS["arch"],
    "width": Column("columns of PEs", least=2),
    "height": Column("rows of PEs", least=2),
    "count": Column("tokens to generate", least=1),
    "together": Column("tokens of the prompt that go through the layers together", least=0),
    "concatenate": Column("1: new entries of the KV cache stay in the last row", allowed=(0, 1)),
    "prompt": Column("text to continue", pattern=r".+"),
}
"""In the order of `Generation`."""


def load_generations(path: str) -> list[Generation]:
    """The rows of a table; raises `ExperimentError` with every mistake in it. No path: none."""
    if not path:
        return []
    header, rows = read_table(path)
    problems = [f"{path}: unknown column '{name}'" for name in header if name not in COLUMNS]
    problems += [f"{path}: column '{name}' is missing ({COLUMNS[name].text})" for name in COLUMNS if name not in header]
    found: list[Generation] = []
    for number, row in rows if not problems else []:
        values = {}
        for name, column in COLUMNS.items():
            values[name], problem = cell_value(column, row.get(name) or "")
            problems += [f"{path}: row {number}: column '{name}': {problem}"] if problem else []
        found.append(Generation(**values))
    ids = [row.id for row in found]
    problems += [f"{path}: column 'id': '{name}' stands twice" for name in sorted({i for i in ids if ids.count(i) > 1})]
    if problems:
        raise ExperimentError(problems)
    return found


def generate(row: Generation, backend: Commands, out: str | Path, kernels: str | Path) -> dict[str, Any]:
    """Writes the record; raises `ValidationError` where the wafer says something else, or with too large an error."""
    model = load(row.model)
    prompt = model.read_tokenizer().encode(row.prompt)
    length = len(prompt) + row.count - 1
    capacity = length if not row.concatenate else row.height * (len(prompt) + row.count)
    shape = Shape(model.config, row.width, row.height, capacity, min(row.together, len(prompt)), timed=True)
    tokens, logits, state, wafer = _run(row, shape, model, backend, prompt, Path(kernels))
    expected = reference_tokens(model, prompt, row.count)
    bound = logit_bound(model.config, model.tensors, [*prompt, *tokens[:-1]])
    share = float((np.abs(logits - bound.exact[-row.count :]) / bound.bound[-row.count :]).max())
    record = {
        "generation": row.id,
        "row": dataclasses.asdict(row),
        "verdict": "pass" if tokens == expected and share <= 1 else "fail",
        "prompt": prompt,
        "tokens": tokens,
        "reference": expected,
        "text": model.read_tokenizer().decode(tokens),
        "error_of_bound": share,
        "entries_by_row": state["count"].tolist(),
        **_speed(wafer, row.arch),
        **backend.toolchain(),
    }
    artifacts.write_json(out, "generate", record, {"row": artifacts.data_hash(dataclasses.asdict(row))})
    if record["verdict"] == "fail":
        raise ValidationError(f"generation {row.id}: {_difference(tokens, expected, share)}")
    return record


def _run(row: Generation, shape: Shape, model: Checkpoint, backend: Commands, prompt: list[int], kernels: Path):
    """Tokens, logits [count, vocab] of the positions that they come from, the last state."""
    with tempfile.TemporaryDirectory(prefix="generate-") as folder:
        made = WaferGenerator(
            shape, model.tensors, row.arch, backend, Path(folder), kernels, concatenate=bool(row.concatenate)
        )
        with made as wafer:
            tokens, state = [wafer.prefill(prompt)], wafer.state()
            logits = [state["logits"]]
            while len(tokens) < row.count:
                tokens.append(wafer.decode(tokens[-1]))
                state = wafer.state()
                logits.append(state["logits"])
    return tokens, np.array(logits, np.float64), state, wafer


def reference_tokens(model: Checkpoint, prompt: list[int], count: int) -> list[int]:
    """Greedy tokens of the reference in the machine's arithmetic."""
    reference = Reference(model.config, model.tensors, MACHINE)
    cache = reference.cache(len(prompt) + count)
    tokens = [int(reference.forward(prompt, cache)[-1].argmax())]
    while len(tokens) < count:
        tokens.append(int(reference.forward(tokens[-1:], cache)[-1].argmax()))
    return tokens


def _speed(wafer: WaferGenerator, arch: str) -> dict[str, Any]:
    """Cycles of the prompt and of a token; the parts of a token are a mean over PEs and tokens."""
    decoded = wafer.cycles[wafer.prompted :] or wafer.cycles[-1:]
    mean, clock = float(np.mean(decoded)), float(machine.load(arch).row("clock.frequency"))
    parts = wafer.parts[-len(decoded) :]
    return {
        "prompt_cycles": sum(wafer.cycles[: wafer.prompted]),
        "cycles_a_token": round(mean, 1),
        "tokens_a_second": round(clock * 1e9 / mean, 1),
        "clock_ghz": clock,
        "parts": {name: round(float(np.mean([part[name] for part in parts])), 1) for name in PARTS} if parts else {},
    }


def _difference(tokens: list[int], expected: list[int], share: float) -> str:
    wrong = [number for number, pair in enumerate(zip(tokens, expected, strict=True)) if pair[0] != pair[1]]
    if wrong:
        return f"token {wrong[0]} is {tokens[wrong[0]]}, the reference says {expected[wrong[0]]}"
    return f"largest error of the logits is {share:.2f} of its bound"


def row_text(row: Generation) -> str:
    """All columns as text."""
    return json.dumps(dataclasses.asdict(row))
