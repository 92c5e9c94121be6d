"""Stage `validate`: inputs and outputs of an experiment go in, a report with errors, bound and verdict comes out.

The bound is derived, not chosen. Let u be the unit roundoff of the sums' type (2^-24 for f32, 2^-11 for f16). One
output element is a sum of n = K products; a product meets its own rounding (none where multiply and add are fused, or
where f16 products are exact in f32) and at most n - 1 roundings of sums, on whichever PEs they are made; zeros of
padding and the empty sum add exactly. So for every order of summation

    |computed - exact| <= gamma_n * sum |a_k b_k|,    gamma_n = n u / (1 - n u)

(N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, lemma 3.1, equation 3.5). Products below
the normal range are off by half of the least subnormal number (tiny = 2^-25 for f16, 2^-150 for f32) instead of u times
themselves; sums are exact there. That adds n * tiny * (1 + gamma_n).

Where n u > 1/2 (f16 with K > 1024) gamma_n says little or nothing. The report then has the kind `probabilistic`:

    gamma~_n = exp(lambda sqrt(n) u + n u^2 / (1 - u)) - 1

holds for one element with a probability of at least 1 - 2 n exp(-lambda^2 (1 - u)^2 / 2) if rounding errors are
independent with mean zero (N. J. Higham and T. Mary, A new approach to probabilistic rounding error analysis, SIAM J.
Sci. Comput. 41, 2019, theorems 2.4 and 3.1); lambda is chosen so that the chance of a false alarm over all elements
is FALSE_ALARM.

The reference is computed in f64; its own error is smaller by a factor of 2^29 at least.
"""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from waferllm import artifacts, reference
from waferllm.errors import ValidationError
from waferllm.experiments import Experiment
from waferllm.kernels import dtypes, kernel_of
from waferllm.partition.stage import join_output
from waferllm.run import read_outputs

UNIT = {16: 2.0**-11, 32: 2.0**-24}
"""Unit roundoff by bits."""
TINY = {16: 2.0**-25, 32: 2.0**-150}
"""Half of the least subnormal number."""
FALSE_ALARM = 1e-9
ULP_EDGES = (0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Of the histogram; what is more goes into the last bin."""


@dataclass(frozen=True)
class Report:
    """Outcome of one comparison. `worst` is the element that is nearest to its bound, or farthest beyond."""

    experiment: str
    verdict: str
    elements: int
    terms: int
    bound_kind: str
    bound_factor: float
    """The bound relative to the sum of magnitudes."""
    max_error: float
    mean_error: float
    max_of_bound: float
    """Largest error as a fraction of its element's bound; more than 1 fails."""
    worst: dict[str, Any]
    not_finite: int
    ulps: dict[str, int]

    @property
    def passed(self) -> bool:
        return self.verdict == "pass"

    def message(self) -> str:
        """One line for the terminal."""
        worst = self.worst
        place = ", ".join(map(str, worst["index"]))
        return (
            f"experiment {self.experiment}: {self.verdict}: worst element {worst['name']}[{place}] = "
            f"{worst['value']:.6g}, exact {worst['exact']:.6g}, error {worst['error']:.3e}, bound {worst['bound']:.3e}"
        )


def bound_factor(terms: int, bits: int, elements: int) -> tuple[str, float]:
    """Kind of the bound and its factor: gamma_n or gamma~_n for `elements` sums of `terms` products."""
    unit = UNIT[bits]
    steps = terms * unit
    if steps <= 0.5:
        return "deterministic", steps / (1 - steps)
    chance = FALSE_ALARM / (2 * terms * elements)
    deviations = math.sqrt(-2 * math.log(chance)) / (1 - unit)
    return "probabilistic", math.expm1(deviations * math.sqrt(terms) * unit + terms * unit**2 / (1 - unit))


def compare(experiment: Experiment, inputs: Mapping[str, np.ndarray], result: np.ndarray) -> Report:
    """Compares a global result with the reference."""
    exact = reference.output(experiment.kernel, inputs)
    bits, terms = dtypes(experiment)[kernel_of(experiment).output].itemsize * 8, experiment.K
    kind, factor = bound_factor(terms, bits, exact.size)
    bound = factor * reference.magnitudes(experiment.kernel, inputs) + terms * TINY[bits] * (1 + factor)
    error = np.abs(result.astype(np.float64) - exact)
    finite = np.isfinite(error)
    share = np.where(finite, error / bound, np.inf)
    worst = np.unravel_index(int(np.argmax(share)), share.shape)
    return Report(
        experiment=experiment.id,
        verdict="pass" if bool((share <= 1).all()) else "fail",
        elements=error.size,
        terms=terms,
        bound_kind=kind,
        bound_factor=factor,
        max_error=float(error[finite].max(initial=0)),
        mean_error=float(error[finite].mean()) if finite.any() else float("nan"),
        max_of_bound=float(share.max()),
        worst={
            "name": kernel_of(experiment).output,
            "index": [int(place) for place in worst],
            "value": float(result[worst]),
            "exact": float(exact[worst]),
            "error": float(error[worst]),
            "bound": float(bound[worst]),
        },
        not_finite=int((~finite).sum()),
        ulps=ulp_histogram(result, exact),
    )


def ulp_histogram(result: np.ndarray, exact: np.ndarray) -> dict[str, int]:
    """Elements by error in units in the last place of the exact value in the result's type."""
    spacing = np.spacing(np.abs(exact).astype(result.dtype)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        ulps = np.abs(result.astype(np.float64) - exact) / spacing
    ulps = np.where(np.isfinite(ulps), ulps, np.inf)
    counts = np.histogram(np.minimum(ulps, ULP_EDGES[-1]), [*ULP_EDGES, np.inf])[0]
    names = [f"{low:g}..{high:g}" for low, high in itertools.pairwise(ULP_EDGES)] + [f">={ULP_EDGES[-1]:g}"]
    return {name: int(count) for name, count in zip(names, counts)}


def validate_experiment(
    experiment: Experiment, inputs: str | Path, outputs: str | Path, report: str | Path, failed: str | Path
) -> Report:
    """Writes `report` if the outputs are right; else keeps the evidence in the folder `failed` and raises."""
    arrays = read_outputs(experiment, outputs)
    result = join_output(experiment, arrays[kernel_of(experiment).output])
    found = compare(experiment, artifacts.read_npz(inputs, "inputs"), result)
    hashes = {"experiment": experiment.digest(), **artifacts.input_hashes(inputs=inputs, outputs=outputs)}
    if not found.passed:
        artifacts.write_json(Path(failed) / "report.json", "validate", asdict(found), hashes)
        with artifacts.atomic(Path(failed) / "outputs.npz") as temporary:
            shutil.copyfile(outputs, temporary)
        raise ValidationError(f"{found.message()}\nevidence kept in {failed}")
    shutil.rmtree(failed, ignore_errors=True)
    artifacts.write_json(report, "validate", asdict(found), hashes)
    return found
