"""All stages of one experiment in a row: the workflow in thirty lines, for one kernel at a time.

In: an experiment, a backend and a folder. Out: the files of every stage below the folder, statistics and the report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from waferllm.artifacts import place
from waferllm.backends import Backend
from waferllm.compile import compile_experiment
from waferllm.experiments import Experiment
from waferllm.inputs import inputs_experiment
from waferllm.partition.stage import partition_experiment
from waferllm.run import run_experiment
from waferllm.validate import Report, validate_experiment


def through(
    experiment: Experiment, backend: Backend, root: str | Path, kernels: str | Path = "kernels_csl"
) -> tuple[dict[str, Any], Report]:
    """inputs -> partition -> compile -> run -> validate."""
    at = {
        stage: place(stage, experiment.id, root)
        for stage in ("inputs", "partition", "manifest", "compile", "compiled", "run", "stats", "validate", "failed")
    }
    inputs_experiment(experiment, at["inputs"])
    partition_experiment(experiment, at["inputs"], at["partition"], at["manifest"])
    compile_experiment(experiment, backend, at["compile"], at["compiled"], kernels)
    stats = run_experiment(experiment, backend, at["compile"], at["partition"], at["run"], at["stats"], kernels)
    report = validate_experiment(experiment, at["inputs"], at["run"], at["validate"], at["failed"])
    return stats, report
