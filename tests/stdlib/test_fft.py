"""<kernels/fft>: transforms of random numbers against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from wafersim.cli import cslc

LAYOUT = """
param N: u16;
param width: u16;
param FP: u16;
const memcpy = @import_module("<memcpy/get_params>", .{ .width = width, .height = width });
const fft = @import_module("<kernels/fft/fft3d_layout>", .{ .width = width, .memcpy = memcpy });
layout {
  @set_rectangle(width, width);
  fft.FFT_kernel(width, N, if (FP == 0) f16 else f32);
}
"""

NORMS = ("backward", "ortho", "forward")


def to_pes(values: np.ndarray, width: int) -> np.ndarray:
    """[x, y, z] to what each PE holds: [row, column, (z, y % S, x % S)]."""
    n = len(values)
    s = n // width
    return values.reshape(width, s, width, s, n).transpose(2, 0, 4, 3, 1).reshape(width, width, n * s * s)


def from_pes(held: np.ndarray, n: int) -> np.ndarray:
    width = len(held)
    s = n // width
    return held.reshape(width, width, n, s, s).transpose(1, 4, 0, 3, 2).reshape(n, n, n)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(
    ("n", "width", "ty", "call", "norm"),
    [
        (4, 1, "f32", ("C2C", 0), 0),
        (4, 4, "f32", ("C2C", 0), 1),
        (8, 2, "f32", ("C2C", 1), 2),
        (8, 2, "f16", ("C2C", 0), 2),
        (4, 2, "f32", ("R2C",), 1),
        (4, 2, "f16", ("C2R",), 0),
    ],
)
def test_against_numpy(arch, n, width, ty, call, norm, tmp_path):
    (tmp_path / "layout.csl").write_text(LAYOUT)
    params = f"--params=N:{n},width:{width},FP:{int(ty == 'f32')}"
    fabric = [f"--fabric-dims={width + 7},{width + 2}", "--fabric-offsets=4,1", "--memcpy", "--channels=1"]
    out = str(tmp_path / "out")
    assert cslc.main([str(tmp_path / "layout.csl"), params, *fabric, f"--arch={arch}", "-o", out]) == 0

    dtype = np.float32 if ty == "f32" else np.float16
    rng = np.random.default_rng(n + width)
    values = (rng.random((n, n, n)) + 1j * rng.random((n, n, n))).astype(np.complex64)
    found, cycles = run(out, to_pes(values, width), call, norm, dtype)
    expected = reference(values, call, norm)
    bound = 1e-6 if ty == "f32" else 4e-3
    assert np.abs(from_pes(found, n) - expected).max() < bound * np.abs(expected).max()
    assert (cycles > 0).all()


def reference(values: np.ndarray, call: tuple, norm: int) -> np.ndarray:
    inverse = call == ("C2C", 1) or call == ("C2R",)
    source = values.real if call == ("R2C",) else values
    return (np.fft.ifftn if inverse else np.fft.fftn)(source, norm=NORMS[norm])


def run(out: str, held: np.ndarray, call: tuple, norm: int, dtype) -> tuple[np.ndarray, np.ndarray]:
    """What each PE holds afterwards, and the cycles it took."""
    from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
    from wafersim.runtime.sdkruntime import SdkRuntime

    width, each = len(held), held.shape[2] * 2
    n = next(n for n in (4, 8) if n**3 == held.size)
    half = dtype is np.float16
    bits = np.uint16 if half else np.uint32

    def how(size: MemcpyDataType) -> dict:
        return {"streaming": False, "order": MemcpyOrder.ROW_MAJOR, "data_type": size, "nonblock": False}

    size = MemcpyDataType.MEMCPY_16BIT if half else MemcpyDataType.MEMCPY_32BIT
    runtime = SdkRuntime(out)
    runtime.load()
    runtime.run()

    def put(name: str, data: np.ndarray, count: int) -> None:
        words = data.astype(dtype).view(bits).astype(np.uint32)
        runtime.memcpy_h2d(runtime.get_id(name), words.reshape(-1), 0, 0, width, width, count, **how(size))

    angles = np.pi * np.arange(n // 2) / (n // 2)
    put("twiddle_array", np.tile(np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(-1), width * width), n)
    put("X", np.stack([held.real, held.imag], axis=-1), each)
    runtime.launch(f"csfftExec{call[0]}", np.int16(norm), *(np.int16(value) for value in call[1:]), nonblock=False)
    words = np.zeros(width * width * each, dtype=np.uint32)
    runtime.memcpy_d2h(words, runtime.get_id("X"), 0, 0, width, width, each, **how(size))
    cycles = np.zeros(width * width * 2, dtype=np.uint32)
    runtime.memcpy_d2h(
        cycles, runtime.get_id("fft_time"), 0, 0, width, width, 2, **how(MemcpyDataType.MEMCPY_32BIT)
    )
    runtime.stop()
    pairs = words.astype(bits).view(dtype).astype(np.float64).reshape(width, width, -1, 2)
    return pairs[..., 0] + 1j * pairs[..., 1], cycles[::2]
