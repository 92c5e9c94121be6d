"""Tables 7 and 8: energy of prefill and decode on A100s over that on the WSE-2, as the paper has it: power x time.

energy(A100s) / energy(WSE-2) = GPUs x our throughput / (power ratio x theirs); energy itself is not simulated.
"""

from __future__ import annotations

from waferllm.paper import PaperValues
from waferllm.tables.llm import speed
from waferllm.tables.table import EXTRAPOLATED, KEY, NOTE, PAPER, RATIO, Column, Table, Value
from waferllm.tables.table_6 import gpu_count

COLUMNS = (
    Column("model", "model", KEY),
    Column("against", "against", KEY),
    Column("side", "mesh side", KEY, "PE"),
    Column("extrapolated_tpr", "throughput of the WSE-2", EXTRAPOLATED, "token/s", 0),
    Column("extrapolated_joules", "energy of the WSE-2", EXTRAPOLATED, "J/token", 3),
    Column("paper_gpu_tpr", "throughput of the A100s", PAPER, "token/s", 0),
    Column("paper_gpu_joules", "energy of the A100s at their power limit", PAPER, "J/token", 3),
    Column("paper_tpr", "throughput of the WSE-2", PAPER, "token/s", 0),
    Column("energy_ratio", "our energy, A100s over WSE-2", RATIO, "x", 2),
    Column("paper_energy_ratio", "energy, A100s over WSE-2", PAPER, "x", 2),
    Column("from_paper", "the same from the paper's throughputs", RATIO, "x", 2),
    Column("to_paper", "energy ratio, ours over paper", RATIO, "x", 2),
    Column("provenance", "ratio is made of", NOTE),
)


def prefill(paper: PaperValues) -> Table:
    return _table("table_7", "table_3", "Table 7: energy of prefill, A100s over WSE-2, from extrapolated times", paper)


def decode(paper: PaperValues) -> Table:
    return _table("table_8", "table_4", "Table 8: energy of decode, A100s over WSE-2, from extrapolated times", paper)


def _table(item: str, times: str, title: str, paper: PaperValues) -> Table:
    clock, power = paper.number("machine", "WSE-2", "clock"), paper.number("machine", "A100", "power")
    ratio = paper.number("machine", "WSE-2 over one A100", "power_ratio")
    notes = (
        f"Energy is power x time. Power of an A100: {power:g} W (its limit); of the WSE-2: {ratio:g} times that, the "
        "paper's ratio. Neither was measured, and neither depends on the load here.",
        f"Our ratio: GPUs x our throughput / ({ratio:g} x theirs). Ours: {times.replace('_', ' ').title()}, on the "
        "mesh on which the paper's WaferLLM is fastest; the A100s: the paper's SGLang.",
    )
    table = Table(item, title, COLUMNS, notes)
    for row, gpu_tpr in paper.select(item, "sglang_tpr").items():
        model, against = row.split(" / ")
        side = fastest(paper, times, model)
        cycles = speed.prefill_cycles if item == "table_7" else speed.decode_cycles
        tokens = speed.CONTEXT if item == "table_7" else 1
        tpr = tokens * clock * 1e9 / cycles(model, speed.OURS, side)
        published, gpus = paper.number(item, row, "energy_ratio"), gpu_count(against)
        ours = gpus * tpr / (ratio * gpu_tpr)
        theirs = paper.number(item, row, "waferllm_tpr")
        table.add(
            model=model,
            against=against,
            side=side,
            provenance=f"{EXTRAPOLATED} throughput over the paper's of the A100s",
            extrapolated_tpr=Value(tpr, EXTRAPOLATED),
            extrapolated_joules=Value(ratio * power / tpr, EXTRAPOLATED),
            paper_gpu_tpr=Value(gpu_tpr, PAPER),
            paper_gpu_joules=Value(gpus * power / gpu_tpr, PAPER),
            paper_tpr=Value(theirs, PAPER),
            energy_ratio=Value(ours, RATIO),
            paper_energy_ratio=Value(published, PAPER),
            from_paper=Value(gpus * theirs / (ratio * gpu_tpr), RATIO),
            to_paper=Value(ours / published, RATIO),
        )
    return table


def fastest(paper: PaperValues, item: str, model: str) -> int:
    """Side of the mesh on which the paper's own numbers are best: those of Tables 7 and 8."""
    meshes = paper.select(item, "tpr", f"{model} / {speed.OURS} / ")
    return int(max(meshes, key=lambda row: meshes[row]).rpartition(" / ")[2].partition("x")[0])
