"""Bounds of the references: right results in other orders of summation are inside, small mistakes are outside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from waferllm.model.checkpoint import load
from waferllm.reference.arithmetic import FLOAT32, MACHINE, Arithmetic
from waferllm.reference.bounds import bound_of, chi_square, layer_bound, logit_bound
from waferllm.reference.forward import Reference

MODELS = ("tiny", "tiny-mha", "tiny-mqa", "tiny-qwen2")
TOKENS = [261, 35, 19, 100, 7, 280, 44, 9, 50, 60, 70, 80]


@dataclass(frozen=True)
class Mesh(Arithmetic):
    """Sums as on a mesh: each of `places` PEs sums its part, then the parts are added one after the other."""

    places: int = 4

    def product(self, x, matrix):
        if x.shape[-1] % self.places:
            return super().product(x, matrix)
        size = x.shape[-1] // self.places
        total = np.zeros(1, self.wide)
        for place in range(self.places):
            part = np.zeros(1, self.wide)
            for k in range(place * size, (place + 1) * size):
                part = part + x[..., k : k + 1] * matrix[..., k : k + 1, :]
            total = total + part
        return total


def logits(model, arithmetic, tensors=None):
    run = Reference(model.config, tensors or model.tensors, arithmetic)
    return run.forward(TOKENS, run.cache(16))


@pytest.mark.parametrize("name", MODELS)
def test_right_logits_are_inside_in_any_order_of_summation(name):
    model = load(name)
    bound = logit_bound(model.config, model.tensors, TOKENS)
    for arithmetic in (MACHINE, FLOAT32, Mesh("mesh", MACHINE.bits), Mesh("mesh", MACHINE.bits, places=8)):
        assert bound.share(logits(model, arithmetic)) < 0.5
    assert bound.share(logits(model, MACHINE)) > 0.02
    assert bound.bound.max() < 0.1 * bound.exact.std()


def test_decode_is_inside_too():
    model = load("tiny")
    bound = logit_bound(model.config, model.tensors, TOKENS)
    run = Reference(model.config, model.tensors, MACHINE)
    cache = run.cache(16)
    pieces = [run.forward(TOKENS[:5], cache), *(run.forward([token], cache) for token in TOKENS[5:])]
    assert bound.share(np.concatenate(pieces)) < 0.5


def changed(tensors, name, change):
    return {**tensors, name: change(tensors[name].copy())}


def one_weight(array):
    array[5, 5] += 0.5
    return array


def swapped(array):
    array[:, :2] = array[:, 1::-1]
    return array


MISTAKES = {
    "a bias forgotten": ("layers.1.bq", lambda array: 0 * array),
    "a norm forgotten": ("layers.0.ffn_norm", lambda array: 0 * array + 1),
    "two columns swapped": ("layers.1.w_up", swapped),
    "one weight": ("layers.0.wv", one_weight),
}


@pytest.mark.parametrize("name, change", MISTAKES.values(), ids=MISTAKES)
def test_small_mistakes_are_outside(name, change):
    model = load("tiny-qwen2")
    bound = logit_bound(model.config, model.tensors, TOKENS)
    assert bound.share(logits(model, MACHINE, changed(model.tensors, name, change))) > 1


def test_less_precise_results_are_outside_of_a_bound_for_more():
    model = load("tiny")
    bound = logit_bound(model.config, model.tensors, TOKENS, FLOAT32)
    assert bound.share(logits(model, FLOAT32)) < 0.5
    assert bound.share(logits(model, MACHINE)) > 1


def test_numbers_that_are_not_finite_are_outside():
    bound = bound_of(lambda a: a.store("q", np.ones(3)), samples=4)
    assert bound.share(np.array([1, np.nan, 1])) == math.inf


@pytest.mark.parametrize("number", [0, 1])
def test_a_layer_is_inside_its_bound(number):
    model = load("tiny-qwen2")
    stream = np.random.default_rng(2).standard_normal((6, 64)).astype(np.float32)
    bound = layer_bound(model.config, model.tensors, number, stream, samples=64)
    run = Reference(model.config, model.tensors, MACHINE)
    assert 0.02 < bound.share(run.layer(number, stream, run.cache(6))) < 0.5


def test_one_rounding_has_the_bound_of_hoeffding():
    """All differences are u |v|, so that the estimate is exact but for the confidence limit."""
    values = np.linspace(1, 2, 50)
    found = bound_of(lambda a: a.store("norm", values), MACHINE, samples=200)
    alarm = 1e-9 / 50
    limit = math.sqrt(200 / chi_square(alarm, 200))
    np.testing.assert_allclose(found.bound, 2.0**-11 * values * math.sqrt(-2 * math.log(alarm / 2)) * limit)


@pytest.mark.parametrize("chance, freedom, value", [(0.05, 10, 3.940), (0.95, 10, 18.307), (1e-6, 128, 64.6)])
def test_chi_square_is_that_of_the_tables(chance, freedom, value):
    assert chi_square(chance, freedom) == pytest.approx(value, rel=0.02)
