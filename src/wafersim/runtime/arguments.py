"""Arguments of the host program that need no device to be checked: options, paths, arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wafersim.runtime import packing
from wafersim.runtime.errors import SdkError, SdkTypeError

_OPTIONS = {
    "cmaddr": None,
    "suppress_simfab_trace": False,
    "simfab_numthreads": None,
    "msg_level": "WARNING",
    "memcpy_required": True,
    "setup_phase_only": False,
    "run_phase_only": False,
    "wio_flows": None,
    "worker": None,
}
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def resolve_options(options: dict[str, Any]) -> dict[str, Any]:
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise SdkTypeError(f"SdkRuntime() got an unexpected keyword argument '{unknown[0]}'")
    resolved = _OPTIONS | options
    if resolved["cmaddr"]:
        raise SdkError(
            f"cannot connect to cmaddr '{resolved['cmaddr']}': this toolchain has a simulator only; omit it to use it"
        )
    if resolved["msg_level"] not in _LEVELS:
        raise SdkError(f"msg_level must be one of {', '.join(_LEVELS)}, got {resolved['msg_level']!r}")
    if resolved["setup_phase_only"] and resolved["run_phase_only"]:
        raise SdkError("sdk_setup_phase_only and sdk_run_phase_only must be mutual exclusive")
    threads = resolved["simfab_numthreads"]
    if threads is not None and not 1 <= threads <= 64:
        raise SdkError(f"simfab_numthreads must be between 1 and 64, got {threads}")
    return resolved


def path_of(bindir: Any) -> str:
    if not isinstance(bindir, (str, Path)):
        raise SdkTypeError(f"expected the path of a compiled program or SdkCompileArtifacts, got {bindir!r}")
    return str(bindir)


def text_of(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise SdkTypeError(f"{name} must be a string, got {value!r}")
    return value


def refuse_more(method: str, unknown: dict[str, Any]) -> None:
    if unknown:
        raise SdkTypeError(f"{method}() got an unexpected keyword argument '{next(iter(unknown))}'")


def destination(dest: Any, any_width: bool = False) -> np.ndarray:
    """A flat uint32 view of the host's array, which must be writable in place."""
    if not isinstance(dest, np.ndarray):
        raise SdkTypeError(f"dest must be a numpy array, got {type(dest).__name__}")
    if not dest.flags.c_contiguous or not dest.flags.writeable:
        raise SdkTypeError(f"dest must be C-contiguous and writable, got an array with strides {dest.strides}")
    if any_width:
        if dest.nbytes % 4:
            raise SdkTypeError(f"dest has {dest.nbytes} bytes, which is no number of 32-bit words")
        return dest.reshape(-1).view(np.uint8).view(np.uint32)
    return packing.container_words(dest, "dest")


def wavelets(src: Any) -> np.ndarray:
    """The bytes of the host's array as 32-bit words, one wavelet each."""
    if not isinstance(src, np.ndarray):
        raise SdkTypeError(f"src must be a numpy array, got {type(src).__name__}")
    if src.nbytes % 4:
        raise SdkTypeError(f"src has {src.nbytes} bytes, which is no number of 32-bit words")
    return np.ascontiguousarray(src).reshape(-1).view(np.uint8).view(np.uint32)


def result_of(data: np.ndarray | None) -> np.ndarray:
    assert data is not None, "a transfer from the device has a result"
    return data
