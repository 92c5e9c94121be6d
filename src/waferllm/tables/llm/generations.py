"""Models that generated text on the simulated wafer: records of the stage `generate` -> cycles, tokens a second,
verdicts, beside the formulas that the tables of large models are made with.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from waferllm.errors import WaferllmError
from waferllm.llm import wafer
from waferllm.llm.shape import Shape
from waferllm.model.checkpoint import tiny
from waferllm.model.config import ModelConfig
from waferllm.perfmodel import decode, prefill
from waferllm.tables.table import EXTRAPOLATED, KEY, NOTE, RATIO, SIMULATED, Cell, Column, Table, Value

ITEM = "generations"
PARTS = tuple(part for part in wafer.PARTS if part != "transition")
"""Of a token in decode."""
COLUMNS = (
    Column("model", "model", KEY),
    Column("arch", "machine", KEY),
    Column("mesh", "mesh", KEY, "PE"),
    Column("cache", "KV cache", KEY),
    Column("prompt", "prompt", KEY, "token"),
    Column("together", "of them together", KEY, "token"),
    Column("generated", "output", KEY, "token"),
    Column("prompt_cycles", "prompt", SIMULATED, "cycle", 0),
    Column("token_cycles", "a token", SIMULATED, "cycle", 0),
    Column("tokens_a_second", "throughput of decode", SIMULATED, "token/s", 0),
    *(
        Column(
            part,
            f"of a token: {part if part not in ('rows', 'columns') else f'sums along {part}'}",
            SIMULATED,
            "cycle",
            0,
        )
        for part in PARTS
    ),
    Column("formula_cycles", "a token by formula", EXTRAPOLATED, "cycle", 0),
    Column("formula_ratio", "formula over simulated", RATIO, "x", 2),
    Column("formula_prompt", "prompt by formula", EXTRAPOLATED, "cycle", 0),
    Column("prompt_ratio", "formula over simulated, prompt", RATIO, "x", 2),
    Column("error_of_bound", "largest error of the logits", SIMULATED, "of its bound", 3),
    Column("verdict", "tokens against the reference", NOTE),
    Column("provenance", "cycles are", NOTE),
    Column("note", "note", NOTE, csv_only=True),
)
NOTES = (
    "Every token was chosen by the simulated wafer, and is that of the NumPy reference in the machine's arithmetic; "
    "errors of the logits against exact arithmetic, as a share of the derived bound.",
    "A token: mean over the generated ones; its parts are means over all PEs, waiting included in the sums. "
    "Throughput at the clock of the machine table. The prompt includes the exchange of weights before and after it "
    "where tokens go together by MeshGEMM; in blocks the weights stay where they are.",
    "By formula: perfmodel/decode.py and prefill.py, which Tables 2 to 4 extrapolate with. These runs measure the "
    "parts of a token, and the stamps take about a tenth of it; the formula is for programs without stamps. That of "
    "the prompt is for square meshes whose whole prompt goes together.",
)


class RecordError(WaferllmError):
    """A record of generated text cannot be read or lacks what the table needs."""


def read_records(paths: Sequence[Path]) -> list[dict[str, Any]]:
    found = []
    for path in paths:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RecordError(f"{path}: {error}") from None
        missing = [name for name in ("row", "tokens", "prompt", "verdict", "cycles_a_token") if name not in record]
        if missing:
            raise RecordError(f"{path}: the record lacks {', '.join(missing)}")
        found.append(record)
    return found


def make(records: Sequence[dict[str, Any]]) -> Table:
    """Records that failed never enter."""
    table = Table(ITEM, "Models that generated text on the simulated wafer, against the reference", COLUMNS, NOTES)
    for record in records:
        if record["verdict"] == "pass":
            table.add(**cells(record))
    return table


def cells(record: dict[str, Any]) -> dict[str, Cell]:
    row = record["row"]
    together = min(row["together"], len(record["prompt"]))
    found: dict[str, Cell] = {
        "model": row["model"],
        "arch": row["arch"],
        "mesh": f"{row['width']}x{row['height']}",
        "cache": "concatenation" if row["concatenate"] else "shift",
        "prompt": len(record["prompt"]),
        "together": together or min(row.get("block", 0), len(record["prompt"])),
        "generated": len(record["tokens"]),
        "verdict": "identical",
        "provenance": SIMULATED,
        "prompt_cycles": Value(record["prompt_cycles"], SIMULATED),
        "note": record["generation"],
        "token_cycles": Value(record["cycles_a_token"], SIMULATED),
        "tokens_a_second": Value(record["tokens_a_second"], SIMULATED),
        "error_of_bound": Value(record["error_of_bound"], SIMULATED),
    }
    parts = record.get("parts", {})
    found |= {part: Value(parts[part], SIMULATED) for part in PARTS if part in parts}
    return found | formulas(record, together)


SMOLLM2 = dataclasses.replace(
    tiny.TINY, name="smollm2-135m", vocab=49152, hidden=576, layers=30, heads=9, kv_heads=3, head_dim=64, ffn=1536,
    tied=True,
)  # fmt: skip
"""Dimensions as config.json of SmolLM2-135M-Instruct has them; here so that the table does not hang on a package."""


def dimensions(model: str) -> ModelConfig | None:
    """Of models whose dimensions are in the repository; the table is the same whatever is installed."""
    return {**tiny.CONFIGS, SMOLLM2.name: SMOLLM2}.get(model)


def formulas(record: dict[str, Any], together: int) -> dict[str, Cell]:
    """Of the same tokens; nothing for concatenation, whose fullest row the formula does not know."""
    row, prompt, count = record["row"], len(record["prompt"]), len(record["tokens"])
    config = dimensions(row["model"])
    if config is None or row["concatenate"] or count < 2:
        return {}
    shape = Shape(config, row["width"], row["height"], prompt + count, together)
    decoded = [decode.decode_cycles(shape, row["arch"], cached) for cached in range(prompt, prompt + count - 1)]
    mean = sum(decoded) / len(decoded)
    found: dict[str, Cell] = {
        "formula_cycles": Value(mean, EXTRAPOLATED),
        "formula_ratio": Value(mean / record["cycles_a_token"], RATIO),
    }
    if together == prompt and row["width"] == row["height"]:
        cycles = prefill.prompt_cycles(shape, row["arch"], prompt).kernel
        found |= {
            "formula_prompt": Value(cycles, EXTRAPOLATED),
            "prompt_ratio": Value(cycles / record["prompt_cycles"], RATIO),
        }
    return found
