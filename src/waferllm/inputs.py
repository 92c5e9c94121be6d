"""Stage `inputs`: an experiment goes in, its seeded matrices come out (`inputs.npz`: A and B, or A and x).

Elements are drawn from the uniform distribution over [-1, 1) in f64 (NumPy's PCG64 with the experiment's seed; A
first) and rounded to the type the PEs hold. The same seed gives the same numbers everywhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from waferllm import artifacts
from waferllm.experiments import Experiment
from waferllm.kernels import dtypes, global_shapes, kernel_of


def make_inputs(experiment: Experiment) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(experiment.seed)
    shapes, types = global_shapes(experiment), dtypes(experiment)
    return {name: rng.uniform(-1, 1, shapes[name]).astype(types[name]) for name in kernel_of(experiment).inputs}


def inputs_experiment(experiment: Experiment, inputs: str | Path) -> None:
    """Writes `inputs`."""
    artifacts.write_npz(inputs, "inputs", make_inputs(experiment), {"experiment": experiment.digest()})
