"""From simulated meshes to the paper's: points (mesh side, tile side, value) and a stated formula -> an estimate.

Each formula is linear in few coefficients, each the cost of something that happens (a step, a word, an element), found
by least squares on relative errors; what follows from a kernel's steps and the machine table alone is given, not
fitted. A cost that comes out negative has no meaning and is left out. The meshes of the largest side are held out once,
to see how far the formula is off on a mesh that it has not seen; the estimate itself uses all points. Too few points,
or a target too far away, are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from waferllm.errors import WaferllmError
from waferllm.perfmodel.reduction import reduction_cycles

MESH_REACH = 64
"""A target mesh may be this many times wider than the largest simulated one."""
TILE_REACH = 4
"""A target tile may be this many times wider than the largest simulated one, and as much narrower than the smallest."""
NOTHING = 1e-9
"""A term that gives less than this fraction of every value is left out."""


class ExtrapolationError(WaferllmError):
    """The points at hand do not carry the estimate that was asked for."""


@dataclass(frozen=True)
class Shape:
    """Side P of a square mesh, side t of the square tile of a PE, phases of the K-tree (0: no tree), machine table."""

    side: int
    tile: int
    phases: int = 0
    arch: str = "wse2"


@dataclass(frozen=True)
class Point:
    id: str
    shape: Shape
    value: float


class Term(NamedTuple):
    name: str
    of: Callable[[Shape], float]


@dataclass(frozen=True)
class Formula:
    """value = known + sum of coefficient * term. `one_tile`: fitted on the points of the target's tile only."""

    name: str
    terms: tuple[Term, ...]
    one_tile: bool = False
    given: Term | None = None
    """Cycles that follow from the kernel's steps and the machine table."""

    @property
    def text(self) -> str:
        named = zip("abcdefg", self.terms)
        parts = [f"{letter} {term.name}" if term.name != "1" else letter for letter, term in named]
        return " + ".join(parts + ([self.given.name] if self.given else []))

    def known(self, shape: Shape) -> float:
        return self.given.of(shape) if self.given else 0.0


@dataclass(frozen=True)
class Fit:
    formula: Formula
    coefficients: tuple[float, ...]
    points: tuple[Point, ...]
    held_out_side: int
    residual: float
    """Largest relative error on the meshes of the held-out side, of the formula fitted without them."""

    def at(self, shape: Shape) -> float:
        return predict(self.formula, self.coefficients, shape)

    @property
    def text(self) -> str:
        parts = [f"{c:.4g}" if term.name == "1" else f"{c:.4g} {term.name}"
                 for c, term in zip(self.coefficients, self.formula.terms) if c]
        parts += [self.formula.given.name] if self.formula.given else []
        return " + ".join(parts).replace("+ -", "- ") or "0"

    @property
    def range(self) -> str:
        sides, tiles = ({getattr(p.shape, name) for p in self.points} for name in ("side", "tile"))
        return f"P {span(sides)}, t {span(tiles)}"


@dataclass(frozen=True)
class Estimate:
    value: float
    fit: Fit
    shape: Shape

    @property
    def text(self) -> str:
        """The fitted formula, with the number that is known of this shape."""
        given = self.fit.formula.given
        return self.fit.text + (f", {given.name} = {given.of(self.shape):.0f}" if given else "")

    @property
    def fitted_on(self) -> tuple[str, ...]:
        return tuple(point.id for point in self.fit.points)


def span(values: set[int]) -> str:
    return f"{min(values)}..{max(values)}" if len(values) > 1 else str(min(values))


# ------------------------------------------------------------------------------------------------- terms
def ring_steps(shape: Shape) -> int:
    """Once around to add up, once around to spread."""
    return 2 * (shape.side - 1)


