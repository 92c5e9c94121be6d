"""The shape of a model on a mesh: configuration, mesh and capacity go in; out comes what a PE holds of each dimension.

A row of PEs has `Et` elements of the residual stream and, of the KV cache, `slots` tokens; a column of PEs has `pairs`
pairs of K's columns (with the same columns of V and those of Q that meet them), `Ft` columns of the FFN and `Vt` words.
Every dimension is filled up with zeros where it does not divide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from waferllm.model import rope
from waferllm.model.config import ModelConfig

CHUNK = 32
SCORES = 150
"""That a PE holds at once in prefill, unless one token of each row needs more."""


@dataclass(frozen=True)
class Shape:
    config: ModelConfig
    width: int
    height: int
    capacity: int
    """Positions of the KV cache that are asked for; a multiple of the height is there."""
    prompt: int = 0
    """Tokens of a prompt that go through the layers together at most; 0: one by one. Needs memory for the kernels."""
    timed: bool = False
    """Whether the kernels measure the cycles of each part of decode."""
    block: int = 0
    """Instead of `prompt`: tokens that go together while the weights stay in decode's places, block by block."""
    group_x: int = 0
    group_y: int = 0
    """Members of a group of the all-reduces along x and y (kernels_csl/lib/line/tree.csl); 0: the root of the line."""

    @property
    def Et(self) -> int:
        return self._whole_slabs(self.config.hidden, self.height)

    @property
    def Ft(self) -> int:
        return self._whole_slabs(self.config.ffn, self.width)

    def _whole_slabs(self, length: int, places: int) -> int:
        """Elements on one of the places; with prefill whole slabs of both axes."""
        slabs = math.lcm(self.width, self.height) if self.prompt else places
        return parts(length, slabs) * (slabs // places)

    @property
    def rows(self) -> int:
        """Tokens of a prompt on a row of PEs."""
        return parts(self.prompt, self.height)

    @property
    def chunk(self) -> int:
        """Tokens whose scores are summed at once in prefill."""
        scores = self.config.heads * max(self.rows, 1)  # of a token in the chunk
        return max(self.rows, min(self.prompt, CHUNK, SCORES // scores))

    @property
    def Vt(self) -> int:
        return parts(self.config.vocab, self.width)

    @property
    def pairs(self) -> int:
        return parts(self.config.kv_width // 2, self.width)

    @property
    def slots(self) -> int:
        return parts(self.capacity, self.height)

    @property
    def n(self) -> int:
        """Columns of K, and of V, on a PE."""
        return 2 * self.pairs

    @property
    def Qt(self) -> int:
        """Columns of Q on a PE."""
        return self.config.group * self.n

    @property
    def Nt(self) -> int:
        """Columns of Q, K and V on a PE."""
        return self.Qt + 2 * self.n

    def params(self) -> dict[str, int]:
        """Of `cslc` for kernels_csl/llm."""
        config = self.config
        own = {name: getattr(self, name) for name in ("width", "height", "Et", "Ft", "Vt", "pairs", "slots", "rows")}
        own |= {"chunk": self.chunk} if self.prompt else {}
        own |= {"block": self.block} if self.block else {}
        own |= {name: group for name in ("group_x", "group_y") if (group := getattr(self, name))}
        return own | {
            "layers": config.layers,
            "vocab": config.vocab,
            "heads": config.heads,
            "group": config.group,
            "half": config.head_dim // 2,
            "qkv_bias": int(config.qkv_bias),
            "o_bias": int(config.o_bias),
            "tied": int(config.tied),
            **({"timed": 1} if self.timed else {}),
        }

    def constants(self) -> np.ndarray:
        """[4] f32: what kernels_csl/llm/pe.csl calls constants."""
        return np.array([self.config.rms_eps, 1 / self.config.hidden, self.config.head_dim**-0.5, 0], np.float32)

    def angles(self) -> np.ndarray:
        """[height, width, slots, 2, pairs] f32: row py has cosines and sines of positions py, py + height, ..."""
        half = self.config.head_dim // 2
        tables = rope.tables(self.config, 0, self.slots * self.height, self.capacity)
        pair = np.arange(self.width * self.pairs)
        both = np.stack([table[:, pair % half] for table in tables], axis=1)  # [positions, 2, width * pairs]
        both[..., pair >= self.config.kv_width // 2] = 0
        shaped = both.reshape(self.slots, self.height, 2, self.width, self.pairs)
        return np.ascontiguousarray(shaped.transpose(1, 3, 0, 2, 4), np.float32)


def parts(length: int, count: int) -> int:
    """Elements on one of `count` PEs."""
    return -(-length // count)
