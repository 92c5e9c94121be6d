"""Stage `generate`: a row of the generations table goes in; out comes a record with what the wafer said, beside what
the reference in the machine's arithmetic says, the errors of the logits and of each layer's K and V as a share of their
bounds, and the cycles.

One row is one model on one mesh with one prompt. The logits of the prompt's last token and of all generated ones are
compared, and the whole KV cache. What has been generated is kept step by step (`journal`): a killed run goes on.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from waferllm import artifacts, experiments, provenance
from waferllm.backends.commands import Commands
from waferllm.errors import ExperimentError, ValidationError
from waferllm.experiments import Column, cell_value, read_table
from waferllm.journal import Journal
from waferllm.llm import memory
from waferllm.llm.shape import Shape
from waferllm.llm.wafer import PARTS, WaferGenerator, cache_entries
from waferllm.model.checkpoint import Checkpoint, load
from waferllm.model.tensors import parameters
from waferllm.reference.arithmetic import MACHINE
from waferllm.reference.bounds import SAMPLES, Bound, generation_bound
from waferllm.reference.forward import Reference
from wafersim import image, machine

LARGE, LARGE_SAMPLES = 10_000_000, 48
"""Models of so many parameters get by with fewer runs for their bounds, which become wider by that."""


@dataclass(frozen=True)
class Generation:
    id: str
    model: str
    arch: str
    width: int
    height: int
    count: int
    together: int
    block: int
    concatenate: int
    prompt: str


COLUMNS: dict[str, Column] = {
    "id": experiments.COLUMNS["id"],
    "model": Column("name or path of a model", pattern=r"\S+"),
    "arch": experiments.COLUMNS["arch"],
    "width": Column("columns of PEs", least=2),
    "height": Column("rows of PEs", least=2),
    "count": Column("tokens to generate", least=1),
    "together": Column("tokens of the prompt that go through the layers together, by MeshGEMM", least=0),
    "block": Column("the same in blocks, the weights staying in decode's places", least=0),
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
    journal = Journal(journal_folder(Path(out)), _identity(row, kernels))
    shape = shape_of(row, model, len(prompt))
    _run(row, shape, model, backend, prompt, Path(kernels), journal)
    tokens = [step["token"] for step in journal.steps]
    expected = reference_tokens(model, prompt, row.count)
    errors = _errors(model, shape, journal, [*prompt, *tokens[:-1]]) if tokens == expected else {}
    share = max([max(np.ravel(values)) for values in errors.values()], default=np.inf)
    state = journal.state()
    record = {
        "generation": row.id,
        "row": dataclasses.asdict(row),
        "verdict": "pass" if tokens == expected and share <= 1 else "fail",
        "prompt": prompt,
        "tokens": tokens,
        "reference": expected,
        "text": model.read_tokenizer().decode(tokens),
        "error_of_bound": max(errors.get("logits", [np.inf])),
        "errors_of_bound": errors,
        "entries_by_row": state["count"].tolist(),
        **_speed(journal.steps, row.arch),
        "memory": _memory(shape, row.arch, journal),
        **_origin(row, journal.steps),
        **backend.toolchain(),
    }
    artifacts.write_json(out, "generate", record, {"row": artifacts.data_hash(dataclasses.asdict(row))})
    shutil.rmtree(journal.folder)
    if record["verdict"] == "fail":
        raise ValidationError(f"generation {row.id}: {_difference(tokens, expected, share)}")
    return record


def journal_folder(out: Path) -> Path:
    return out.with_name(f".{out.stem}.journal")


def shape_of(row: Generation, model: Checkpoint, length: int) -> Shape:
    """`length`: of the prompt. With concatenation the last row alone has room for what is generated."""
    capacity = row.height * (length + row.count) if row.concatenate else length + row.count - 1
    together, block = min(row.together, length), min(row.block, length)
    return Shape(model.config, row.width, row.height, capacity, together, timed=True, block=block)


def _identity(row: Generation, kernels: str | Path) -> dict[str, Any]:
    """What a run that was killed must have in common with the one that goes on."""
    files = sorted(path for name in ("llm", "lib") for path in Path(kernels, name).rglob("*.csl"))
    sources = artifacts.data_hash([[str(path.relative_to(kernels)), artifacts.file_hash(path)] for path in files])
    return {"row": dataclasses.asdict(row), "kernels": sources, "machine_table": provenance.machine_hash(row.arch)}


def _run(row: Generation, shape: Shape, model: Checkpoint, backend: Commands, prompt: list[int], kernels: Path,
         journal: Journal) -> None:  # fmt: skip
    """All steps that the journal does not have yet."""
    if len(journal.steps) == row.count:
        return
    tokenizer, origin = model.read_tokenizer(), provenance.of_run(row.arch)
    with tempfile.TemporaryDirectory(prefix="generate-") as folder:
        made = WaferGenerator(
            shape, model.tensors, row.arch, backend, Path(folder), kernels, concatenate=bool(row.concatenate)
        )
        if backend.name == "wafersim":
            journal.kept("compiled", lambda: {"bytes": np.array(_compiled_bytes(Path(folder) / "out"))})
        with made as wafer:
            if journal.steps:
                wafer.restore(journal.state_path, len(prompt))
            while len(journal.steps) < row.count:
                begin = time.monotonic()
                token = wafer.decode(journal.steps[-1]["token"]) if journal.steps else wafer.prefill(prompt)
                step = {
                    "token": token,
                    "cycles": sum(wafer.cycles),
                    "parts": {name: sum(part.get(name, 0.0) for part in wafer.parts) for name in PARTS},
                    "wall_seconds": round(time.monotonic() - begin, 2),
                    "cpu_seconds": round(sum(wafer.seconds), 2),
                    "commit": origin["commit"],
                    "engine_build": origin["engine_build"],
                }
                wafer.forget()
                journal.add(step, wafer.state())
                text = repr(tokenizer.decode([token]))
                print(f"{len(journal.steps)} of {row.count}: {text}, {step['cycles']:,} cycles, "
                      f"{step['cpu_seconds']} s", flush=True)  # fmt: skip


def _compiled_bytes(folder: Path) -> int:
    """Of the largest PE, code, data and stack."""
    return 2 * max(program.data_end for program in image.load(folder).programs)


def _errors(model: Checkpoint, shape: Shape, journal: Journal, tokens: list[int]) -> dict[str, list[float]]:
    """Largest error as a share of its bound: of each step's logits, of each layer's keys and values."""
    samples = SAMPLES if parameters(model.config) < LARGE else LARGE_SAMPLES
    count = len(journal.steps)

    def compute() -> dict[str, np.ndarray]:
        found = generation_bound(model.config, model.tensors, tokens, count, samples)
        return {f"{name}_{part}": getattr(value, part) for name, value in found.items() for part in ("exact", "bound")}

    kept, state = journal.kept("bounds", compute), journal.state()
    found = {"logits": journal.logits()}
    found |= {name: cache_entries(shape, state, name) for name in ("keys", "values")}
    shares = {}
    for name, values in found.items():
        bound = Bound(kept[f"{name}_exact"], kept[f"{name}_bound"])
        each = zip(values, bound.exact, bound.bound, strict=True)
        shares[name] = [round(Bound(exact, most).share(value), 4) for value, exact, most in each]
    return shares


def reference_tokens(model: Checkpoint, prompt: list[int], count: int) -> list[int]:
    """Greedy tokens of the reference in the machine's arithmetic."""
    reference = Reference(model.config, model.tensors, MACHINE)
    cache = reference.cache(len(prompt) + count)
    tokens = [int(reference.forward(prompt, cache)[-1].argmax())]
    while len(tokens) < count:
        tokens.append(int(reference.forward(tokens[-1:], cache)[-1].argmax()))
    return tokens


