"""GEMV and decode as measured with PyTorch on a CUDA GPU of this machine, beside the paper's A100."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from waferllm.gpu import GpuError
from waferllm.paper import PaperValues
from waferllm.tables.table import KEY, MEASURED, NOTE, PAPER, RATIO, Cell, Column, Table, Value

ITEM = "gpu"
COLUMNS = (
    Column("what", "what", KEY),
    Column("device", "GPU", KEY),
    Column("measured_time", "time", MEASURED, "ms", 4),
    Column("measured_tpr", "throughput", MEASURED, "token/s", 1),
    Column("paper_time", "time of one A100 (SGLang)", PAPER, "ms", 3),
    Column("paper_tpr", "throughput of one A100 (SGLang)", PAPER, "token/s", 1),
    Column("to_paper", "speed, measured over paper", RATIO, "x", 2),
    Column("provenance", "number is", NOTE),
)


def read_record(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GpuError(f"{path}: {error}") from None


def make(record: dict[str, Any], paper: PaperValues) -> Table:
    notes = (
        f"PyTorch {record['torch']}, f16, CUDA graphs, median of several measurements. Decode: one layer with random "
        f"weights and {record['context']} tokens before, times the layers, and the output matrix.",
        "The paper's numbers are for SGLang on an A100; this GPU may be another one.",
    )
    table = Table(ITEM, "GEMV and decode on a GPU of this machine", COLUMNS, notes)
    for row in record["rows"]:
        table.add(
            device=record["device"], provenance=MEASURED, **(gemv if row["what"] == "gemv" else decode)(row, paper)
        )
    return table


def gemv(row: dict[str, Any], paper: PaperValues) -> dict[str, Cell]:
    published = paper.number("table_6", f"{row['name']} / A100 x 1", "time")
    return {
        "what": row["name"],
        "measured_time": Value(row["milliseconds"], MEASURED),
        "paper_time": Value(published, PAPER),
        "to_paper": Value(published / row["milliseconds"], RATIO),
    }


def decode(row: dict[str, Any], paper: PaperValues) -> dict[str, Cell]:
    published = paper.number("table_4", f"{row['name']} / SGLang / A100 x 1", "tpr")
    return {
        "what": f"{row['name']}, decode",
        "measured_time": Value(1e3 / row["tokens_a_second"], MEASURED),
        "measured_tpr": Value(row["tokens_a_second"], MEASURED),
        "paper_tpr": Value(published, PAPER),
        "to_paper": Value(row["tokens_a_second"] / published, RATIO),
    }
