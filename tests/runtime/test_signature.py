"""Arguments of launches against declared types."""

import numpy as np
import pytest

from wafersim.runtime.errors import SdkError
from wafersim.runtime.signature import check_words, pack_arguments, parameter_types


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("fn()void", []),
        ("fn() void", []),
        ("fn(i16)void", ["i16"]),
        ("fn(i16, f32, u16) void", ["i16", "f32", "u16"]),
        ("fn(a: i16, b: f32) void", ["i16", "f32"]),
    ],
)
def test_parameter_types(text, types):
    assert parameter_types(text) == types


@pytest.mark.parametrize(
    ("csl", "value", "word"),
    [
        ("i16", np.int16(-1), 0xFFFF),
        ("u16", np.uint16(65535), 0xFFFF),
        ("i32", np.int32(-2), 0xFFFFFFFE),
        ("u32", np.uint32(2**32 - 1), 0xFFFFFFFF),
        ("f32", np.float32(1), 0x3F800000),
        ("f16", np.float16(-2), 0xC000),
        ("bool", np.bool_(True), 1),
        ("i16", 5, 5),
        ("u32", 7, 7),
        ("f32", 0.5, 0x3F000000),
        ("f32", 2, 0x40000000),
    ],
)
def test_words(csl, value, word):
    assert pack_arguments("f", f"fn({csl})void", (value,)) == [word]


@pytest.mark.parametrize(
    ("csl", "value"),
    [
        ("i16", np.int32(1)),
        ("i16", np.uint16(1)),
        ("i16", 40000),
        ("u16", -1),
        ("f32", np.float64(1)),
        ("f32", np.int32(1)),
        ("u32", 1.5),
        ("u32", "1"),
        ("u32", True),
    ],
)
def test_wrong_type_names_argument_and_value(csl, value):
    with pytest.raises(SdkError, match=rf"argument 0 of 'f' must be np\.\w+ \({csl}\), got .*{type(value).__name__}"):
        pack_arguments("f", f"fn({csl})void", (value,))


def test_wrong_count():
    with pytest.raises(SdkError, match=r"'f' has type fn\(i16\)void: expected 1 arguments, got 2"):
        pack_arguments("f", "fn(i16)void", (np.int16(1), np.int16(2)))
    with pytest.raises(SdkError, match="expected 1 arguments, got 0"):
        check_words("f", "fn(i16)void", [])


def test_words_of_call():
    assert check_words("f", "fn(i16,f32)void", np.array([1, 0x3F800000], np.uint32)) == [1, 0x3F800000]
    with pytest.raises(SdkError, match="argument 1 of 'f' is 4294967296, which does not fit into u32"):
        check_words("f", "fn(i16,f32)void", [1, 2**32])
