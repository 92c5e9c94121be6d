"""How far a machine's result may be from the exact one: a computation and an arithmetic go in, exact values and a bound
for each element come out.

Worst-case bounds say nothing after several layers: they grow by the sum of the magnitudes of a row of weights in
each product. So the bound is probabilistic, as `waferllm.validate` has it where it must. Let v_i be what the points of
rounding store, u_i the unit roundoff of their types. To first order in u an element of the result is off by

    e = sum_i J_i d_i,     |d_i| <= t_i = max(u_i |v_i|, half of the least subnormal number)

with J_i the derivative of the element by v_i. A sum of n products meets at most n roundings of partial sums, in any
order, each at most u |x| |W|; all have the derivative of the sum, so their t_i together count as sqrt(n) u |x| |W|. If
the d_i are independent with mean zero (N. J. Higham and T. Mary, SIAM J. Sci. Comput. 41, 2019), Hoeffding's inequality
gives

    |e| <= lambda S,   S^2 = sum_i (J_i t_i)^2,   with probability at least 1 - 2 exp(-lambda^2 / 2).

No derivative is computed: with random signs s_i, the difference between the exact run and a run in f64 whose points
store v_i + s_i t_i is sum_i J_i t_i s_i, of mean zero and variance S^2. From `samples` such runs S^2 is estimated, and
raised to an upper confidence limit (chi-square, since a sum over many points is nearly normal). lambda and the limit
are chosen so that the chance of a false alarm over all elements is FALSE_ALARM each. What is left out is of second
order in u.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from waferllm.model.config import ModelConfig
from waferllm.reference.arithmetic import FLOAT64, MACHINE, Arithmetic
from waferllm.reference.forward import Reference, Weights
from waferllm.validate import FALSE_ALARM, TINY, UNIT

FIXED = ("weight", "norm_weight")
"""Points that are rounded once, of known values: their errors are known but for the sign of their effect."""
SAMPLES = 128


@dataclass(frozen=True)
class Perturbed(Arithmetic):
    """Exact but for an error of random sign at each point, as large as `of` allows."""

    of: Arithmetic = MACHINE
    signs: np.random.Generator = field(default_factory=np.random.default_rng)

    def store(self, point: str, values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float64)
        if point in FIXED:
            return values + self._signs(values) * (self.of.store(point, values).astype(np.float64) - values)
        bits = self.of.bits[point]
        return values + self._signs(values) * np.maximum(UNIT[bits] * np.abs(values), TINY[bits])

    def product(self, x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        exact = x @ matrix
        unit = UNIT[8 * self.of.wide.itemsize] * math.sqrt(x.shape[-1])
        return exact + self._signs(exact) * unit * (np.abs(x) @ np.abs(matrix))

    def _signs(self, values: np.ndarray) -> np.ndarray:
        return 2.0 * self.signs.integers(0, 2, values.shape, np.int8) - 1.0


Run = Callable[[Arithmetic], np.ndarray]


@dataclass(frozen=True)
class Bound:
    """Of each element: the exact value and how far a result may be from it."""

    exact: np.ndarray
    bound: np.ndarray

    def share(self, result: np.ndarray) -> float:
        """Largest error as a fraction of its bound; more than 1, or infinity for what is not finite, is wrong."""
        error = np.abs(result.astype(np.float64) - self.exact)
        return float(np.where(np.isfinite(error), error / self.bound, np.inf).max())


def bound_of(run: Run, arithmetic: Arithmetic = MACHINE, samples: int = SAMPLES, seed: int = 1) -> Bound:
    """`run` is the computation, as a function of the arithmetic that it is done in."""
    exact = run(FLOAT64)
    signs = np.random.default_rng(seed)
    squares = np.zeros(exact.shape)
    for _ in range(samples):
        squares += (run(Perturbed("perturbed", FLOAT64.bits, FLOAT64.wide, arithmetic, signs)) - exact) ** 2
    alarm = FALSE_ALARM / exact.size
    deviation = np.sqrt(squares / chi_square(alarm, samples))
    return Bound(exact, math.sqrt(-2 * math.log(alarm / 2)) * deviation + np.finfo(np.float64).tiny)


def chi_square(chance: float, freedom: int) -> float:
    """What a chi-square variable falls below with this chance (E. B. Wilson and M. M. Hilferty, PNAS 17, 1931)."""
    part = 2 / (9 * freedom)
    return freedom * max(0.05, 1 - part + NormalDist().inv_cdf(chance) * math.sqrt(part)) ** 3


def logit_bound(config: ModelConfig, tensors: Weights, tokens: Sequence[int], arithmetic: Arithmetic = MACHINE,
                samples: int = SAMPLES) -> Bound:  # fmt: skip
    """Of the logits [L, vocab] of all positions; whether they come from prefill or decode makes no difference."""

    def run(rounding: Arithmetic) -> np.ndarray:
        model = Reference(config, tensors, rounding)
        return model.forward(tokens, model.cache(len(tokens)))

    return bound_of(run, arithmetic, samples)


def generation_bound(config: ModelConfig, tensors: Weights, tokens: Sequence[int], last: int,
                     samples: int = SAMPLES) -> dict[str, Bound]:  # fmt: skip
    """In the machine's arithmetic, of the `logits` of the last positions, [last, vocab], and of the `keys` and `values`
    of all, [layers, L, width]."""

    def run(rounding: Arithmetic) -> np.ndarray:
        model = Reference(config, tensors, rounding)
        cache = model.cache(len(tokens))
        logits = model.logits(model.stream(tokens, cache)[-last:])
        return np.concatenate([array.ravel() for array in (logits, cache.keys, cache.values)])

    whole = bound_of(run, MACHINE, samples)
    cells = (config.layers, len(tokens), config.kv_width)
    shapes = {"logits": (last, config.vocab), "keys": cells, "values": cells}
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])[:-1]
    parts = zip(np.split(whole.exact, ends), np.split(whole.bound, ends), strict=True)
    return {
        name: Bound(exact.reshape(shape), bound.reshape(shape))
        for (name, shape), (exact, bound) in zip(shapes.items(), parts, strict=True)
    }


def layer_bound(config: ModelConfig, tensors: Weights, number: int, stream: np.ndarray,
                arithmetic: Arithmetic = MACHINE, samples: int = SAMPLES) -> Bound:  # fmt: skip
    """Of what layer `number` makes of the residual stream [L, hidden] of the first L positions."""

    def run(rounding: Arithmetic) -> np.ndarray:
        model = Reference(config, tensors, rounding)
        return model.layer(number, stream.astype(rounding.wide), model.cache(len(stream)))

    return bound_of(run, arithmetic, samples)
