"""Stage `compile`: an experiment goes in, a compiled program (the folder that `cslc` writes) and `compile.json` come
out.

The fabric is as large as the program and the margins of the machine table, or the whole one for a machine.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from waferllm import artifacts, usage
from waferllm.backends import Backend
from waferllm.experiments import Experiment
from waferllm.kernels import folder_of, memory_breakdown, params_of
from wafersim import machine

CHANNELS = 1
"""Of memcpy."""


def cslc_options(experiment: Experiment, whole_fabric: bool = False) -> list[str]:
    """Options of `cslc` besides the layout and the folder."""
    table = machine.load(experiment.arch)
    number = table.number
    dims = experiment.width + number("fabric.margin_x"), experiment.height + number("fabric.margin_y")
    if whole_fabric:
        dims = number("fabric.width"), number("fabric.height")
    params = ",".join(f"{name}:{value}" for name, value in params_of(experiment).items())
    return [
        f"--arch={experiment.arch}",
        f"--fabric-dims={dims[0]},{dims[1]}",
        f"--fabric-offsets={number('fabric.offset_x')},{number('fabric.offset_y')}",
        f"--params={params}",
        "--memcpy",
        f"--channels={CHANNELS}",
    ]


def compile_experiment(
    experiment: Experiment, backend: Backend, out: str | Path, record: str | Path, kernels: str | Path = "kernels_csl"
) -> None:
    """Writes the folder `out` and the file `record`."""
    layout, out = folder_of(experiment, kernels) / "layout.csl", Path(out)
    options = cslc_options(experiment, backend.whole_fabric)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with usage.of_commands() as used:
            backend.compile(layout, options, temporary)
        shutil.rmtree(out, ignore_errors=True)
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    content: dict[str, Any] = {
        "experiment": experiment.id,
        "kernel": experiment.kernel,
        "options": options,
        "memory_estimate": memory_breakdown(experiment),
        **used,
        **backend.toolchain(),
    }
    hashes = {"experiment": experiment.digest(), "kernels": artifacts.folder_hash(layout.parent)}
    artifacts.write_json(record, "compile", content, hashes)
