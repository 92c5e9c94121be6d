"""Prefill on the mesh (lib/llm/prefill.csl) gives the stream, K and V that NumPy gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kernels.llm_placement import Model, Placement, joined, picked

from wafersim.cli import cslc

PROGRAM = Path(__file__).parent / "csl/llm_prefill"
EPS = 1e-5
MHA = Model(hidden=20, layers=2, heads=4, kv_heads=4, head_dim=6, ffn=28)
GQA = Model(hidden=24, layers=2, heads=6, kv_heads=2, head_dim=8, ffn=40, qkv_bias=True)
MQA = Model(hidden=16, layers=2, heads=3, kv_heads=1, head_dim=8, ffn=24, o_bias=True)


def random_layer(model: Model, rng: np.random.Generator) -> dict[str, np.ndarray]:
    q, kv = model.heads * model.head_dim, model.kv_heads * model.head_dim
    wide, hidden = model.ffn, model.hidden
    shapes = {"wq": (hidden, q), "wk": (hidden, kv), "wv": (hidden, kv), "wo": (q, hidden), "w_gate": (hidden, wide),
              "w_up": (hidden, wide), "w_down": (wide, hidden)}
    layer = {name: rng.normal(0, shape[0] ** -0.5, shape) for name, shape in shapes.items()}
    layer |= {name: rng.normal(0, 0.5, size) for name, size in (("bq", q), ("bk", kv), ("bv", kv), ("bo", hidden))}
    layer |= {name: rng.uniform(0.5, 1.5, hidden) for name in ("attention_norm", "ffn_norm")}
    return {name: values.astype(np.float16) for name, values in layer.items()}


class Reference:
    """Layers in f64; `rounded`: to f16 where the machine rounds."""

    def __init__(self, model: Model, layers: list[dict[str, np.ndarray]], rounded: bool):
        self.model, self.rounded = model, rounded
        self.layers = [{name: values.astype(np.float64) for name, values in layer.items()} for layer in layers]
        self.keys: list[np.ndarray] = []
        self.values: list[np.ndarray] = []

    def half(self, values: np.ndarray) -> np.ndarray:
        return values.astype(np.float16).astype(np.float64) if self.rounded else values

    def run(self, x: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """x [L, hidden], angles [L, 2, head_dim / 2] -> [L, hidden]"""
        for w in self.layers:
            x = x + self.attention(w, self.norm(x, w["attention_norm"]), angles) @ w["wo"]
            if self.model.o_bias:
                x = x + w["bo"]
            h = self.norm(x, w["ffn_norm"])
            gate = h @ w["w_gate"]
            x = x + self.half(gate / (1 + np.exp(-gate)) * (h @ w["w_up"])) @ w["w_down"]
        return x

    def norm(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return self.half(x / np.sqrt((x * x).mean(1, keepdims=True) + EPS) * weight)

    def attention(self, w: dict[str, np.ndarray], h: np.ndarray, angles: np.ndarray) -> np.ndarray:
        model, tokens = self.model, len(h)
        biased = model.qkv_bias
        q, k, v = (h @ w["w" + name] + (w["b" + name] if biased else 0) for name in "qkv")
        q = self.turn(q.reshape(tokens, model.heads, -1), angles)
        k = self.turn(k.reshape(tokens, model.kv_heads, -1), angles)
        v = self.half(v).reshape(tokens, model.kv_heads, -1)
        self.keys.append(k.reshape(tokens, -1))
        self.values.append(v.reshape(tokens, -1))
        k, v = (np.repeat(part, model.group, 1) for part in (k, v))
        scores = np.einsum("thd,shd->hts", q, k) * model.head_dim**-0.5
        scores = np.where(np.arange(tokens)[None, :] > np.arange(tokens)[:, None], -np.inf, scores)
        grown = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = np.einsum("hts,shd->thd", self.half(grown), v) / grown.sum(-1).T[:, :, None]
        return self.half(mixed.reshape(tokens, -1))

    def turn(self, x: np.ndarray, angles: np.ndarray) -> np.ndarray:
        even, odd = x[..., 0::2], x[..., 1::2]
        cosine, sine = angles[:, None, 0], angles[:, None, 1]
        turned = np.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1)
        return self.half(turned.reshape(x.shape))


def angles_of(model: Model, tokens: int) -> np.ndarray:
    """[tokens, 2, head_dim / 2]"""
    half = model.head_dim // 2
    angles = np.arange(tokens)[:, None] * 100.0 ** (-np.arange(half) / half)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def simulate(
    folder: Path, arch: str, place: Placement, layers: list[dict], x: np.ndarray, angles: np.ndarray, chunk: int
) -> dict[str, np.ndarray]:
    model, tokens = place.model, len(x)
    rows = int(place.counts(tokens).max())
    given = {
        "width": place.width, "height": place.height, "layers": model.layers, "heads": model.heads,
        "group": model.group, "half": model.head_dim // 2, "pairs": place.pairs, "most_rows": rows, "chunk": chunk,
        "qkv_bias": int(model.qkv_bias), "o_bias": int(model.o_bias),
    } | {f"{name}_slab": size for name, size in place.sizes.items()}
    arguments = [
        *(str(PROGRAM / "layout.csl"), f"--arch={arch}", "-o", str(folder / "out"), "--memcpy", "--channels=1"),
        *(f"--fabric-dims={place.width + 7},{place.height + 2}", "--fabric-offsets=4,1"),
        "--params=" + ",".join(f"{name}:{value}" for name, value in given.items()),
    ]
    assert cslc.main(arguments) == 0, "cslc fails: its messages are in the captured output"
    mesh = place.height, place.width
    pair = np.where(place.kv_x[:, ::2] < 0, 0, place.kv_x[:, ::2] % model.head_dim // 2)  # [width, pairs]
    turns = place.by_tokens(angles[:, :, pair], rows).transpose(0, 3, 1, 2, 4)
    constants = np.array([EPS, 1 / model.hidden, model.head_dim**-0.5], np.float32)
    cache = model.layers * rows * 2 * place.pairs
    np.savez(
        folder / "in.npz",
        weights=place.weights(layers),
        angles=turns.reshape(*mesh, -1),
        constants=np.broadcast_to(constants, (*mesh, 3)),
        x=picked(place.by_tokens(x, rows).transpose(2, 0, 1), place.embed_x).transpose(2, 0, 3, 1).reshape(*mesh, -1),
        last=np.zeros((*mesh, place.embed_y.shape[1]), np.float32),
        again=np.zeros((*mesh, place.embed_x.shape[1]), np.float32),
        keys=np.zeros((*mesh, cache), np.float16),
        values=np.zeros((*mesh, cache), np.float16),
    )
    command = [sys.executable, "-m", "wafersim.cli.cs_python", str(PROGRAM / "run.py"), "out", str(tokens)]
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    found = dict(np.load(folder / "out.npz"))
    columns = model.kv_heads * model.head_dim
    keys = found["keys"].reshape(*mesh, model.layers, -1, rows).transpose(0, 4, 2, 1, 3)
    values = found["values"].reshape(*mesh, model.layers, rows, -1).transpose(0, 3, 2, 1, 4)
    check_transition(place, layers, found, tokens)
    stream = found["x"].reshape(*mesh, rows, -1).transpose(0, 2, 1, 3)
    return {
        "x": joined(place.tokens_of(stream, tokens), place.embed_x, model.hidden),
        "keys": joined(place.tokens_of(keys, tokens), place.kv_x, columns),
        "values": joined(place.tokens_of(values, tokens), place.kv_x, columns),
    }


def check_transition(place: Placement, layers: list[dict], found: dict[str, np.ndarray], tokens: int) -> None:
    """The last token's stream has gone over y and over x again, the weights are those of decode."""
    row = np.flatnonzero(place.counts(tokens))[-1]
    rows, size = place.counts(tokens).max(), place.embed_x.shape[1]
    stream = found["x"][row].reshape(place.width, rows, size)[:, place.counts(tokens)[row] - 1]
    last = joined(stream, place.embed_x, place.model.hidden)
    assert (found["last"] == picked(last, place.embed_y)[:, None]).all()
    assert (found["again"] == stream).all()
    if place.width == place.height:
        assert (found["weights"] == place.weights(layers, decode=True)).all()


