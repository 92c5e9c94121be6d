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

BLOCK = 1 << 20
"""Numbers drawn at once: in f64 a large matrix would take four times its own room."""


def make_inputs(experiment: Experiment) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(experiment.seed)
    shapes, types = global_shapes(experiment), dtypes(experiment)
    return {name: drawn(rng, shapes[name], types[name]) for name in kernel_of(experiment).inputs}


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The same numbers as drawn all at once."""
    numbers = np.empty(shape, dtype)
    flat = numbers.reshape(-1)
    for first in range(0, flat.size, BLOCK):
        part = flat[first : first + BLOCK]
        part[:] = rng.uniform(-1, 1, part.size)
    return numbers


def inputs_experiment(experiment: Experiment, inputs: str | Path) -> None:
    """Writes `inputs`."""
    artifacts.write_npz(inputs, "inputs", make_inputs(experiment), {"experiment": experiment.digest()})
