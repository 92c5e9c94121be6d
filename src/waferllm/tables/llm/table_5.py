"""Table 5: the longest output before a PE's memory is full, KV cache by shift against concatenation.

Two accounts of the same memory. Shared: layers share the memory of the whole wafer evenly and nothing is filled up
(`regions.longest`), with what our code and buffers take. Laid out: what `waferllm plan` lays out, whole layers on
regions, everything filled up; 0 if the layers do not all fit.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from waferllm.llm import memory, regions
from waferllm.llm.shape import Shape
from waferllm.paper import PaperValues
from waferllm.tables.llm import speed, table_2
from waferllm.tables.table import KEY, MODELLED, NOTE, PAPER, RATIO, Column, Table, Value

ITEM = "table_5"
COLUMNS = (
    Column("model", "model", KEY),
    Column("side", "mesh side of decode", KEY, "PE"),
    Column("shared_concat", "concatenation, memory shared", MODELLED, "token", 0),
    Column("shared_shift", "shift, memory shared", MODELLED, "token", 0),
    Column("laid_concat", "concatenation, as laid out", MODELLED, "token", 0),
    Column("laid_shift", "shift, as laid out", MODELLED, "token", 0),
    Column("paper_concat", "concatenation", PAPER, "token", 0),
    Column("paper_shift", "shift", PAPER, "token", 0),
    Column("gain", "shift over concatenation, ours", RATIO, "x", 1),
    Column("paper_gain", "shift over concatenation", PAPER, "x", 1),
    Column("gain_to_paper", "of the two, ours over paper", RATIO, "x", 3),
    Column("other_bytes", "code and buffers of a PE", MODELLED, "byte", 0),
    Column("paper_other_bytes", "code and buffers that the paper's numbers leave", MODELLED, "byte", 0),
    Column("weight_bytes", "weights of a PE, memory shared", MODELLED, "byte", 0),
    Column("provenance", "number is", NOTE),
    Column("note", "note", NOTE),
)


@dataclass(frozen=True)
class Account:
    """Of one model on the paper's mesh for decode."""

    side: int
    shared: regions.Longest
    other_bytes: float
    laid_out: int
    """Tokens a row of PEs in the fullest region; 0 if the layers do not all fit."""
    layers: int


def make(paper: PaperValues) -> Table:
    notes = (
        "Memory of a PE: 48 kB less weights (f16), code and buffers; keys and values of a token in f16. Concatenation "
        "ends when the row of PEs that grows is full, shift when all rows are: so the ratio is the number of rows.",
        "Memory shared: the layers share the PEs of the whole wafer evenly and nothing is filled up. As laid out: "
        "whole layers on regions of the mesh, dimensions filled up, as `waferllm plan` does; 0: not all layers fit.",
        "Code and buffers that the paper's numbers leave: what a PE has besides weights and the published number of "
        "tokens.",
    )
    table = Table(
        ITEM,
        "Table 5: longest output, KV cache by shift and by concatenation, from the accounting of memory",
        COLUMNS,
        notes,
    )
    for model, concat in paper.select(ITEM, "concat_based").items():
        shift = paper.number(ITEM, model, "shift_based")
        own = account(model, table_2.sides(paper, model)[1])
        config = speed.shape_of(model, own.side).config
        implied = regions.implied_other_bytes(config, own.side, own.side, speed.ARCH, concat)
        gain = own.shared.shifted / own.shared.concatenated if own.shared.concatenated else own.side
        table.add(
            model=model,
            side=own.side,
            provenance=MODELLED,
            note=difference(own, implied),
            shared_concat=Value(int(own.shared.concatenated), MODELLED),
            shared_shift=Value(int(own.shared.shifted), MODELLED),
            laid_concat=Value(own.laid_out, MODELLED),
            laid_shift=Value(own.laid_out * own.side, MODELLED),
            paper_concat=Value(concat, PAPER),
            paper_shift=Value(shift, PAPER),
            gain=Value(gain, RATIO),
            paper_gain=Value(shift / concat, PAPER),
            gain_to_paper=Value(gain / (shift / concat), RATIO),
            other_bytes=Value(own.other_bytes, MODELLED),
            paper_other_bytes=Value(implied, MODELLED),
            weight_bytes=Value(own.shared.weight_bytes, MODELLED),
        )
    return table


def account(model: str, side: int) -> Account:
    shape = speed.shape_of(model, side, capacity=side)
    other = sum(part.bytes for part in memory.parts(shape, speed.ARCH) if part.kind in ("buffers", "program"))
    shared = regions.longest(shape.config, side, side, speed.ARCH, other)
    return Account(side, shared, other, most_slots(shape), regions.place(shape, speed.ARCH).layers)


def most_slots(shape: Shape) -> int:
    """Entries a PE with which all layers can still be laid out, by halving."""
    fits, fails = 0, memory.limit(speed.ARCH)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        placed = regions.place(dataclasses.replace(shape, capacity=middle * shape.height), speed.ARCH)
        fits, fails = (middle, fails) if placed.complete else (fits, middle)
    return fits


def difference(own: Account, implied: float) -> str:
    text = f"our code and buffers take {own.other_bytes - implied:,.0f} bytes more than the paper's numbers leave"
    if own.shared.concatenated == 0:
        return text + "; with the weights that is more than 48 kB, so the ratio is the number of rows"
    return text if own.laid_out else text + f"; {own.layers} layers are what can be laid out with one entry a PE"
