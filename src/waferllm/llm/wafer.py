"""A generator on the wafer: a model, a mesh and a backend go in; tokens come out of kernels_csl/llm.

The host program runs beside us and answers line by line (kernels_csl/llm/run.py).
"""

from __future__ import annotations

import json
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from waferllm.backends.commands import Commands
from waferllm.errors import CacheFullError, CommandError, ValidationError
from waferllm.llm import prompt_tiles, tiles
from waferllm.llm.shape import Shape
from waferllm.model import tensors as names
from wafersim import machine

NEVER = 0xFFFF
"""A position that no token has."""
LAST_LINES = 30
PARTS = ("norm", "projections", "attention", "ffn", "vocabulary", "rows", "columns", "transition")
"""Of a token, or of a prompt through the layers, as kernels_csl/llm/pe.csl measures them; rows and columns are sums
along lines of PEs, waiting included; the transition is of prompts that go together by MeshGEMM."""


class WaferGenerator:
    """`waferllm.generate.Generator` on a machine. Of a prompt as many tokens as the shape says go through the layers
    together, the rest one by one.

    `cycles` has those of each token, the first `prompted` those of the prompt; `parts`, where the shape is timed, those
    of the parts of each token in decode and of a prompt that goes together; `seconds` the processor time of the host
    program. With `concatenate` only the prompt is balanced over the rows of PEs, what is generated stays in the last.
    """

    def __init__(self, shape: Shape, tensors: Mapping[str, np.ndarray], arch: str, backend: Commands, folder: Path,
                 kernels: Path = Path("kernels_csl"), concatenate: bool = False):  # fmt: skip
        self.shape = shape
        self.concatenate = concatenate
        self.cycles: list[int] = []
        self.prompted = 0
        self.parts: list[dict[str, float]] = []
        self.seconds: list[float] = []
        self.length = 0
        self.held: np.ndarray = np.zeros(shape.height, np.int64)  # tokens in each row of PEs
        self._folder = folder.resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        backend.compile(kernels / "llm/layout.csl", options(shape, arch, backend.whole_fabric), self._folder / "out")
        save_tiles(shape, tensors, self._folder / "tiles.npz")
        self._log: deque[str] = deque(maxlen=LAST_LINES)
        script = str((kernels / "llm/run.py").resolve())
        self._process = subprocess.Popen(
            [*backend.cs_python, script, "--name", "out", "--tiles", "tiles.npz"], cwd=self._folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._answer()

    @property
    def capacity(self) -> int:
        return self.shape.slots * self.shape.height

    def prefill(self, tokens: Sequence[int]) -> int:
        """The token after the prompt, on an empty cache."""
        self.length, self.held[:] = 0, 0
        self._ask(f"reset {len(tokens) if self.concatenate else NEVER}")
        self._concatenating = False
        together = tokens if self.shape.block else tokens[: self.shape.prompt]
        following = self._prompt(together) if len(together) else -1
        for token in tokens[len(together) :]:
            following = self.decode(token)
        self._concatenating = self.concatenate
        self.prompted = len(self.cycles)
        return following

    def _prompt(self, tokens: Sequence[int]) -> int:
        """All tokens through the layers together."""
        if len(tokens) > self.capacity:
            raise CacheFullError(f"the KV cache has {self.capacity} places, the prompt {len(tokens)} tokens")
        answer = self._ask("prompt " + " ".join(map(str, tokens)))
        self.length = len(tokens)
        each, rest = divmod(len(tokens), self.shape.height)
        self.held[:] = each + (np.arange(self.shape.height) < rest)
        return self._next(answer)

    def decode(self, token: int) -> int:
        """The token after `token`."""
        row = self.shape.height - 1 if self._concatenating else self.length % self.shape.height
        if self.held[row] == self.shape.slots:
            raise CacheFullError(
                f"the KV cache is full: row {row} of the PEs holds {self.shape.slots} tokens, {self.length} in all rows"
            )
        answer = self._ask(f"decode {token}")
        self.held[row] += 1
        self.length += 1
        return self._next(answer)

    def _next(self, answer: dict[str, Any]) -> int:
        self.cycles.append(answer["cycles"])
        self.seconds.append(answer.get("seconds", 0.0))
        if "parts" in answer:
            self.parts.append(dict(zip(PARTS, answer["parts"], strict=False)))
        return answer["next"]

    def forget(self) -> None:
        """What has been counted so far."""
        self.prompted = 0
        for counted in (self.cycles, self.seconds, self.parts):
            counted.clear()

    def state(self) -> dict[str, np.ndarray]:
        """Logits of the last token, keys, values and the positions that they belong to, as run.py saves them."""
        path = self._folder / "state.npz"
        self._ask(f"save {path}")
        with np.load(path) as saved:
            return dict(saved)

    def restore(self, path: Path, prompted: int) -> None:
        """The cache of a state that was saved, of a prompt of `prompted` tokens and what was decoded after it."""
        self._ask(f"reset {prompted if self.concatenate else NEVER}")
        self.length = self._ask(f"restore {path.resolve()}")["restored"]
        with np.load(path) as saved:
            self.held[:] = saved["count"]
        self._concatenating = self.concatenate

    def close(self) -> None:
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()

    def __enter__(self) -> WaferGenerator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said before it ended stands in its output
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        """The next line in JSON; everything else that is printed is kept for messages."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
            self._log.append(line)
        code = self._process.wait()
        raise CommandError(f"the host program of the model ended with {code}; its last lines:\n{''.join(self._log)}")


def cache_entries(shape: Shape, state: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """`keys` or `values` of a state in the order of the tokens: [layers, tokens, kv_width]."""
    array = state[name] if name == "values" else state[name].swapaxes(3, 4)  # [height, width, layers, slots, n]
    held = np.arange(shape.slots) < state["count"][:, None]
    positions = state["position"][held]
    if sorted(positions) != list(range(len(positions))):
        raise ValidationError(f"the KV cache holds the tokens {sorted(positions)[:8]}..., expected each once")
    rows = array.transpose(0, 3, 2, 1, 4)[held]  # [tokens, layers, width, n]
    flat = rows.reshape(*rows.shape[:2], -1)[..., : shape.config.kv_width]
    return flat[np.argsort(positions)].swapaxes(0, 1)


def options(shape: Shape, arch: str, whole_fabric: bool = False) -> list[str]:
    """Options of `cslc` besides the layout and the folder."""
    number = machine.load(arch).number
    dims = shape.width + number("fabric.margin_x"), shape.height + number("fabric.margin_y")
    if whole_fabric:
        dims = number("fabric.width"), number("fabric.height")
    return [
        f"--arch={arch}",
        f"--fabric-dims={dims[0]},{dims[1]}",
        f"--fabric-offsets={number('fabric.offset_x')},{number('fabric.offset_y')}",
        "--params=" + ",".join(f"{name}:{value}" for name, value in shape.params().items()),
        "--memcpy",
        "--channels=1",
    ]


def save_tiles(shape: Shape, tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """What the host program copies to the PEs."""
    mesh = (shape.height, shape.width)
    arrays = tiles.split(shape, tensors)
    if shape.prompt and shape.width != shape.height:
        place = prompt_tiles.Placement(shape.config, shape.width, shape.height)
        layers = [names.layer(tensors, number) for number in range(shape.config.layers)]
        arrays["prompt_weights"] = place.weights(layers)
    arrays["angles"] = shape.angles().reshape(*mesh, -1)
    arrays["constants"] = np.ascontiguousarray(np.broadcast_to(shape.constants(), (*mesh, 4)))
    np.savez(path, allow_pickle=False, **arrays)
