"""Stage `validate`: inputs and outputs of an experiment go in, a report with errors, bound and verdict comes out.

The bound is derived, not chosen. Let u be the unit roundoff of the sums' type (2^-24 for f32, 2^-11 for f16) and n
the number of rounding errors that one output element can meet, a product and an addition for each of the K terms
being rounded at most once each and one more for adding partial sums. For a sum of products in any order,

    |computed - exact| <= gamma_n * sum |a_k b_k|,    gamma_n = n u / (1 - n u)

(N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 3.1 and 4.2: the bound holds for every
order of summation.) f16 has few exponents: a result below 2^-14 is rounded to a multiple of 2^-24 and so may be off
by half of that instead of u times itself. Each of the n roundings adds at most that much, hence the term n * tiny
with tiny = 2^-25 (f32: 2^-150). The reference itself is computed in f64, whose own error is smaller by 2^-29 at
least. Where n u >= 1 the bound says nothing; the report then says so (`bound_useful`: false).
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from waferllm import artifacts, reference
from waferllm.errors import ValidationError
from waferllm.experiments import Experiment
from waferllm.kernels import dtypes, kernel_of, mesh_for
from waferllm.partition.stage import join_output
from waferllm.run import read_outputs

UNIT = {16: 2.0**-11, 32: 2.0**-24}
"""Unit roundoff by bits."""
TINY = {16: 2.0**-25, 32: 2.0**-150}
"""Half of the least subnormal number."""
ULP_EDGES = (0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Of the histogram; what is more goes into the last bin."""


@dataclass(frozen=True)
class Report:
    """Outcome of one comparison. `worst` is the element that is nearest to its bound, or farthest beyond."""

    experiment: str
    verdict: str
    elements: int
    roundings: int
    bound_useful: bool
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


def error_bound(magnitudes: np.ndarray, roundings: int, bits: int) -> np.ndarray:
    """Most that a computed element can be off; `magnitudes` is |A| |B| or |A| |x|."""
    steps = roundings * UNIT[bits]
    if steps >= 1:
        return np.full(magnitudes.shape, np.inf)
    return steps / (1 - steps) * magnitudes + roundings * TINY[bits]


def roundings_of(experiment: Experiment) -> int:
    """Rounding errors on the way to one output element, in units of the sums' type.

    K products and K additions (a fused multiply-add is one rounding, but not all kernels have one), and one addition
    more for each partial sum that comes from another PE (at most one a PE of the line).
    """
    mesh = mesh_for(experiment)
    return 2 * experiment.K + max(mesh.width, mesh.height)


def compare(experiment: Experiment, inputs: Mapping[str, np.ndarray], result: np.ndarray) -> Report:
    """Compares a global result with the reference."""
    exact = reference.output(experiment.kernel, inputs)
    roundings, kind = roundings_of(experiment), dtypes(experiment)[kernel_of(experiment).output]
    bound = error_bound(reference.magnitudes(experiment.kernel, inputs), roundings, kind.itemsize * 8)
    error = np.abs(result.astype(np.float64) - exact)
    finite = np.isfinite(error)
    share = np.where(finite, np.divide(error, bound, out=np.zeros_like(error), where=bound > 0), np.inf)
    share = np.where((bound == 0) & (error > 0), np.inf, share)
    worst = np.unravel_index(int(np.argmax(share)), share.shape)
    useful = bool(np.isfinite(bound).all())
    return Report(
        experiment=experiment.id,
        verdict="pass" if bool((share <= 1).all()) and useful else "fail",
        elements=error.size,
        roundings=roundings,
        bound_useful=useful,
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
