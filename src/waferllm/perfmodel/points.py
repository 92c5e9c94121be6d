"""Simulated cycles that the formulas of decode and prefill were fitted to: docs/data/llm_points.csv -> points, each
with the shape that was run, and the cycles that the formulas give for it.
"""

from __future__ import annotations

import csv
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from waferllm.llm.shape import Shape
from waferllm.model.checkpoint import config_of
from waferllm.perfmodel import decode, prefill

PATH = Path(__file__).resolve().parents[3] / "docs/data/llm_points.csv"
HELD_OUT = 16
"""Side of the meshes that take no part in the fits."""


@dataclass(frozen=True)
class Point:
    arch: str
    model: str
    changes: str
    """Dimensions other than the model's: 'layers=1 ffn=256'."""
    side: int
    together: int
    prompt: int
    phase: str
    """prefill (kernel's stamps), or decode of a token."""
    cached: int
    cycles: int

    @property
    def shape(self) -> Shape:
        changes = {name: int(number) for name, _, number in (word.partition("=") for word in self.changes.split())}
        config = dataclasses.replace(config_of(self.model), **changes)
        return Shape(config, self.side, self.side, self.prompt + self.side + 2, self.together)

    @property
    def by_formula(self) -> float:
        if self.phase == "prefill":
            return prefill.prompt_cycles(self.shape, self.arch, self.prompt).kernel
        return decode.decode_cycles(self.shape, self.arch, self.cached)


def load_points(path: Path = PATH) -> list[Point]:
    with path.open(newline="", encoding="utf-8") as file:
        return [point(row) for row in csv.DictReader(file)]


def point(row: dict[str, str]) -> Point:
    side, together, prompt, cached, cycles = (
        int(row[name]) for name in ("side", "together", "prompt", "cached", "cycles")
    )
    named = row["arch"], row["model"], row["changes"]
    return Point(*named, side, together, prompt, row["phase"], cached, cycles)
