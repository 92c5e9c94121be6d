"""Stage `run`: a compiled program and tiles go in, `outputs.npz` (of the host program) and `stats.json` come out.

Time stamps are 48 bits in three words, low word first, counted by each PE's own clock. Every kernel begins with a
wave that leaves PE (0, 0), so that `stamp - reference + hops of the wave` is one clock for all PEs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from waferllm import artifacts, provenance, usage
from waferllm.backends import Backend
from waferllm.errors import ArtifactError
from waferllm.experiments import Experiment
from waferllm.kernels import elements_of, folder_of, kernel_of

FIRST_STAMPS = ("reference", "start")
LAST_STAMP = "end"


def run_experiment(
    experiment: Experiment,
    backend: Backend,
    program: str | Path,
    tiles: str | Path,
    outputs: str | Path,
    stats: str | Path,
    kernels: str | Path = "kernels_csl",
    address: str = "",
) -> dict[str, Any]:
    """Writes `outputs` and `stats`; returns what `stats` holds."""
    with artifacts.atomic(outputs) as temporary:
        with usage.of_commands() as used:
            backend.run(folder_of(experiment, kernels) / "run.py", Path(program), Path(tiles), temporary, address)
        arrays = read_outputs(experiment, temporary)
    hashes = {"experiment": experiment.digest(), "tiles": artifacts.file_hash(tiles)}
    hashes |= {"program": artifacts.folder_hash(program), "outputs": artifacts.file_hash(outputs)}
    record = {
        "experiment": experiment.id,
        "kernel": experiment.kernel,
        **timing(arrays["times"], [str(name) for name in arrays["stamp_names"]]),
        **used,
        **backend.toolchain(),
        **provenance.of_run(experiment.arch),
    }
    artifacts.write_json(stats, "run", record, hashes)
    return record


def read_outputs(experiment: Experiment, path: str | Path) -> dict[str, np.ndarray]:
    """Arrays of a host program, checked against what the experiment should give."""
    arrays = artifacts.read_arrays(path)
    name = kernel_of(experiment).output
    expected = (experiment.height, experiment.width, elements_of(experiment)[name])
    for key in (name, "times", "stamp_names"):
        if key not in arrays:
            raise ArtifactError(f"{path}: the host program of {experiment.kernel} wrote no '{key}'")
    if arrays[name].shape != expected:
        raise ArtifactError(f"{path}: '{name}' has shape {arrays[name].shape}, expected {expected}")
    return arrays


# ------------------------------------------------------------------------------------------------ time stamps


def aligned_stamps(times: np.ndarray) -> np.ndarray:
    """[height, width, stamps] cycles since the reference wave left PE (0, 0), from [height, width, stamps, 3] words."""
    words = times.astype(np.int64)
    stamps = words[..., 0] + (words[..., 1] << 16) + (words[..., 2] << 32)
    height, width = stamps.shape[:2]
    hops = np.arange(height)[:, None] + np.arange(width)[None, :]
    return stamps - stamps[..., :1] + hops[..., None]


def timing(times: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Cycles from the first start to the last end, and for each stage (named by the stamp that ends it) its cycles.

    `last`: from the first start until the last PE was done with the stage; `mean` and `most`: of the time that a PE
    spent in it.
    """
    if tuple(names[:2]) != FIRST_STAMPS or names[-1] != LAST_STAMP or times.shape[2] != len(names):
        raise ArtifactError(f"time stamps {names} of shape {times.shape}: expected reference, start, ..., end")
    stamps = aligned_stamps(times)
    first = int(stamps[..., 1].min())
    stages = {}
    for number in range(2, len(names)):
        spent = stamps[..., number] - stamps[..., number - 1]
        stages[names[number]] = {
            "last": int(stamps[..., number].max()) - first,
            "mean": round(float(spent.mean()), 3),
            "most": int(spent.max()),
        }
    return {"cycles": int(stamps[..., -1].max()) - first, "stages": stages}
