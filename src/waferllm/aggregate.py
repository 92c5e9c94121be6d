"""Stage `aggregate`: statistics and verdicts of all experiments go in, one measurement table comes out.

`measurements.csv` has one row an experiment, in the order of the experiments table: all its columns, then what was
measured, then where the numbers come from. A row is written only for an experiment whose outputs passed validation.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from waferllm import artifacts
from waferllm.errors import StaleError
from waferllm.experiments import COLUMNS, Experiment
from waferllm.kernels import kernel_of

MEASURED = ("cycles", "product_cycles", "comm_share", "max_error", "mean_error", "max_of_bound", "verdict")
PROVENANCE = (
    "provenance", "backend", "version", "commit", "engine_build", "machine_table", "config_hash", "experiment_hash",
    "wall_seconds", "cpu_seconds", "peak_mb", "compile_seconds", "compile_peak_mb",
)  # fmt: skip
HEADER = (*COLUMNS, *MEASURED, *PROVENANCE)
SIMULATED = "simulated"
PRODUCT_STAGES = {"gemv": "product", "allgather": "end"}
"""Family or kernel -> stage in which its PEs multiply and do nothing else; the other kernels mix transfers with it."""


def aggregate_experiments(
    experiments: Iterable[Experiment], out: str | Path, root: str | Path = "results", config_hash: str = ""
) -> None:
    """Writes `out`; `config_hash` (of the settings that the experiments ran with) goes into every row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    writer.writeheader()
    for experiment in experiments:
        writer.writerow(measurement(experiment, root) | {"config_hash": config_hash})
    artifacts.write_text(out, text.getvalue())


def measurement(experiment: Experiment, root: str | Path = "results") -> dict[str, Any]:
    """One row, without the hash of the configuration."""
    stats_path, report_path = (artifacts.place(stage, experiment.id, root) for stage in ("stats", "validate"))
    stats, report = artifacts.read_json(stats_path, "run"), artifacts.read_json(report_path, "validate")
    compiled = artifacts.read_json(artifacts.place("compiled", experiment.id, root), "compile")
    for path, record in ((stats_path, stats), (report_path, report)):
        if record["inputs"].get("experiment") != experiment.digest():
            raise StaleError(f"{path}: made for another '{experiment.id}' than the experiments table has now")
    row = dataclasses.asdict(experiment)
    row |= {"cycles": stats["cycles"]} | products(experiment, stats)
    row |= {name: report[name] for name in ("max_error", "mean_error", "max_of_bound", "verdict")}
    row |= {name: stats.get(name, "") for name in PROVENANCE if name in stats}
    row |= {"compile_seconds": compiled["wall_seconds"], "compile_peak_mb": compiled["peak_mb"]}
    row["provenance"] = SIMULATED if stats["backend"] == "wafersim" else stats["backend"]
    row["machine_table"] = stats["machine_table"][:12]
    row["experiment_hash"] = experiment.digest()[:12]
    return row


def products(experiment: Experiment, stats: dict[str, Any]) -> dict[str, Any]:
    """Cycles a PE multiplies, mean over PEs, and the share of all others; nothing where no stage tells."""
    stage = PRODUCT_STAGES.get(experiment.kernel) or PRODUCT_STAGES.get(kernel_of(experiment).family, "")
    if stage not in stats["stages"]:
        return {}
    cycles = stats["stages"][stage]["mean"]
    return {"product_cycles": cycles, "comm_share": round(1 - cycles / stats["cycles"], 6)}


def read_measurements(path: str | Path) -> list[dict[str, Any]]:
    """Rows of a measurement table, numbers as numbers."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return [{name: _number(text) for name, text in row.items()} for row in csv.DictReader(file)]
    except OSError as error:
        raise artifacts.ArtifactError(f"{path}: cannot be read: {error.strerror}") from error


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