def check(folder: Path, arch: str, mesh: tuple[int, int], model: Model, tokens: int, chunk: int) -> None:
    rng = np.random.default_rng(1)
    place = Placement(model, *mesh)
    layers = [random_layer(model, rng) for _ in range(model.layers)]
    x, angles = rng.normal(0, 1, (tokens, model.hidden)).astype(np.float32), angles_of(model, tokens)
    found = simulate(folder, arch, place, layers, x, angles, chunk)
    # what the machine rounds to f16 moves the result so far; other places of the rounding as far again at most
    exact, near = (Reference(model, layers, rounded) for rounded in (False, True))
    wanted = {"x": (exact.run(x, angles), near.run(x, angles))}
    wanted |= {name: tuple(np.stack(getattr(r, name), 1) for r in (exact, near)) for name in ("keys", "values")}
    for name, (right, rounded) in wanted.items():
        bound = 2 * np.abs(rounded - right).max()
        assert np.abs(found[name] - right).max() <= bound, name


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("mesh", [(4, 4), (6, 4)], ids=str)
@pytest.mark.parametrize("model", [MHA, GQA, MQA], ids=["mha", "gqa", "mqa"])
def test_prefill(tmp_path, arch, mesh, model):
    check(tmp_path, arch, mesh, model, tokens=10, chunk=7)


@pytest.mark.parametrize(
    ("arch", "mesh", "tokens", "chunk"),
    [("wse2", (8, 8), 5, 3), ("wse3", (8, 8), 19, 30), ("wse3", (2, 3), 1, 1), ("wse2", (3, 2), 7, 4)],
    ids=str,
)
def test_fewer_tokens_than_rows_and_more(tmp_path, arch, mesh, tokens, chunk):
    check(tmp_path, arch, mesh, GQA, tokens, chunk)
