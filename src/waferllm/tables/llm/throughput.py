"""Tables 3 and 4: tokens a second of prefill and of decode, per request; ours, T10, Ladder and A100s."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from waferllm.llm import regions
from waferllm.paper import PaperValues
from waferllm.tables.llm import speed
from waferllm.tables.table import EXTRAPOLATED, KEY, NOTE, PAPER, RATIO, Cell, Column, Table, Value, value

GPU = "A100"


def columns(share: bool) -> tuple[Column, ...]:
    return (
        Column("model", "model", KEY),
        Column("system", "system", KEY),
        Column("size", "mesh or GPUs", KEY),
        *speed.columns(3),
        Column("paper_tpr", "throughput", PAPER, "token/s", 1),
        Column("to_paper", "ours or modelled over paper", RATIO, "x", 2),
        Column("ahead", "our WaferLLM over this system", RATIO, "x", 1),
        Column("paper_ahead", "WaferLLM over this system", PAPER, "x", 1),
        *((Column("products", "share of the products in the layers", EXTRAPOLATED, "%", 0),) if share else ()),
        Column("layers", "layers on the wafer at once", KEY),
        Column("provenance", "number is", NOTE),
        Column("formula", "formula", NOTE, csv_only=True),
    )


@dataclass(frozen=True)
class Entry:
    """A row of the published table."""

    model: str
    system: str
    size: str
    tpr: float

    @property
    def side(self) -> int:
        """Of the mesh; 0 for GPUs."""
        return 0 if self.size.startswith(GPU) else int(self.size.partition("x")[0])


def entries(paper: PaperValues, item: str) -> list[Entry]:
    found = []
    for row, tpr in paper.select(item, "tpr").items():
        model, system, size = row.split(" / ")
        found.append(Entry(model, system, size, tpr))
    return found


def prefill(paper: PaperValues) -> Table:
    notes = (
        f"Prompts of {speed.CONTEXT} tokens. Ours: cycles of a layer by a formula fitted to simulated prompts of small "
        "models on meshes of up to 12 x 12 PEs (5 % off at most there, 8 % on 16 x 16 PEs, which took no part), at the "
        "model's sizes, times its layers, as the paper scales its larger models; the exchange of weights before decode "
        "is left out here.",
        "Where ours is slower than the paper's it is the attention: our kernel sums the scores of all heads along "
        "whole rows of PEs. The products alone take the share of the column.",
    )
    title = "Table 3: prefill; ours extrapolated by layers, T10 and Ladder modelled"
    return _table("table_3", title, paper, speed.prefill_cycles, speed.CONTEXT, notes, share=True)


def decode(paper: PaperValues) -> Table:
    notes = (
        f"A token with {speed.CONTEXT} before it. Ours: cycles of a token by a formula fitted to simulated tokens of "
        "small models on meshes of up to 12 x 12 PEs (11 % off at most there, 5 % on 16 x 16 PEs, which took no "
        "part), at the model's sizes, all its layers.",
    )
    title = "Table 4: decode; ours extrapolated by layers, T10 and Ladder modelled"
    return _table("table_4", title, paper, speed.decode_cycles, 1, notes, share=False)


COMMON = (
    "T10 and Ladder: PLMR formulas with the costs of the machine table and of our kernels' scalar code, none of them "
    "fitted to published numbers; docs/llm-tables.md has the assumptions. A100s: the paper's numbers of SGLang.",
    "Layers on the wafer at once: what `waferllm plan` lays out over regions of this mesh, weights, cache, buffers "
    "and code accounted; times stand for all layers. 0: our kernel's buffers leave no room for one.",
)


def _table(
    item: str,
    title: str,
    paper: PaperValues,
    cycles_of: Callable[..., float],
    tokens: int,
    notes: tuple[str, ...],
    share: bool,
) -> Table:
    clock = paper.number("machine", "WSE-2", "clock")
    table = Table(item, title, columns(share), (*notes, *COMMON, f"Throughput: tokens x {clock:g} GHz / cycles."))
    found = entries(paper, item)
    ours = {
        (e.model, e.side): tokens * clock * 1e9 / cycles_of(e.model, speed.OURS, e.side)
        for e in found
        if e.system == speed.OURS
    }
    published = {(e.model, e.side): e.tpr for e in found if e.system == speed.OURS}
    for entry in found:
        mesh = reference(entry, ours, published)
        row = {"model": entry.model, "system": entry.system, "size": entry.size, "paper_tpr": Value(entry.tpr, PAPER)}
        row |= own_cells(entry, cycles_of, tokens, clock) | {"provenance": told_of(entry)}
        tpr = row.get(f"{speed.SYSTEMS[entry.system].kind}_tpr") if entry.side else Value(entry.tpr, PAPER)
        assert isinstance(tpr, Value)
        if entry.system != speed.OURS:
            row |= {
                "ahead": Value(ours[mesh] / tpr.number, RATIO),
                "paper_ahead": Value(published[mesh] / entry.tpr, PAPER),
            }
        elif share:
            row["products"] = Value(100 * speed.products_share(entry.model, entry.side), EXTRAPOLATED)
        if entry.side:
            row |= {"to_paper": Value(tpr.number / entry.tpr, RATIO), "layers": laid_out(entry, share)}
        table.add(**row)
    return table


def reference(
    entry: Entry, ours: dict[tuple[str, int], float], published: dict[tuple[str, int], float]
) -> tuple[str, int]:
    """The mesh whose WaferLLM a row is compared with: its own; for GPUs the one on which the paper's is fastest."""
    if entry.side:
        return entry.model, entry.side
    meshes = [mesh for mesh in ours if mesh[0] == entry.model]
    return max(meshes, key=lambda mesh: published[mesh])


def own_cells(entry: Entry, cycles_of: Callable[..., float], tokens: int, clock: float) -> dict[str, Cell]:
    if not entry.side:
        return {}
    system = speed.SYSTEMS[entry.system]
    cycles = cycles_of(entry.model, entry.system, entry.side)
    return {
        f"{system.kind}_cycles": value(cycles / 1e6, system.kind),
        f"{system.kind}_tpr": value(tokens * clock * 1e9 / cycles, system.kind),
        "formula": system.formula,
    }


def told_of(entry: Entry) -> str:
    return speed.SYSTEMS[entry.system].kind if entry.side else PAPER


def laid_out(entry: Entry, prompt: bool) -> str:
    """'23 of 32'; the baselines are given the room that ours has."""
    if entry.system != speed.OURS:
        return ""
    shape = speed.shape_of(entry.model, entry.side, speed.CONTEXT if prompt else 0)
    placement = regions.place(shape, speed.ARCH)
    return f"{placement.layers} of {shape.config.layers}"
