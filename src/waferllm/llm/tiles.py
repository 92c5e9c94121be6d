"""Tensors of a model (`waferllm.model.tensors`) as arrays of kernels_csl/llm: `split` and `join` are exact inverses.

    weights    [height, width, layers * layer_size + Et] f16: the sections of each layer in their order, then final_norm
    embedding  [height, width, Et * Vt] f16
    output     [height, width, Et * Vt] f16, where it is not the embedding transposed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from waferllm.errors import PartitionError
from waferllm.llm.shape import Shape
from waferllm.model import tensors as names

Arrays = dict[str, np.ndarray]
Place = Callable[[Shape, np.ndarray], np.ndarray]
"""A tensor goes in, [height, width, ...] comes out."""


def filled(array: np.ndarray, axis: int, length: int) -> np.ndarray:
    """With zeros behind, so that the axis has this length."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, length - array.shape[axis])
    return np.pad(array, widths)


def over_y(shape: Shape, vector: np.ndarray) -> np.ndarray:
    """[hidden] -> [height, width, Et], the same in all columns"""
    rows = filled(vector, 0, shape.height * shape.Et).reshape(shape.height, 1, shape.Et)
    return np.broadcast_to(rows, (shape.height, shape.width, shape.Et))


def _over_x(shape: Shape, array: np.ndarray) -> np.ndarray:
    """[..., kv_width] -> [..., width, n]"""
    return filled(array, -1, shape.width * shape.n).reshape(*array.shape[:-1], shape.width, shape.n)


def _q_over_x(shape: Shape, array: np.ndarray) -> np.ndarray:
    """[..., heads * head_dim] -> [..., width, group * n]: the columns of Q beside those of K that they meet."""
    config, front = shape.config, array.shape[:-1]
    heads = array.reshape(*front, config.kv_heads, config.group, config.head_dim)
    grouped = np.moveaxis(heads, -2, -3).reshape(*front, config.group, config.kv_width)  # [..., group, kv_width]
    return np.moveaxis(_over_x(shape, grouped), -2, -3).reshape(*front, shape.width, shape.Qt)


def _ffn_over_x(shape: Shape, array: np.ndarray) -> np.ndarray:
    """[..., ffn] -> [..., width, Ft]"""
    return filled(array, -1, shape.width * shape.Ft).reshape(*array.shape[:-1], shape.width, shape.Ft)


def _down(shape: Shape, array: np.ndarray) -> np.ndarray:
    """[hidden, width, m] -> [height, width, Et, m]"""
    rows = filled(array, 0, shape.height * shape.Et)
    return rows.reshape(shape.height, shape.Et, *array.shape[1:]).swapaxes(1, 2)


def _rows_over_x(shape: Shape, array: np.ndarray) -> np.ndarray:
    """[hidden, width, m], from a matrix [m of all, hidden] transposed -> [height, width, m, Et]"""
    return _down(shape, array).swapaxes(2, 3)


def _vocabulary(shape: Shape, array: np.ndarray) -> np.ndarray:
    """[hidden, vocab] -> [height, width, Et, Vt]"""
    words = filled(array, 1, shape.width * shape.Vt).reshape(array.shape[0], shape.width, shape.Vt)
    return _down(shape, words)


def _everywhere(shape: Shape, array: np.ndarray) -> np.ndarray:
    """[width, m] -> [height, width, m]"""
    return np.broadcast_to(array, (shape.height, *array.shape))


def _layer(shape: Shape, layer: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The sections of a layer, in the order of use: [height, width, elements] each."""
    qkv = [_q_over_x(shape, layer["wq"]), _over_x(shape, layer["wk"]), _over_x(shape, layer["wv"])]
    sections = [over_y(shape, layer["attention_norm"]), _down(shape, np.concatenate(qkv, -1))]
    if "bq" in layer:
        biases = [_q_over_x(shape, layer["bq"]), _over_x(shape, layer["bk"]), _over_x(shape, layer["bv"])]
        sections.append(_everywhere(shape, np.concatenate(biases, -1)))
    sections.append(_rows_over_x(shape, _q_over_x(shape, layer["wo"].T)))
    if "bo" in layer:
        sections.append(over_y(shape, layer["bo"]))
    gate_up = np.concatenate([_ffn_over_x(shape, layer["w_gate"]), _ffn_over_x(shape, layer["w_up"])], -1)
    sections += [over_y(shape, layer["ffn_norm"]), _down(shape, gate_up)]
    sections.append(_rows_over_x(shape, _ffn_over_x(shape, layer["w_down"].T)))
    return [section.reshape(shape.height, shape.width, -1) for section in sections]


def split(shape: Shape, tensors: Mapping[str, np.ndarray], dtype: str = "f2") -> Arrays:
    """All tensors as the PEs hold them."""
    sections = []
    for number in range(shape.config.layers):
        layer = {name: np.asarray(array).astype(dtype) for name, array in names.layer(tensors, number).items()}
        sections += _layer(shape, layer)
    sections.append(over_y(shape, np.asarray(tensors["final_norm"]).astype(dtype)))
    found = {"weights": np.concatenate(sections, -1)}
    for name, matrix in _tables(tensors).items():
        table = _vocabulary(shape, np.asarray(matrix).astype(dtype))
        found[name] = table.reshape(shape.height, shape.width, -1)
    return found


def _tables(tensors: Mapping[str, np.ndarray]) -> Arrays:
    """Matrices [hidden, vocab]."""
    found = {"embedding": tensors["embedding"].T}
    return found | ({"output": tensors["output"]} if "output" in tensors else {})


def join(shape: Shape, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The tensors again. Copies on several PEs have to be equal, and what is filled up zero."""
    first, numbers = 1, {}
    for name, size in names.shapes(shape.config).items():
        numbers[name] = np.arange(first, first + int(np.prod(size))).reshape(size)
        first += numbers[name].size
    flat = np.zeros(first, next(iter(arrays.values())).dtype)
    places = split(shape, numbers, "i8")
    for name, place in places.items():
        if place.shape != arrays[name].shape:
            raise PartitionError(f"tiles of '{name}' have shape {arrays[name].shape}, expected {place.shape}")
        flat[place] = arrays[name]
        flat[0] = 0
    for name, place in places.items():
        if (flat[place] != arrays[name]).any():
            raise PartitionError(f"tiles of '{name}': what should be copies differs, or is filled up with other than 0")
    return {name: flat[number] for name, number in numbers.items()}
