"""The paper's claims about whole models: published numbers and formulas -> a number, a verdict's reason, by claim.

Speed-ups are an extrapolated number of ours over a modelled one of T10 or Ladder, on the same mesh; mean over the
paper's models and meshes. The gain of the KV cache is modelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waferllm.paper import PaperValues
from waferllm.tables.llm import speed, table_5, throughput
from waferllm.tables.table import EXTRAPOLATED, MODELLED, RATIO


@dataclass(frozen=True)
class ModelFact:
    number: float
    kind: str
    """Extrapolated, modelled, or a ratio of the two."""
    note: str
    why: str
    """What is known about the reason, where the number is not the paper's."""


WHY_PREFILL = (
    "our prefill sums the scores of all heads along whole rows of PEs, which takes most of its time (table_3); "
    "the models of T10 and Ladder are within 40 % of the paper's numbers"
)
WHY_DECODE = "our decode is 0.6 to 1.0 times, the model of {} {} times as fast as the paper's numbers (table_4)"
WHY_SCALE = "attention decides in our prefill (table_3), and its sums along rows do not get shorter with more PEs"


def speed_up(item: str, baseline: str, cycles_of: Callable[..., float], why: str) -> Callable[[PaperValues], ModelFact]:
    def number(paper: PaperValues) -> ModelFact:
        found = [
            cycles_of(e.model, baseline, e.side) / cycles_of(e.model, speed.OURS, e.side)
            for e in throughput.entries(paper, item)
            if e.system == baseline
        ]
        mean = math.exp(sum(map(math.log, found)) / len(found))
        note = f"geometric mean over models and meshes, {min(found):.3g} to {max(found):.3g}"
        return ModelFact(mean, RATIO, note, why)

    return number


def scale_up(model: str) -> Callable[[PaperValues], ModelFact]:
    def number(paper: PaperValues) -> ModelFact:
        small, large = (speed.prefill_cycles(model, speed.OURS, side) for side in (480, 720))
        note = f"{small / 1e6:,.0f} over {large / 1e6:,.0f} million cycles"
        return ModelFact(small / large, EXTRAPOLATED, note, WHY_SCALE)

    return number


def shift_gain(paper: PaperValues) -> ModelFact:
    """By the accounting of memory: the rows of PEs of the mesh, the least over models."""
    gains = {row["model"]: row["gain"] for row in table_5.make(paper).rows}
    numbers = {str(name): gain.number for name, gain in gains.items() if not isinstance(gain, (str, int, type(None)))}
    told = ", ".join(f"{name} {number:.0f}" for name, number in numbers.items())
    return ModelFact(min(numbers.values()), MODELLED, f"rows of PEs of the mesh: {told}; the least counts", "")


CLAIMS: Mapping[str, Callable[[PaperValues], ModelFact]] = {
    "kv_shift_gain": shift_gain,
    "decode_vs_t10": speed_up("table_4", "T10", speed.decode_cycles, WHY_DECODE.format("T10", "1.2 to 1.4")),
    "decode_vs_ladder": speed_up("table_4", "Ladder", speed.decode_cycles, WHY_DECODE.format("Ladder", "0.4 to 0.5")),
    "prefill_vs_t10": speed_up("table_3", "T10", speed.prefill_cycles, WHY_PREFILL),
    "prefill_vs_ladder": speed_up("table_3", "Ladder", speed.prefill_cycles, WHY_PREFILL),
    "prefill_scaleup_qwen": scale_up("QWen2-72B"),
    "prefill_scaleup_llama3": scale_up("LLaMA3-8B"),
}
"""Claim -> how its number is made."""
