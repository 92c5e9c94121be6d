"""`sdk_utils`: containers, time stamps, checks of launch arguments."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafersim.runtime import sdk_utils
from wafersim.runtime.errors import SdkError, SdkTypeError


@pytest.mark.parametrize("dtype", [np.float16, np.int16, np.uint16])
def test_view_of_the_low_half_writes_through(dtype):
    container = np.zeros(4, np.uint32)
    view = sdk_utils.memcpy_view(container, dtype)
    assert view.dtype == dtype and view.shape == (4,)
    view[:] = [1, 2, 3, 4]
    assert np.array_equal(container, np.array([1, 2, 3, 4], dtype).view(np.uint16).astype(np.uint32))


def test_view_of_bytes_and_words():
    container = np.array([0x11223344], np.uint32)
    assert sdk_utils.memcpy_view(container, np.dtype(np.uint8)).tolist() == [0x44]
    assert sdk_utils.memcpy_view(container, np.uint32).tolist() == [0x11223344]
    assert sdk_utils.memcpy_view(np.array([1.0], np.float32), np.uint32).tolist() == [0x3F800000]


def test_view_keeps_the_shape():
    grid = np.arange(6, dtype=np.uint32).reshape(2, 3)
    assert sdk_utils.memcpy_view(grid, np.int16).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_view_of_other_arrays():
    with pytest.raises(SdkTypeError, match="4 bytes per element, got dtype uint16"):
        sdk_utils.memcpy_view(np.zeros(2, np.uint16), np.uint16)
    with pytest.raises(SdkTypeError, match="elements of 1, 2 or 4 bytes, float64 has 8"):
        sdk_utils.memcpy_view(np.zeros(2, np.uint32), np.float64)


@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=20), st.integers(1, 7))
def test_input_array(values, fast):
    array = np.array(values, np.int16)
    plain = sdk_utils.input_array_to_u32(array, None, fast)
    indexed = sdk_utils.input_array_to_u32(array, 1, fast)
    assert plain.dtype == indexed.dtype == np.uint32
    assert plain.tolist() == [value & 0xFFFF for value in values]
    assert indexed.tolist() == [(place % fast) << 16 | value & 0xFFFF for place, value in enumerate(values)]


def test_input_array_of_32_bits_is_a_view():
    assert sdk_utils.input_array_to_u32(np.array([-1.0], np.float32), None, 1).tolist() == [0xBF800000]


def test_input_array_refuses():
    with pytest.raises(SdkTypeError, match=r"flat array, got shape \(2, 2\)"):
        sdk_utils.input_array_to_u32(np.zeros((2, 2), np.int16), None, 2)
    with pytest.raises(SdkTypeError, match="got dtype float64"):
        sdk_utils.input_array_to_u32(np.zeros(2), None, 2)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (np.float32(1), 0x3F800000),
        (np.float16(1), 0x3C00),
        (np.int16(-1), 0xFFFF),
        (np.int32(-1), 0xFFFFFFFF),
        (7, 7),
        (1.0, 0x3F800000),
    ],
)
def test_cast_uint32(value, word):
    assert sdk_utils.cast_uint32(value) == word
    assert sdk_utils.cast_uint32(value).dtype == np.uint32


def test_cast_uint32_refuses():
    for value in ("1", np.float64(1), None):
        with pytest.raises(RuntimeError, match="is not supported"):
            sdk_utils.cast_uint32(value)
    assert sdk_utils.cast_uint32(np.array([-1, 2], np.int16)).tolist() == [0xFFFF, 2]


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
def test_cycles(start, end):
    words = [stamp >> shift & 0xFFFF for stamp in (start, end) for shift in (0, 16, 32)]
    buffer = np.array(words, np.uint16).view(np.uint32)
    assert sdk_utils.calculate_cycles(buffer) == end - start
    assert sdk_utils.calculate_cycles(buffer.view(np.float32)) == end - start
    assert sdk_utils.make_u48(np.array(words[3:], np.uint16)) == end
    assert sdk_utils.sub_ts(np.array(words, np.uint16)) == end - start


def test_cycles_of_another_buffer():
    with pytest.raises(SdkError, match="3 elements of 4 bytes, got 6 of dtype uint16"):
        sdk_utils.calculate_cycles(np.zeros(6, np.uint16))


def test_float_to_hex():
    assert sdk_utils.float_to_hex(np.float32(1)) == "0x3f800000"


def test_api_of_a_compiled_folder(out):
    api = sdk_utils.get_api_info_dict(str(out))
    assert api["keep"] == (["arg0", "arg1"], ["i16", "f32"])
    assert api["nothing"] == ([], [])
    assert "words" not in api
    assert sdk_utils.check_rpc_api("keep", [np.int16(1), np.float32(2)], api)
    assert sdk_utils.check_rpc_api("keep", [1, 2.0], api)
    for arguments, message in ([[1], "takes 2 arguments, got 1"], [[np.int32(1), 2.0], "should be i16"]):
        with pytest.raises(RuntimeError, match=message):
            sdk_utils.check_rpc_api("keep", arguments, api)
    with pytest.raises(RuntimeError, match="Cannot find exported function with name 'typo'"):
        sdk_utils.check_rpc_api("typo", [], api)


def test_api_from_json(tmp_path):
    symbols = [
        {"id": 7, "kind": "Func", "name": "foo", "inputs": [{"name": "x", "type": "f32"}], "type": "void"},
        {"id": 8, "kind": "Var", "name": "y", "type": "f32"},
    ]
    (tmp_path / "out_rpc.json").write_text(json.dumps({"rpc_symbols": symbols}))
    assert sdk_utils.get_api_info_dict(str(tmp_path)) == {"foo": (["x"], ["f32"])}


def test_primitive_types():
    assert all(map(sdk_utils.is_valid_primitive_type, ("i16", "u16", "i32", "u32", "f16", "f32")))
    assert not sdk_utils.is_valid_primitive_type("comptime_int")


@pytest.mark.parametrize("words", ["cslc a.csl -o out1 --memcpy", "cslc -o=out1 a.csl"])
def test_output_name(words):
    assert sdk_utils.getOutputNameFromCompileOptions(words.split()) == "out1"
