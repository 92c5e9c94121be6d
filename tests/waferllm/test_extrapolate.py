"""Fits of stated formulas: exact where the points follow the formula, refused where the points do not carry it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waferllm.perfmodel.extrapolate import (
    CYCLES,
    LINE,
    PRODUCT,
    RING,
    STEPS,
    ExtrapolationError,
    Point,
    Shape,
    extrapolate,
    fit,
    predict,
)

SIDES, TILES = (4, 8, 16, 32), (3, 6, 9, 12)
ALL = [formula for family in (STEPS, LINE, RING, PRODUCT) for formula in family]


def points(formula, coefficients, sides=SIDES, tiles=TILES, phases=2):
    shapes = [Shape(side, tile, phases) for side in sides for tile in tiles]
    return [Point(f"p{s.side}t{s.tile}", s, predict(formula, coefficients, s)) for s in shapes]


@pytest.mark.parametrize("formula", ALL, ids=lambda formula: formula.name)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_synthetic_law_is_recovered(formula, data):
    costs = [data.draw(st.floats(0.5, 100)) for _ in formula.terms]
    given_points = points(formula, costs, tiles=(6,) if formula.one_tile else TILES)
    target = Shape(720, 6 if formula.one_tile else 23, 2)
    estimate = extrapolate([formula], given_points, target)
    assert estimate.value == pytest.approx(predict(formula, costs, target), rel=1e-6)
    assert estimate.fit.residual < 1e-6
    assert estimate.fit.held_out_side == 32
    assert estimate.fitted_on == tuple(p.id for p in given_points)


def test_the_special_formula_goes_first_where_its_tile_was_simulated():
    given_points = points(STEPS[1], (100, 10, 1, 1, 1))
    assert extrapolate(STEPS, given_points, Shape(720, 6)).fit.formula.name == "steps, one tile"
    assert extrapolate(STEPS, given_points, Shape(720, 5)).fit.formula.name == "steps"


def test_residual_is_the_error_on_the_mesh_that_was_held_out():
    law = [Point(str(side), Shape(side, 6), 100 + 10 * side) for side in (4, 8, 16)]
    off = Point("32", Shape(32, 6), 1.25 * (100 + 10 * 32))
    assert fit(STEPS[0], [*law, off]).residual == pytest.approx(0.2)


def test_a_negative_cost_is_left_out():
    falling = [Point(str(side), Shape(side, 6), 100 - side) for side in (4, 8, 16)]
    fitted = fit(STEPS[0], falling)
    assert fitted.coefficients[1] == 0
    assert 0 < fitted.at(Shape(720, 6)) < 100


@pytest.mark.parametrize(("formulas", "given_points", "target", "message"), [
    (STEPS[:1], [], Shape(720, 6), "needs 2 points besides the largest mesh, has 0 (of 0 in all)"),
    (STEPS[:1], points(STEPS[0], (1, 1), sides=(8, 16), tiles=(6,)), Shape(720, 6), "has 1 (of 2 in all)"),
    (STEPS[1:], points(STEPS[0], (1, 1), tiles=(6,)), Shape(720, 6), "needs 5 points besides the largest mesh, has 3"),
    (STEPS[1:], points(STEPS[0], (1, 1), tiles=(3, 6, 9)), Shape(720, 6), "too few different meshes or tiles"),
    (STEPS[:1], points(STEPS[0], (1, 1), sides=(2, 4, 8), tiles=(6,)), Shape(720, 6), "more than 64 times"),
    (STEPS[1:], points(STEPS[1], (1, 1, 1, 1, 1)), Shape(720, 60), "t = 60 is more than 4 times away"),
], ids=["none", "two meshes", "few points", "few tiles", "far mesh", "far tile"])
def test_what_the_points_do_not_carry_is_refused(formulas, given_points, target, message):
    with pytest.raises(ExtrapolationError, match=re.escape(message)):
        extrapolate(formulas, given_points, target)


def test_an_estimate_below_zero_is_refused():
    law = [Point(f"p{side}t{tile}", Shape(side, tile), 100 * tile - 150) for side in (16, 32) for tile in (2, 3, 4)]
    with pytest.raises(ExtrapolationError, match=r"product: gives -50 at P = 64, t = 1"):
        extrapolate(PRODUCT[1:], law, Shape(64, 1))


def test_what_is_given_is_not_fitted():
    """Points of another reduction than the given one: the rest is a constant, whatever the mesh."""
    law = [Point(f"p{side}", Shape(side, 23, 2), 400 + LINE[0].known(Shape(side, 23, 2))) for side in (4, 8, 16, 32)]
    estimate = extrapolate(LINE, law, Shape(720, 23, 2))
    assert estimate.fit.coefficients == (pytest.approx(400),)
    assert estimate.value == pytest.approx(400 + LINE[0].known(Shape(720, 23, 2)))
    assert estimate.text == f"400 + R, R = {LINE[0].known(Shape(720, 23, 2))}"


def test_every_kernel_of_the_figures_has_a_formula():
    assert {"meshgemm", "cannon", "summa", "meshgemv", "pipeline_gemv"} <= set(CYCLES)
