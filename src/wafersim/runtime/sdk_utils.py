"""`cerebras.sdk.sdk_utils`: time stamps, 16-bit data in 32-bit containers, checks of launch arguments."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from wafersim import image as images
from wafersim.runtime.errors import SdkError, SdkTypeError
from wafersim.runtime.exports import ExportTable
from wafersim.runtime.signature import DTYPES, parameter_types

MAX_MESSAGE_LENGTH = 2147482624

# --------------------------------------------------------------------------------------------- cycles


def float_to_hex(f: Any) -> str:
    """Bits of a float32 as hexadecimal text."""
    return hex(struct.unpack("<I", struct.pack("<f", f))[0])


def make_u48(words: np.ndarray) -> np.int64:
    """Three 16-bit words, lowest first, as one number."""
    low, middle, high = (int(word) for word in words)
    return np.int64(low + (middle << 16) + (high << 32))


def sub_ts(words: np.ndarray) -> np.int64:
    """End minus start of six 16-bit words: start time stamp, then end time stamp."""
    return np.int64(make_u48(words[3:6]) - make_u48(words[0:3]))


def calculate_cycles(timestamp_buf: np.ndarray) -> np.int64:
    """Elapsed cycles of three 32-bit elements that hold two time stamps of three 16-bit words each."""
    flat = np.ascontiguousarray(timestamp_buf).reshape(-1)
    if flat.size != 3 or flat.dtype.itemsize != 4:
        raise SdkError(f"a time stamp buffer has 3 elements of 4 bytes, got {flat.size} of dtype {flat.dtype}")
    return sub_ts(flat.view("<u2").astype(np.int64))


# ----------------------------------------------------------------------------------------- containers


def memcpy_view(arr: np.ndarray, dtype: Any) -> np.ndarray:
    """The low bytes of each 32-bit element as an array of `dtype`; writes go through."""
    wanted = np.dtype(dtype)
    if arr.dtype.itemsize != 4:
        raise SdkTypeError(f"memcpy_view needs an array with 4 bytes per element, got dtype {arr.dtype}")
    if wanted.itemsize not in (1, 2, 4):
        raise SdkTypeError(f"memcpy_view gives elements of 1, 2 or 4 bytes, {wanted} has {wanted.itemsize}")
    return np.ndarray(arr.shape, wanted, arr.data if arr.flags.c_contiguous else arr, 0, arr.strides)


def input_array_to_u32(np_arr: np.ndarray, sentinel: int | None, fast_dim_sz: int) -> np.ndarray:
    """Elements in the low half of uint32; the high half has the index modulo `fast_dim_sz` or zero."""
    if np_arr.ndim != 1:
        raise SdkTypeError(f"input_array_to_u32 needs a flat array, got shape {np_arr.shape}")
    if np_arr.dtype.itemsize == 4:
        return np_arr.view(np.uint32)
    if np_arr.dtype.itemsize != 2:
        raise SdkTypeError(f"input_array_to_u32 takes elements of 2 or 4 bytes, got dtype {np_arr.dtype}")
    low = np.ascontiguousarray(np_arr).view(np.uint16).astype(np.uint32)
    if sentinel is None:
        return low
    index = np.arange(np_arr.size, dtype=np.uint32) % np.uint32(fast_dim_sz)
    return low | index << np.uint32(16)


def cast_uint32(x: Any) -> Any:
    """The bits of a scalar (or of each element) as uint32; 16-bit ones are zero-extended."""
    if isinstance(x, np.ndarray):
        return _widen(x)
    if isinstance(x, np.generic):
        return _widen(np.array([x]))[0]
    if isinstance(x, bool) or not isinstance(x, (int, float)):
        raise RuntimeError(f"type of x {type(x)} is not supported")
    return np.float32(x).view(np.uint32) if isinstance(x, float) else np.uint32(x)


def _widen(array: np.ndarray) -> np.ndarray:
    if array.dtype.itemsize not in (2, 4) or array.dtype.kind not in "iuf":
        raise RuntimeError(f"type of x {array.dtype} is not supported")
    return array.view(f"u{array.dtype.itemsize}").astype(np.uint32)


# ---------------------------------------------------------------------------------------- launch checks


def get_api_info_dict(app_path: str) -> dict[str, tuple[list[str], list[str]]]:
    """Exported functions of a compiled folder: name -> (parameter names, parameter types)."""
    rpc = Path(app_path) / "out_rpc.json"
    if rpc.is_file():
        return get_api_info_dict_from_json(str(rpc))
    functions = [entry for entry in ExportTable(images.load(app_path)).by_id.values() if entry.is_function]
    types = {entry.name: parameter_types(entry.type) for entry in functions}
    return {name: ([f"arg{index}" for index in range(len(kinds))], kinds) for name, kinds in types.items()}


def get_api_info_dict_from_json(json_path: str) -> dict[str, tuple[list[str], list[str]]]:
    content = json.loads(Path(json_path).read_text(encoding="utf-8"))
    return parse_host_callable_api(content["rpc_symbols"] if "rpc_symbols" in content else content["symbols"])


def parse_host_callable_api(rpc_symbols: Any) -> dict[str, tuple[list[str], list[str]]]:
    """Functions among RPC symbols: name -> (parameter names, parameter types)."""
    return {
        symbol["name"]: (
            [entry["name"] for entry in symbol["inputs"]],
            [entry["type"] for entry in symbol["inputs"]],
        )
        for symbol in rpc_symbols
        if symbol["kind"] == "Func"
    }


def is_valid_primitive_type(para_type: str) -> bool:
    return para_type in DTYPES


def check_rpc_api(name: str, arg_list: list[Any], api_info_dict: dict[str, tuple[list[str], list[str]]]) -> bool:
    """True if the arguments fit the function; raises where a type differs."""
    if name not in api_info_dict:
        raise RuntimeError(f"Cannot find exported function with name '{name}'")
    types = api_info_dict[name][1]
    if len(types) != len(arg_list):
        raise RuntimeError(f"'{name}' takes {len(types)} arguments, got {len(arg_list)}")
    for csl, value in zip(types, arg_list):
        fits = np.asarray(value).dtype == DTYPES.get(csl) if isinstance(value, np.generic) else _plain_fits(csl, value)
        if not fits:
            raise RuntimeError(f"type of {value!r} should be {csl}")
    return True


def _plain_fits(csl: str, value: Any) -> bool:
    if csl not in DTYPES:
        return False
    return DTYPES[csl].kind in ("f" if isinstance(value, float) else "iu")


def getOutputNameFromCompileOptions(option_list: list[str]) -> str:
    """Value of `-o` among the options of a `cslc` command."""
    for index, option in enumerate(option_list):
        if option.startswith(("-o=", "-o ")):
            return option[3:].strip()
        if option == "-o" and index + 1 < len(option_list):
            return option_list[index + 1]
    return "out"
