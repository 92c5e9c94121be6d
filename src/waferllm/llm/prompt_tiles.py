"""Where prefill (kernels_csl/lib/llm/sections.csl) wants each element: tensors of layers in, one array a PE out.

Every dimension that lies over an axis of the mesh is an array of indices into the model's dimension, -1 for what only
fills up. Over y (x) a PE holds `slabs / height` (`slabs / width`) slabs; two operands of a product meet if slab k of
the ring of rows is slab k of the ring of columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from waferllm.model.config import ModelConfig
from waferllm.partition import rings


@dataclass(frozen=True)
class Placement:
    model: ModelConfig
    width: int
    height: int

    @property
    def slabs(self) -> int:
        return math.lcm(self.width, self.height)

    @property
    def along_x(self) -> int:
        return self.slabs // self.width

    @property
    def along_y(self) -> int:
        return self.slabs // self.height

    @property
    def pairs(self) -> int:
        return -(-self.model.kv_heads * self.model.head_dim // 2 // self.width)

    @property
    def queries(self) -> int:
        """Columns of Q on a column of PEs."""
        return 2 * self.pairs * self.model.group

    @property
    def sizes(self) -> dict[str, int]:
        """Columns of a slab of each contracted dimension."""
        return {
            "embed": -(-self.model.hidden // self.slabs),
            "q": -(-self.queries // self.along_x),
            "ffn": -(-self.model.ffn // self.slabs),
        }

    def blocks(self, length: int, parts: int, each: int) -> np.ndarray:
        """[parts, each] in order."""
        indices = np.arange(parts * each).reshape(parts, each)
        return np.where(indices < length, indices, -1)

    def other_axis(self, over: np.ndarray, to_x: bool) -> np.ndarray:
        """The same dimension over the other axis: [PEs, slabs of a PE * size]."""
        labels = {}
        for axis, places, held in (("x", self.width, self.along_x), ("y", self.height, self.along_y)):
            labels[axis] = rings.positions("interleaved", places)[:, None] * held + np.arange(held)
        source, target = ("y", "x") if to_x else ("x", "y")
        by_label = np.empty((self.slabs, over.size // self.slabs), int)
        by_label[labels[source].ravel()] = over.reshape(self.slabs, -1)
        return by_label[labels[target]].reshape(len(labels[target]), -1)

    @cached_property
    def embed_y(self) -> np.ndarray:
        return self.blocks(self.model.hidden, self.height, self.along_y * self.sizes["embed"])

    @cached_property
    def embed_x(self) -> np.ndarray:
        return self.other_axis(self.embed_y, to_x=True)

    @cached_property
    def ffn_x(self) -> np.ndarray:
        return self.blocks(self.model.ffn, self.width, self.along_x * self.sizes["ffn"])

    @cached_property
    def kv_x(self) -> np.ndarray:
        """[width, 2 pairs] columns of K and V, all heads one after the other."""
        return self.blocks(self.model.kv_heads * self.model.head_dim, self.width, 2 * self.pairs)

    @cached_property
    def q_x(self) -> np.ndarray:
        """[width, group 2 pairs] columns of Q."""
        size, group = self.model.head_dim, self.model.group
        head, column = self.kv_x // size, self.kv_x % size
        members = [(head * group + member) * size + column for member in range(group)]
        return np.where(np.stack([self.kv_x] * group, 1) < 0, -1, np.stack(members, 1)).reshape(self.width, -1)

    @cached_property
    def heads_x(self) -> np.ndarray:
        """The same filled up to whole slabs."""
        full = np.full((self.width, self.along_x * self.sizes["q"]), -1)
        full[:, : self.queries] = self.q_x
        return full

    def weights(self, layers: list[dict[str, np.ndarray]], decode: bool = False) -> np.ndarray:
        """[height, width, n] f16: all layers one after the other; `decode`: as decode wants them on a square mesh."""
        parts = []
        for layer in layers:
            for name, part in self._parts(layer):
                exchanged = decode and name in ("attention_norm", "wo", "bo", "ffn_norm", "w_down")
                parts.append(part.swapaxes(0, 1) if exchanged else part)
        return np.concatenate(parts, -1).astype(np.float16)

    def _parts(self, w: dict[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
        """Sections of a layer in order, [height, width, elements]."""
        qkv = [self._columns(w[name], over) for name, over in (("wq", self.q_x), ("wk", self.kv_x), ("wv", self.kv_x))]
        gate_up = [self._columns(w[name], self.ffn_x) for name in ("w_gate", "w_up")]
        heads_y, ffn_y = self.other_axis(self.heads_x, to_x=False), self.other_axis(self.ffn_x, to_x=False)
        parts = [
            ("attention_norm", self._vector(w["attention_norm"], self.embed_x)),
            ("wqkv", self._tiles(np.concatenate(qkv, 2), self.embed_y)),
        ]
        if self.model.qkv_bias:
            over = {"bq": self.q_x, "bk": self.kv_x, "bv": self.kv_x}
            parts.append(("bqkv", np.concatenate([self._vector(w[name], where) for name, where in over.items()], -1)))
        parts.append(("wo", self._tiles(self._columns(w["wo"], self.embed_x), heads_y)))
        if self.model.o_bias:
            parts.append(("bo", self._vector(w["bo"], self.embed_x)))
        return [
            *parts,
            ("ffn_norm", self._vector(w["ffn_norm"], self.embed_x)),
            ("w_gate_up", self._tiles(np.concatenate(gate_up, 2), self.embed_y)),
            ("w_down", self._tiles(self._columns(w["w_down"], self.embed_x), ffn_y)),
        ]

    def _columns(self, matrix: np.ndarray, over: np.ndarray) -> np.ndarray:
        """matrix [K, N] -> [K, width, columns of a PE]"""
        return picked(matrix.T, over).transpose(2, 0, 1)

    def _tiles(self, columns: np.ndarray, over: np.ndarray) -> np.ndarray:
        """[K, width, columns] -> [height, width, rows * columns]"""
        return picked(columns, over).transpose(0, 2, 1, 3).reshape(self.height, self.width, -1)

    def _vector(self, values: np.ndarray, over: np.ndarray) -> np.ndarray:
        return np.broadcast_to(picked(values, over), (self.height, *over.shape))

    def counts(self, tokens: int) -> np.ndarray:
        """Tokens of each row of PEs."""
        return tokens // self.height + (np.arange(self.height) < tokens % self.height)

    def by_tokens(self, values: np.ndarray, rows: int) -> np.ndarray:
        """[tokens, ...] -> [height, rows, ...]"""
        counts = self.counts(len(values))
        full = np.zeros((self.height, rows, *values.shape[1:]), values.dtype)
        for row, part in enumerate(np.split(values, np.cumsum(counts)[:-1])):
            full[row, : len(part)] = part
        return full

    def tokens_of(self, tiles: np.ndarray, tokens: int) -> np.ndarray:
        """[height, rows, ...] -> [tokens, ...]"""
        return np.concatenate([tiles[row, :count] for row, count in enumerate(self.counts(tokens))])


def picked(values: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """values[indices], zeros for -1."""
    filled = np.concatenate([values, np.zeros((1, *values.shape[1:]), values.dtype)])
    return filled[indices]


def joined(tiles: np.ndarray, over: np.ndarray, length: int) -> np.ndarray:
    """[..., PEs, columns] -> [..., length]: inverse of `picked` along the last dimension."""
    full = np.zeros((*tiles.shape[:-2], length), tiles.dtype)
    used = over.ravel() >= 0
    full[..., over.ravel()[used]] = tiles.reshape(*tiles.shape[:-2], -1)[..., used]
    return full
