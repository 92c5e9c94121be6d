"""Cycles of whole models on the WSE-2: a model of the paper, a system and meshes go in, cycles of prefill, of a token
and of a request come out.

Ours are extrapolated: formulas fitted to simulated layers of small models (perfmodel/prefill.py, perfmodel/decode.py),
at the paper's sizes, times the number of layers. T10 and Ladder are modelled (perfmodel/t10.py, perfmodel/ladder.py).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

from waferllm.errors import WaferllmError
from waferllm.llm.shape import Shape
from waferllm.model.checkpoint import config_of
from waferllm.perfmodel import decode, ladder, prefill, t10
from waferllm.tables.table import EXTRAPOLATED, MODELLED, Column

ARCH = "wse2"
CONTEXT = 4096
"""Tokens of the prompt of Table 3, and before the token of Table 4."""
MODELS: Mapping[str, str] = {
    "LLaMA3-8B": "llama-3-8b",
    "LLaMA2-13B": "llama-2-13b",
    "CodeLLaMA-34B": "codellama-34b",
    "QWen2-72B": "qwen2-72b",
}
"""The paper's name -> the file in config/models."""
OURS = "WaferLLM"


@dataclass(frozen=True)
class System:
    """Cycles of one of the systems on the wafer."""

    kind: str
    prefill: Callable[[Shape, int], float]
    """Of a prompt of so many tokens: all layers and the tokens on their way in."""
    between: Callable[[Shape, int], float]
    """From the end of a prompt to the first token of decode."""
    decode: Callable[[Shape, int], float]
    """Of a token with so many before it."""
    formula: str


def _our_prefill(shape: Shape, length: int) -> float:
    cycles = prefill.prompt_cycles(shape, ARCH, length)
    return cycles.layers + cycles.vectors_in + cycles.vector_out


def _our_transition(shape: Shape, length: int) -> float:
    return prefill.prompt_cycles(shape, ARCH, length).transition


def _modelled(formulas: ModuleType, name: str) -> System:
    """A system with formulas for a layer and for a token, and nothing in between."""
    return System(
        MODELLED,
        lambda shape, length: formulas.prefill_cycles(shape, ARCH, length),
        lambda shape, length: 0.0,
        lambda shape, cached: formulas.decode_cycles(shape, ARCH, cached),
        f"perfmodel/{name}.py",
    )


SYSTEMS: Mapping[str, System] = {
    OURS: System(
        EXTRAPOLATED,
        _our_prefill,
        _our_transition,
        lambda shape, cached: decode.decode_cycles(shape, ARCH, cached),
        "perfmodel/prefill.py, decode.py",
    ),
    "T10": _modelled(t10, "t10"),
    "Ladder": _modelled(ladder, "ladder"),
}


def columns(digits: int) -> tuple[Column, ...]:
    """What a system's formula gives, a pair for each kind of number; `digits` of the millions of cycles."""
    pairs = (
        (
            Column(f"{kind}_cycles", "cycles", kind, "Mcycle", digits),
            Column(f"{kind}_tpr", "throughput", kind, "token/s", 1),
        )
        for kind in (EXTRAPOLATED, MODELLED)
    )
    return tuple(itertools.chain.from_iterable(pairs))


def shape_of(model: str, side: int, prompt: int = 0, capacity: int = CONTEXT) -> Shape:
    if model not in MODELS:
        raise WaferllmError(f"no dimensions of model {model!r}, expected one of {', '.join(MODELS)}")
    return Shape(config_of(MODELS[model]), side, side, capacity, prompt)


@functools.cache
def prefill_cycles(model: str, system: str, side: int, length: int = CONTEXT) -> float:
    return SYSTEMS[system].prefill(shape_of(model, side, length), length)


@functools.cache
def decode_cycles(model: str, system: str, side: int, cached: int = CONTEXT) -> float:
    return SYSTEMS[system].decode(shape_of(model, side, capacity=cached + 1), cached)


@functools.cache
def products_share(model: str, side: int, length: int = CONTEXT) -> float:
    """Of our prefill's layers, the part that is products."""
    cycles = prefill.prompt_cycles(shape_of(model, side, length), ARCH, length)
    return cycles.products / cycles.layers


def request_cycles(model: str, system: str, sides: tuple[int, int], given: int, generated: int) -> float:
    """A prompt on a mesh of the first side, the tokens after it on one of the second side. Its first token follows from
    the prompt."""
    first, second = sides
    between = SYSTEMS[system].between(shape_of(model, first, given), given)
    total = prefill_cycles(model, system, first, given) + between
    cached = given
    while cached < given + generated - 1:  # tokens with the same number of entries a row take the same time
        until = min(given + generated - 1, (cached // second + 1) * second)
        total += (until - cached) * decode_cycles(model, system, second, cached)
        cached = until
    return total