def ring_words(shape: Shape) -> int:
    """Each step hands on one of P chunks of the tile's sums."""
    return ring_steps(shape) * -(-shape.tile // shape.side)


ONE = Term("1", lambda s: 1)
P = Term("P", lambda s: s.side)
R = Term("R", lambda s: reduction_cycles(s.arch, s.side, s.phases, s.tile))
STEPS_OF_RING, WORDS_OF_RING = Term("n", ring_steps), Term("w", ring_words)
T1, T2 = Term("t", lambda s: s.tile), Term("t^2", lambda s: s.tile**2)
PT1, PT2, PT3 = (Term("P t", lambda s: s.side * s.tile), Term("P t^2", lambda s: s.side * s.tile**2),
                 Term("P t^3", lambda s: s.side * s.tile**3))

STEPS = (
    Formula("steps, one tile", (ONE, P), one_tile=True),
    Formula("steps", (ONE, P, PT1, PT2, PT3)),
)
"""P steps that cost the same: product of two tiles (t^3, t^2, t), transfer (t^2), overhead (1)."""

LINE = (
    Formula("reduction, one tile", (ONE,), one_tile=True, given=R),
    Formula("reduction", (ONE, T1, T2), given=R),
)
"""A product (t^2, t) and overheads, then R cycles of reduction and broadcast along a line (perfmodel/reduction.py)."""

RING = (Formula("ring", (ONE, T1, T2, STEPS_OF_RING, WORDS_OF_RING)),)
"""A product, then n = 2 (P - 1) steps that hand on w = n ceil(t / P) words of the tile's sums in all.

With one tile alone, n and w grow too much alike to be told apart.
"""

PRODUCT = (
    Formula("product, one tile", (ONE,), one_tile=True),
    Formula("product", (ONE, T1, T2)),
)
"""The product of a tile and its part of the vector, the same on all meshes."""

CYCLES: dict[str, tuple[Formula, ...]] = {
    "meshgemm": STEPS, "meshgemm_t": STEPS, "cannon": STEPS, "summa": STEPS, "allgather": STEPS,
    "meshgemv": LINE, "pipeline_gemv": LINE, "ring_gemv": RING,
}
"""Kernel -> formulas of its cycles, the most special one first."""

COMPUTE: dict[str, tuple[Formula, ...]] = {
    kernel: STEPS if formulas is STEPS else PRODUCT for kernel, formulas in CYCLES.items()
}
"""Kernel -> formulas of the part of its cycles that goes into multiply-adds."""


# --------------------------------------------------------------------------------------------------- fit
def extrapolate(formulas: Sequence[Formula], points: Sequence[Point], target: Shape) -> Estimate:
    """The estimate of the first formula that the points carry; else an error that says what each one lacks."""
    reasons = []
    for formula in formulas:
        try:
            fitted = fit(formula, [p for p in points if not formula.one_tile or p.shape.tile == target.tile])
            check_reach(fitted, target)
        except ExtrapolationError as error:
            reasons.append(str(error))
            continue
        value = fitted.at(target)
        if value > 0:
            return Estimate(value, fitted, target)
        reasons.append(f"{formula.name}: gives {value:.4g} at P = {target.side}, t = {target.tile}")
    raise ExtrapolationError("; ".join(reasons))


def fit(formula: Formula, points: Sequence[Point]) -> Fit:
    """Coefficients from all points; the residual from a fit without the meshes of the largest side."""
    largest = max((p.shape.side for p in points), default=0)
    known = [p for p in points if p.shape.side < largest]
    check_carried(formula, known, len(points))
    guess = solve(formula, known)
    unseen = [p for p in points if p.shape.side == largest]
    residual = max(abs(predict(formula, guess, p.shape) / p.value - 1) for p in unseen)
    return Fit(formula, solve(formula, points), tuple(points), largest, residual)


def check_carried(formula: Formula, known: Sequence[Point], count: int) -> None:
    terms = len(formula.terms)
    if len(known) < terms:
        raise ExtrapolationError(f"{formula.name}: needs {terms} points besides the largest mesh, "
                                 f"has {len(known)} (of {count} in all)")
    if np.linalg.matrix_rank(scaled(formula, known)) < terms:
        raise ExtrapolationError(f"{formula.name}: the points besides the largest mesh have too few different meshes "
                                 f"or tiles for {terms} terms")


def check_reach(fitted: Fit, target: Shape) -> None:
    sides, tiles = ([getattr(p.shape, name) for p in fitted.points] for name in ("side", "tile"))
    if target.side > MESH_REACH * max(sides):
        raise ExtrapolationError(f"{fitted.formula.name}: P = {target.side} is more than {MESH_REACH} times "
                                 f"the largest simulated mesh, {max(sides)}")
    if not min(tiles) <= target.tile * TILE_REACH or target.tile > TILE_REACH * max(tiles):
        raise ExtrapolationError(f"{fitted.formula.name}: t = {target.tile} is more than {TILE_REACH} times away "
                                 f"from the simulated tiles, {span(set(tiles))}")


def scaled(formula: Formula, points: Sequence[Point]) -> np.ndarray:
    """Rows: points, columns: terms, each column scaled to 1 so that ranks do not hang on units."""
    matrix = np.array([[term.of(p.shape) for term in formula.terms] for p in points], dtype=float)
    return matrix / np.abs(matrix).max(axis=0)


def solve(formula: Formula, points: Sequence[Point]) -> tuple[float, ...]:
    """Least squares on relative errors; the most negative cost is left out until none is (the constant may be)."""
    values = np.array([p.value for p in points], dtype=float)
    rest = 1 - np.array([formula.known(p.shape) for p in points]) / values
    matrix = np.array([[term.of(p.shape) for term in formula.terms] for p in points], dtype=float) / values[:, None]
    size = np.abs(matrix).max(axis=0)
    kept = list(range(len(formula.terms)))
    while True:
        found = np.linalg.lstsq(matrix[:, kept] / size[kept], rest, rcond=None)[0] / size[kept]
        costs = [(c * size[k], k) for c, k in zip(found, kept) if formula.terms[k].name != "1"]
        worst, index = min(costs, default=(0.0, -1))
        if worst >= -NOTHING:
            break
        kept.remove(index)
    coefficients = {k: float(c) for c, k in zip(found, kept) if abs(c * size[k]) > NOTHING}
    return tuple(coefficients.get(k, 0.0) for k in range(len(formula.terms)))


def predict(formula: Formula, coefficients: Sequence[float], shape: Shape) -> float:
    return formula.known(shape) + sum(c * term.of(shape) for c, term in zip(coefficients, formula.terms))
