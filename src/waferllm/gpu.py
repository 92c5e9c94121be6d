"""Stage `gpu`: GEMV and decode with PyTorch on a CUDA GPU -> a record of times, for comparing with the wafer's.

Off unless the configuration asks for it. The operations are written for NumPy and PyTorch alike, so that tests check
what they compute without a GPU. Decode: one layer with random weights is timed and multiplied with the layers, then the
output matrix is added; the same model sizes and the same context as the paper's Table 4.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from waferllm import artifacts
from waferllm.errors import WaferllmError
from waferllm.model.checkpoint import config_of
from waferllm.model.config import ModelConfig

SIZES = (16384, 32768)
"""Of the GEMVs: the paper's Table 6."""
MODELS: Mapping[str, str] = {"LLaMA3-8B": "llama-3-8b", "LLaMA2-13B": "llama-2-13b"}
CONTEXT = 4096
WARM, REPEATS, CALLS = 5, 9, 20
"""Calls before, measurements, calls a measurement."""


class GpuError(WaferllmError):
    """There is no GPU to measure on, or no PyTorch to do it with."""


# ------------------------------------------------------------------------------------ what is timed


def gemv(weights: Any, x: Any) -> Any:
    """weights [n, m], x [m] -> [n]"""
    return weights @ x


def norm(xp: ModuleType, x: Any, weight: Any, eps: float) -> Any:
    return x / xp.sqrt((x * x).mean() + eps) * weight


def turn(xp: ModuleType, x: Any, cosine: Any, sine: Any) -> Any:
    """RoPE on x [H, d]: columns 2i and 2i + 1 by angle i."""
    even, odd = x[:, 0::2], x[:, 1::2]
    return xp.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).reshape(x.shape)


def decode_layer(
    xp: ModuleType, config: ModelConfig, w: Mapping[str, Any], x: Any, keys: Any, values: Any, angles: tuple[Any, Any]
) -> Any:
    """One token x [E] through a layer; keys, values [T, H/G, d], whose last row is this token's and is written here."""
    size, shared = config.head_dim, config.kv_heads
    normed = norm(xp, x, w["attention_norm"], config.rms_eps)
    q, k, v = (normed @ w[name] for name in ("wq", "wk", "wv"))
    if config.qkv_bias:
        q, k, v = q + w["bq"], k + w["bk"], v + w["bv"]
    keys[-1] = turn(xp, k.reshape(shared, size), *angles)
    values[-1] = v.reshape(shared, size)
    q = turn(xp, q.reshape(config.heads, size), *angles).reshape(shared, config.group, size)
    scores = xp.einsum("kgd,tkd->kgt", q, keys) * size**-0.5
    grown = xp.exp(scores - scores.max())
    mixed = xp.einsum("kgt,tkd->kgd", grown / grown.sum(-1)[..., None], values)
    x = x + mixed.reshape(config.q_width) @ w["wo"]
    normed = norm(xp, x, w["ffn_norm"], config.rms_eps)
    gate = normed @ w["w_gate"]
    return x + (gate / (1 + xp.exp(-gate)) * (normed @ w["w_up"])) @ w["w_down"]


# -------------------------------------------------------------------------------------- measuring


def cuda() -> ModuleType:
    """PyTorch with a GPU that it can use."""
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise GpuError(
            "PyTorch is not installed; 'pip install torch', or leave the setting gpu at false"
        ) from None
    if not torch.cuda.is_available():
        raise GpuError("PyTorch finds no CUDA GPU on this machine; leave the setting gpu at false")
    return torch


def seconds_of(
    call: Callable[[], object],
    synchronise: Callable[[], object],
    clock: Callable[[], float] = time.perf_counter,
    repeats: int = REPEATS,
    calls: int = CALLS,
) -> float:
    """Median time of a call, several calls a measurement."""
    for _ in range(WARM):
        call()
    found = []
    for _ in range(repeats):
        synchronise()
        begin = clock()
        for _ in range(calls):
            call()
        synchronise()
        found.append((clock() - begin) / calls)
    return statistics.median(found)


def tokens_a_second(layer: float, output: float, layers: int) -> float:
    """Of a model whose layers take the same time each."""
    return 1 / (layers * layer + output)


def captured(torch: Any, call: Callable[[], object]) -> Callable[[], object]:
    """The call as a CUDA graph, so that launching costs little, as serving systems do."""
    torch.cuda.synchronize()  # what it reads is there before another stream begins
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(WARM):
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def measure_gemv(torch: Any, size: int) -> dict[str, Any]:
    weights = torch.randn(size, size, dtype=torch.float16, device="cuda")
    x = torch.randn(size, dtype=torch.float16, device="cuda")
    time_s = seconds_of(captured(torch, lambda: gemv(weights, x)), torch.cuda.synchronize)
    return {"what": "gemv", "name": f"GEMV {size // 1024}K", "milliseconds": 1e3 * time_s}


def measure_decode(torch: Any, name: str, config: ModelConfig) -> dict[str, Any]:
    from waferllm.model.tensors import layer_shapes

    def made(*shape: int) -> Any:
        return torch.randn(*shape, dtype=torch.float16, device="cuda") * 0.02

    weights = {tensor: made(*shape) for tensor, shape in layer_shapes(config).items()}
    keys, values = (made(CONTEXT + 1, config.kv_heads, config.head_dim) for _ in range(2))
    angles = made(config.head_dim // 2), made(config.head_dim // 2)
    x, output = made(config.hidden), made(config.vocab, config.hidden)
    layer = captured(torch, lambda: decode_layer(torch, config, weights, x, keys, values, angles))
    layer_s = seconds_of(layer, torch.cuda.synchronize)
    output_s = seconds_of(captured(torch, lambda: gemv(output, x)), torch.cuda.synchronize)
    tpr = tokens_a_second(layer_s, output_s, config.layers)
    return {
        "what": "decode",
        "name": name,
        "layer_ms": 1e3 * layer_s,
        "output_ms": 1e3 * output_s,
        "tokens_a_second": tpr,
    }


def measure(out: str | Path, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Writes the record."""
    torch = cuda()
    rows = [measure_gemv(torch, size) for size in sizes]
    rows += [measure_decode(torch, name, config_of(file)) for name, file in MODELS.items()]
    record = {"device": torch.cuda.get_device_name(0), "torch": torch.__version__, "context": CONTEXT, "rows": rows}
    artifacts.write_json(out, "gpu", record, {})
    return record
