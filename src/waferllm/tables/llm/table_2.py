"""Table 2: tokens a second of a whole request, prompt and output; ours, T10, Ladder and A100s."""

from __future__ import annotations

import re

from waferllm.paper import PaperValues
from waferllm.tables.llm import speed
from waferllm.tables.table import KEY, NOTE, PAPER, RATIO, Cell, Column, Table, Value

ITEM = "table_2"
REQUEST = re.compile(r"in(\d+)_out(\d+)")
COLUMNS = (
    Column("model", "model", KEY),
    Column("system", "system", KEY),
    Column("device", "device", KEY),
    Column("given", "prompt", KEY, "token"),
    Column("generated", "output", KEY, "token"),
    *speed.columns(0),
    Column("paper_tpr", "throughput", PAPER, "token/s", 1),
    Column("to_paper", "ours or modelled over paper", RATIO, "x", 2),
    Column("ahead", "our WaferLLM over this system", RATIO, "x", 1),
    Column("paper_ahead", "WaferLLM over this system", PAPER, "x", 1),
    Column("provenance", "number is", NOTE),
    Column("formula", "formula", NOTE, csv_only=True),
)


def make(paper: PaperValues) -> Table:
    clock = paper.number("machine", "WSE-2", "clock")
    meshes = {model: sides(paper, model) for model in models(paper)}
    told = "; ".join(f"{model}: {first} x {first} and {second} x {second}" for model, (first, second) in meshes.items())
    notes = (
        f"Output tokens over the time of prompt and output, at {clock:g} GHz, on the paper's meshes for prefill and "
        f"decode ({told}).",
        "Ours: prefill and decode as in Tables 3 and 4 (formulas fitted to simulated layers of small models, times the "
        "layers; each token with the cache that it finds), with the exchange of weights before and after the prompt. "
        "Moving the cache from one mesh to the other is not counted.",
        "T10 and Ladder: as in Tables 3 and 4, nothing between prompt and output. A100s: the paper's numbers of "
        "SGLang.",
    )
    table = Table(ITEM, "Table 2: whole requests; ours extrapolated by layers, T10 and Ladder modelled", COLUMNS, notes)
    for value in paper.rows:
        found = REQUEST.fullmatch(value.column)
        if value.item != ITEM or not found:
            continue
        model, system, device = value.row.split(" / ")
        given, generated = int(found[1]), int(found[2])
        ours = tpr(model, speed.OURS, meshes[model], given, generated, clock)
        published = paper.number(ITEM, f"{model} / {speed.OURS} / WSE-2 x 1", value.column)
        row: dict[str, Cell] = {
            "model": model,
            "system": system,
            "device": device,
            "given": given,
            "generated": generated,
            "paper_tpr": Value(value.value, PAPER),
            "provenance": PAPER,
        }
        their = value.value
        if system in speed.SYSTEMS:
            kind = speed.SYSTEMS[system].kind
            their = tpr(model, system, meshes[model], given, generated, clock)
            row |= {
                f"{kind}_cycles": Value(generated / their * clock * 1e3, kind),
                f"{kind}_tpr": Value(their, kind),
                "to_paper": Value(their / value.value, RATIO),
                "provenance": kind,
                "formula": speed.SYSTEMS[system].formula,
            }
        if system != speed.OURS:
            row |= {"ahead": Value(ours / their, RATIO), "paper_ahead": Value(published / value.value, PAPER)}
        table.add(**row)
    return table


def models(paper: PaperValues) -> list[str]:
    return [row.partition(" / ")[0] for row in paper.select(ITEM, "prefill")]


def sides(paper: PaperValues, model: str) -> tuple[int, int]:
    """Of the meshes of prefill and of decode."""
    first, second = (int(paper.number(ITEM, f"{model} / mesh", part)) for part in ("prefill", "decode"))
    return first, second


def tpr(model: str, system: str, meshes: tuple[int, int], given: int, generated: int, clock: float) -> float:
    return generated * clock * 1e9 / speed.request_cycles(model, system, meshes, given, generated)
