"""The NumPy references: against formulas written another way, and against themselves where two ways must agree."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.folders import foreign

from waferllm.errors import CacheFullError, ModelError
from waferllm.model import rope as rotation
from waferllm.model.checkpoint import config_of, huggingface, load
from waferllm.model.config import RopeScaling
from waferllm.reference import blocks
from waferllm.reference.arithmetic import FLOAT32, FLOAT64, MACHINE, POINTS, recording
from waferllm.reference.forward import Reference

MODELS = ("tiny", "tiny-mha", "tiny-mqa", "tiny-qwen2")
TOKENS = [5, 260, 33, 7, 99, 280, 0, 12, 64, 64, 3]


def reference(name, arithmetic=FLOAT64):
    model = load(name)
    return Reference(model.config, model.tensors, arithmetic)


# ------------------------------------------------------------------- another forward pass, in another convention


def huggingface_logits(model, tokens):
    """The same model token by token, head by head, on the tensors of a Hugging Face folder, in f64."""
    config = model.config
    weights = {name: array.astype(np.float64) for name, array in foreign(model, huggingface.FORM).items()}
    size, half = config.head_dim, config.head_dim // 2
    streams = [weights["model.embed_tokens.weight"][token] for token in tokens]
    for number in range(config.layers):
        layer = {key.removeprefix(f"model.layers.{number}."): value for key, value in weights.items()}
        keys, values, queries = [], [], []
        for position, x in enumerate(streams):
            n = normed(x, layer["input_layernorm.weight"], config.rms_eps)
            q, k, v = (linear(layer, f"self_attn.{kind}_proj", n) for kind in "qkv")
            angle = position * config.rope_theta ** (-np.arange(half) / half)
            queries.append([turned(q[h * size : (h + 1) * size], angle) for h in range(config.heads)])
            keys.append([turned(k[h * size : (h + 1) * size], angle) for h in range(config.kv_heads)])
            values.append([v[h * size : (h + 1) * size] for h in range(config.kv_heads)])
        for position, x in enumerate(streams):
            heads = []
            for h in range(config.heads):
                shared = h * config.kv_heads // config.heads
                scores = [queries[position][h] @ keys[t][shared] / size**0.5 for t in range(position + 1)]
                grown = np.exp(np.array(scores) - max(scores))
                heads.append(sum(p * values[t][shared] for t, p in enumerate(grown / grown.sum())))
            x = x + linear(layer, "self_attn.o_proj", np.concatenate(heads))
            n = normed(x, layer["post_attention_layernorm.weight"], config.rms_eps)
            gate, up = linear(layer, "mlp.gate_proj", n), linear(layer, "mlp.up_proj", n)
            streams[position] = x + linear(layer, "mlp.down_proj", gate / (1 + np.exp(-gate)) * up)
    last = [normed(x, weights["model.norm.weight"], config.rms_eps) for x in streams]
    return np.array(last) @ weights.get("lm_head.weight", weights["model.embed_tokens.weight"]).T


def normed(x, weight, eps):
    return weight * x * (np.mean(x**2) + eps) ** -0.5


def linear(layer, name, x):
    return layer[f"{name}.weight"] @ x + layer.get(f"{name}.bias", 0)


def turned(x, angle):
    """Column i with column i + d/2, as complex numbers."""
    half = len(x) // 2
    z = (x[:half] + 1j * x[half:]) * np.exp(1j * angle)
    return np.concatenate([z.real, z.imag])


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_another_implementation(name):
    model = load(name)
    ours = reference(name)
    np.testing.assert_allclose(ours.forward(TOKENS, ours.cache(16)), huggingface_logits(model, TOKENS), atol=1e-12)


# -------------------------------------------------------------------------------------------- prefill and decode


@pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32, MACHINE], ids=lambda a: a.name)
@pytest.mark.parametrize("name", MODELS)
def test_decode_after_prefill_is_prefill_of_more(name, arithmetic):
    model = reference(name, arithmetic)
    whole, parts = model.cache(16), model.cache(16)
    logits = model.forward(TOKENS, whole)
    pieces = [model.forward(TOKENS[:6], parts)] + [model.forward([token], parts) for token in TOKENS[6:]]
    bound = {"float64": 1e-13, "float32": 5e-5, "machine": 5e-2}[arithmetic.name]
    np.testing.assert_allclose(np.concatenate(pieces), logits, atol=bound)
    np.testing.assert_allclose(parts.keys, whole.keys, atol=bound)
    np.testing.assert_allclose(parts.values, whole.values, atol=bound)


@given(st.lists(st.integers(0, 287), min_size=1, max_size=12), st.data())
@settings(max_examples=25, deadline=None)
def test_any_cut_of_any_prompt_gives_the_same_logits(tokens, data):
    model = reference("tiny")
    cut = data.draw(st.integers(0, len(tokens) - 1))
    parts = model.cache(12)
    if cut:
        model.forward(tokens[:cut], parts)
    last = model.forward(tokens[cut:], parts)[-1]
    np.testing.assert_allclose(last, model.forward(tokens, model.cache(12))[-1], atol=1e-12)


def test_later_tokens_change_nothing_before_them():
    model = reference("tiny")
    one = model.forward(TOKENS, model.cache(16))
    other = model.forward([*TOKENS[:-1], 200], model.cache(16))
    np.testing.assert_allclose(one[:-1], other[:-1], atol=1e-12)
    assert np.abs(one[-1] - other[-1]).max() > 0.1


def test_a_full_cache_refuses_and_keeps_what_it_has():
    model = reference("tiny")
    cache = model.cache(4)
    model.forward([1, 2, 3], cache)
    with pytest.raises(CacheFullError, match="3 of 4 positions are taken, 2 more"):
        model.forward([4, 5], cache)
    assert cache.length == 3
    model.forward([4], cache)


@pytest.mark.parametrize("tokens", [[], [288], [-1]])
def test_tokens_outside_the_vocabulary_are_refused(tokens):
    model = reference("tiny")
    with pytest.raises(ModelError, match=r"tokens have to be 0 .. 287"):
        model.forward(tokens, model.cache(4))


# ------------------------------------------------------------------------------------------------------- blocks


def test_grouped_heads_are_repeated_heads():
    random = np.random.default_rng(3)
    q, k, v = (random.standard_normal(shape) for shape in ((5, 6, 8), (9, 2, 8), (9, 2, 8)))
    grouped = blocks.attention(FLOAT64, q, k, v, 4)
    repeated = blocks.attention(FLOAT64, q, k.repeat(3, axis=1), v.repeat(3, axis=1), 4)
    np.testing.assert_allclose(grouped, repeated, atol=1e-14)


@given(st.integers(0, 5000), st.integers(0, 5000))
@settings(max_examples=30, deadline=None)
def test_rope_sees_distances_only(first, second):
    """The product of a rotated query and a rotated key depends on the difference of their positions."""
    config = config_of("tiny")
    random = np.random.default_rng(4)
    q, k = random.standard_normal((2, 1, 1, config.head_dim))

    def product(one, other):
        tables = [rotation.tables(config, position, 1) for position in (one, other)]
        return np.sum(blocks.rope(FLOAT64, q, *tables[0]) * blocks.rope(FLOAT64, k, *tables[1]))

    np.testing.assert_allclose(product(first, second), product(first + 37, second + 37), atol=1e-9)


def test_rope_is_the_textbook_rotation():
    config = config_of("tiny")
    x = np.random.default_rng(5).standard_normal((1, 1, config.head_dim))
    found = blocks.rope(FLOAT64, x, *rotation.tables(config, 11, 1))[0, 0]
    for pair in range(config.head_dim // 2):
        angle = 11 * 10000.0 ** (-2 * pair / config.head_dim)
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        np.testing.assert_allclose(found[2 * pair : 2 * pair + 2], matrix @ x[0, 0, 2 * pair : 2 * pair + 2])


def test_halves_and_pairs_are_inverses():
    array = np.arange(2 * 16 * 3).reshape(32, 3)
    np.testing.assert_array_equal(rotation.to_halves(rotation.from_halves(array, 16), 16), array)
    np.testing.assert_array_equal(rotation.from_halves(array[:, 0], 16)[:4], array[[0, 8, 1, 9], 0])


def test_softmax_and_silu_do_not_overflow():
    scores = np.array([[1e4, 0.0, -np.inf]], np.float32)
    np.testing.assert_array_equal(blocks.softmax_mix(FLOAT32, scores, np.eye(3, dtype=np.float32)), [[1, 0, 0]])
    x = np.array([-1e4, -1.0, 0.0, 1.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(blocks.silu(x), [0, -0.268941421, 0, 0.731058579, 1e4])


# -------------------------------------------------------------------------------------------------- frequencies


def scaled(**scaling):
    return dataclasses.replace(config_of("llama-3-8b"), rope_scaling=RopeScaling(**scaling))


def test_linear_scaling_divides_all_frequencies():
    plain = rotation.frequencies(config_of("llama-3-8b"))
    np.testing.assert_allclose(rotation.frequencies(scaled(kind="linear", factor=4.0)), plain / 4)


def test_llama3_scaling_keeps_short_waves_and_stretches_long_ones():
    config = scaled(kind="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_positions=8192)
    ratio = rotation.frequencies(config_of("llama-3-8b")) / rotation.frequencies(config)
    waves = 2 * np.pi / rotation.frequencies(config_of("llama-3-8b"))
    np.testing.assert_allclose(ratio[waves < 8192 / 4], 1)
    np.testing.assert_allclose(ratio[waves > 8192], 8)
    assert (np.diff(ratio) >= 0).all()
    assert ((ratio > 1) & (ratio < 8)).any()


def test_llama3_scaling_between_is_as_published():
    """One frequency of LLaMA-3.1, by its formula with the smooth factor."""
    config = scaled(kind="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_positions=8192)
    plain = rotation.frequencies(config_of("llama-3-8b"))
    middle = int(np.argmin(np.abs(2 * np.pi / plain - 4000)))
    smooth = (8192 / (2 * np.pi / plain[middle]) - 1) / (4 - 1)
    expected = (1 - smooth) * plain[middle] / 8 + smooth * plain[middle]
    np.testing.assert_allclose(rotation.frequencies(config)[middle], expected)


def test_dynamic_scaling_depends_on_the_planned_length():
    config = scaled(kind="dynamic", factor=2.0, original_positions=4096)
    plain = rotation.frequencies(config_of("llama-3-8b"))
    np.testing.assert_allclose(rotation.frequencies(config, 4096), plain)
    theta = 500000.0 * (2 * 8192 / 4096 - 1) ** (128 / 126)
    np.testing.assert_allclose(rotation.frequencies(config, 8192), theta ** (-np.arange(64) / 64))


def test_bad_scalings_are_refused():
    with pytest.raises(ModelError, match=r"factor 0.5 is not allowed"):
        scaled(kind="linear", factor=0.5)
    with pytest.raises(ModelError, match="kind 'yarn' is not supported"):
        scaled(kind="yarn", factor=2.0)


# --------------------------------------------------------------------------------------------------- arithmetic


def test_every_point_is_rounded_by_its_row():
    """What a point stores is a number of its type; each point occurs, but for what is stored once as weights."""
    model = load("tiny")
    recorded = recording(MACHINE)
    run = Reference(model.config, model.tensors, recorded)
    run.forward(TOKENS, run.cache(16))
    assert set(recorded.kept) == set(POINTS)
    for point, arrays in recorded.kept.items():
        for array in arrays:
            assert array.dtype == np.float32
            if MACHINE.bits[point] == 16:
                np.testing.assert_array_equal(array, array.astype(np.float16).astype(np.float32), err_msg=point)


@pytest.mark.parametrize("name", MODELS)
def test_wider_points_are_nearer_to_the_exact_logits(name):
    def error(arithmetic):
        run, exact = reference(name, arithmetic), reference(name)
        difference = run.forward(TOKENS, run.cache(16)) - exact.forward(TOKENS, exact.cache(16))
        return np.sqrt(np.mean(difference**2))

    all16 = MACHINE.with_bits(**dict.fromkeys(POINTS, 16))
    assert error(FLOAT32) < 1e-5 < 1e-3 < error(MACHINE) < error(all16) < 0.1


def test_unknown_points_are_refused():
    with pytest.raises(ValueError, match="no such points"):
        MACHINE.with_bits(streams=16)