def _speed(steps: list[dict[str, Any]], arch: str) -> dict[str, Any]:
    """Cycles of the prompt and of a token; the parts are means over PEs, those of a token over tokens too."""
    decoded = steps[1:] or steps
    mean, clock = float(np.mean([step["cycles"] for step in decoded])), float(machine.load(arch).row("clock.frequency"))
    return {
        "prompt_cycles": steps[0]["cycles"],
        "prompt_parts": steps[0]["parts"],
        "cycles": [step["cycles"] for step in steps[1:]],
        "cycles_a_token": round(mean, 1),
        "tokens_a_second": round(clock * 1e9 / mean, 1),
        "clock_ghz": clock,
        "parts": {name: round(float(np.mean([step["parts"].get(name, 0.0) for step in decoded])), 1) for name in PARTS},
        "wall_seconds": [step["wall_seconds"] for step in steps],
        "cpu_seconds": [step["cpu_seconds"] for step in steps],
    }


def _memory(shape: Shape, arch: str, journal: Journal) -> dict[str, int]:
    """Bytes of a PE: as accounted, by kind; as compiled, of the largest one; as there are."""
    found = memory.parts(shape, arch)
    by_kind = {kind: sum(part.bytes for part in found if part.kind == kind) for kind in memory.KINDS}
    compiled = journal.kept("compiled", lambda: {"bytes": np.array(0)})["bytes"]
    return {**by_kind, "accounted": memory.total(found), "compiled": int(compiled), "limit": memory.limit(arch)}


def _origin(row: Generation, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Commits and builds of the steps, where a run went on after it was killed more than one."""
    several = {name: ", ".join(dict.fromkeys(step[name] for step in steps)) for name in ("commit", "engine_build")}
    return {"provenance": "simulated", **provenance.of_run(row.arch), **several}


def _difference(tokens: list[int], expected: list[int], share: float) -> str:
    wrong = [number for number, pair in enumerate(zip(tokens, expected, strict=True)) if pair[0] != pair[1]]
    if wrong:
        return f"token {wrong[0]} is {tokens[wrong[0]]}, the reference says {expected[wrong[0]]}"
    return f"largest error of the logits, K and V is {share:.2f} of its bound"


def row_text(row: Generation) -> str:
    """All columns as text."""
    return json.dumps(dataclasses.asdict(row))
