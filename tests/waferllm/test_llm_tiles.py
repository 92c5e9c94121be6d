"""Tensors to tiles of kernels_csl/llm and back, on any mesh; damaged tiles are noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waferllm.errors import PartitionError
from waferllm.llm import tiles
from waferllm.llm.shape import Shape
from waferllm.model import rope
from waferllm.model.config import ModelConfig
from waferllm.model.tensors import shapes


def model(kv_heads, group, half, hidden, ffn, vocab, tied, biases) -> ModelConfig:
    return ModelConfig(
        name="any", vocab=vocab, hidden=hidden, layers=2, heads=kv_heads * group, kv_heads=kv_heads, head_dim=2 * half,
        ffn=ffn, rope_theta=10000.0, rms_eps=1e-5, max_positions=64, tied=tied, qkv_bias=biases, o_bias=biases,
    )  # fmt: skip


small = st.integers(1, 4)
configs = st.builds(
    model, kv_heads=small, group=small, half=st.integers(1, 5), hidden=st.integers(1, 20), ffn=st.integers(1, 20),
    vocab=st.integers(1, 30), tied=st.booleans(), biases=st.booleans(),
)  # fmt: skip


def numbered(config: ModelConfig) -> dict[str, np.ndarray]:
    """Every element another number, none 0; exact in f32."""
    found, first = {}, 1
    for name, shape in shapes(config).items():
        found[name] = np.arange(first, first + int(np.prod(shape)), dtype=np.float32).reshape(shape)
        first += found[name].size
    return found


@settings(max_examples=60, deadline=None)
@given(config=configs, width=st.integers(2, 9), height=st.integers(2, 9))
def test_join_is_the_inverse_of_split(config, width, height):
    shape, tensors = Shape(config, width, height, 16), numbered(config)
    arrays = tiles.split(shape, tensors, "f4")
    joined = tiles.join(shape, arrays)
    assert joined.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (joined[name] == tensor).all(), name


def test_a_pe_has_the_columns_of_q_that_meet_its_columns_of_k():
    config = model(kv_heads=2, group=3, half=4, hidden=6, ffn=4, vocab=8, tied=True, biases=False)
    shape = Shape(config, 3, 2, 8)  # 8 pairs on 3 columns of PEs: 3, 3, 2
    arrays = tiles.split(shape, numbered(config), "f4")
    row = arrays["weights"][0, 1, shape.Et :][: shape.Nt]  # of the first element of the stream
    wq = numbered(config)["layers.0.wq"][0].reshape(2, 3, 8)
    expected = [[wq[0, member, 6], wq[0, member, 7], *wq[1, member, :4]] for member in range(3)]
    assert (row[: shape.Qt] == np.ravel(expected)).all()


@pytest.mark.parametrize(("array", "place"), [("weights", 3), ("embedding", 1), ("embedding", -1)])
def test_changed_copies_and_filling_are_noticed(array, place):
    config = model(kv_heads=1, group=2, half=2, hidden=5, ffn=3, vocab=7, tied=True, biases=True)
    shape = Shape(config, 3, 2, 8)
    arrays = tiles.split(shape, numbered(config), "f4")
    damaged = arrays[array].copy()
    damaged[-1, -1, place] += 1  # the last PE: everything it has is a copy or filled up
    with pytest.raises(PartitionError, match=f"'{array}'"):
        tiles.join(shape, arrays | {array: damaged})


def test_rows_have_the_angles_of_their_positions_and_columns_of_their_pairs():
    config = model(kv_heads=2, group=1, half=3, hidden=4, ffn=4, vocab=4, tied=True, biases=False)
    shape = Shape(config, 4, 3, 7)  # 6 pairs on 4 columns: 2, 2, 2 and none
    angles = shape.angles()
    cosine, sine = rope.tables(config, 0, 9)
    assert angles.shape == (3, 4, 3, 2, 2)
    assert (angles[2, 1, 1, 0] == np.array([cosine[5, 2], cosine[5, 0]], np.float32)).all()
    assert (angles[0, 2, 2, 1] == np.array([sine[6, 1], sine[6, 2]], np.float32)).all()
    assert (angles[:, 3] == 0).all()
