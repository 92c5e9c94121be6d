"""The paper's claims, each with our number and a verdict: reproduced, not reproduced, not testable here.

A test takes the rows of one kind (simulated on the largest simulated mesh, lines of the paper's meshes, or extrapolated
to them) and gives a number, or None where the rows do not carry one. Runs of the paper's sizes decide, then lines, then
the extrapolated number, else the largest mesh; claims about the design are decided by the modelled number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from waferllm.measurements import MeasurementError, Measurements
from waferllm.paper import Claim, PaperValues
from waferllm.tables import figure_9, figure_10, table_6
from waferllm.tables.design import DESIGN
from waferllm.tables.llm import claims as models
from waferllm.tables.llm import speed
from waferllm.tables.scaling import Row, targets
from waferllm.tables.table import (
    EXTRAPOLATED,
    KEY,
    LINE,
    MODELLED,
    NOTE,
    NUMBERS,
    PAPER,
    RATIO,
    Cell,
    Column,
    Table,
    Value,
    told,
    value,
)

REPRODUCED, NOT_REPRODUCED, NOT_TESTABLE = "reproduced", "not reproduced", "not testable here"
SAME = 0.10
"""A claim of a single number is reproduced within this fraction of it."""
FLAT = 1.05
"""Cycles that rise by less are called flat."""
BASELINES = ("summa", "cannon")


def columns(run: str) -> tuple[Column, ...]:
    return (
        Column("id", "claim", KEY),
        Column("where", "where", KEY),
        Column("claim", "what the paper says", KEY),
        Column("unit", "unit", KEY),
        Column("paper_low", "at least", PAPER),
        Column("paper_high", "at most", PAPER),
        Column("arch", "machine", KEY),
        Column(run, "paper's mesh, or the largest run", run),
        Column(run + LINE, "paper's mesh", run + LINE),
        Column("extrapolated", "paper's mesh", EXTRAPOLATED),
        Column("modelled", "by design", MODELLED),
        Column("ratio", "extrapolated ours over modelled baseline", RATIO),
        Column("verdict", "verdict", NOTE),
        Column("provenance", "decided by", NOTE),
        Column("note", "note", NOTE),
    )


@dataclass(frozen=True)
class Found:
    """Our number for a claim, and how it is made."""

    number: float
    note: str
    holds: bool | None = None
    """For claims that are no range of numbers."""


@dataclass(frozen=True)
class Test:
    number: Callable[[Sequence[Row]], Found | None]
    why: str
    """What is known about the reason, for a claim that is not reproduced."""
    lacks: str = "the runs do not carry the formula, see the notes of the item's table"
    """What it means that there is no number."""


# ------------------------------------------------------------------------------------------------- tests
def select(rows: Sequence[Row], kernels: Iterable[str], largest: bool = False) -> list[Row]:
    """Rows of the kernels that have cycles; with `largest`, on the largest mesh only."""
    found = [row for row in rows if row.series.kernel in kernels and row.cycles]
    side = max((row.side for row in found), default=0)
    return [row for row in found if row.side == side] if largest else found


def spread(numbers: Sequence[float]) -> str:
    return f"{min(numbers):.3g} to {max(numbers):.3g}"


def slowdowns(kernels: tuple[str, ...]) -> Callable[[Sequence[Row]], Found | None]:
    def test(rows: Sequence[Row]) -> Found | None:
        found = [row.slowdown for row in select(rows, kernels) if row.slowdown]
        if not found:
            return None
        mean = math.exp(sum(map(math.log, found)) / len(found))
        return Found(mean, f"geometric mean over sizes and meshes, {spread(found)}")
    return test


def share(kernels: tuple[str, ...], pick: Callable[..., float], of: str) -> Callable[[Sequence[Row]], Found | None]:
    """Share of compute or communication on the largest mesh, of all sizes the one that is worst for the claim."""
    def test(rows: Sequence[Row]) -> Found | None:
        shares = [row.communication for row in select(rows, kernels, largest=True) if row.communication is not None]
        shares = [1 - part if of == "compute" else part for part in shares]
        return Found(pick(shares), f"{of} over all cycles, {spread(shares)} over sizes") if shares else None
    return test


def saved_on_large(rows: Sequence[Row]) -> Found | None:
    """1 - MeshGEMM / baseline on the largest matrix, the least of both baselines and all meshes."""
    found = [row for row in select(rows, BASELINES) if row.slowdown]
    largest = max((row.side * row.tile for row in found), default=0)
    saved = [1 - 1 / row.slowdown for row in found if row.slowdown and row.side * row.tile > 0.9 * largest]
    return Found(min(saved), f"least over baselines and meshes, {spread(saved)}") if saved else None


def slow_down_2k(rows: Sequence[Row]) -> Found | None:
    """Cycles on 720 x 720 over those on 360 x 360; holds if both baselines rise and MeshGEMM does not."""
    cycles = {(row.series.kernel, row.side): row.cycles for row in rows if row.problem == "GEMM 2K" and row.cycles}
    kernels = ("meshgemm", *BASELINES)
    if any((kernel, side) not in cycles for kernel in kernels for side in (360, 720)):
        return None
    rise = {kernel: cycles[kernel, 720] / cycles[kernel, 360] for kernel in kernels}
    holds = rise["meshgemm"] <= FLAT and all(rise[kernel] > FLAT for kernel in BASELINES)
    told = ", ".join(f"{kernel} {rise[kernel]:.2f}" for kernel in kernels)
    return Found(rise["meshgemm"], f"cycles at 720 over cycles at 360: {told}", holds)


def fastest_tree(rows: Sequence[Row]) -> Found | None:
    """K of the tree with the least cycles, summed over problems and meshes that all trees have."""
    cycles: dict[int, dict[tuple[str, int], float]] = {}
    for row in select(rows, ("meshgemv",)):
        cycles.setdefault(row.series.phases, {})[row.problem, row.side] = row.cycles or 0.0
    common = set.intersection(*(set(found) for found in cycles.values())) if len(cycles) > 1 else set()
    if not common:
        return None
    sums = {phases: sum(found[key] for key in common) for phases, found in cycles.items()}
    told = ", ".join(f"K = {phases}: {total / len(common):,.0f}" for phases, total in sorted(sums.items()))
    return Found(min(sums, key=lambda phases: sums[phases]), f"K with the least cycles, mean cycles {told}")


WHY_EQUAL = ("in the simulated fabric a hop costs a cycle of latency and the routers multicast; nothing holds the "
             "steps of all PEs together, so a long way is paid about once, not in each step "
             "(kernels_csl/README-gemm.md); a barrier in each step was not measured")
WHY_GEMV = "costs of a routing stage and of an element in the machine table decide, and many of them are guesses"
WHY_SHARE = "overheads of a step and of a column in our kernels count as communication; small tiles amplify them"

TESTS: Mapping[str, tuple[str, Test]] = {
    "gemm_vs_summa_cannon": ("figure_9", Test(slowdowns(BASELINES), WHY_EQUAL)),
    "gemm_efficiency_720": ("figure_9", Test(share(("meshgemm",), min, "compute"), WHY_SHARE)),
    "gemm_baseline_efficiency_720": ("figure_9", Test(share(BASELINES, max, "compute"), WHY_EQUAL)),
    "gemm_large_total_cycles": ("figure_9", Test(saved_on_large, WHY_EQUAL)),
    "gemm2k_baselines_slow_down": ("figure_9", Test(slow_down_2k, WHY_EQUAL)),
    "gemv_vs_cerebras": ("figure_10", Test(slowdowns(("pipeline_gemv",)), WHY_GEMV)),
    "gemv_vs_cerebras_typical": ("figure_10", Test(slowdowns(("pipeline_gemv",)), WHY_GEMV)),
    "gemv_comm_share": ("figure_10", Test(share(("meshgemv",), max, "communication"), WHY_GEMV)),
    "ktree_k": ("K-tree", Test(fastest_tree, WHY_GEMV, "runs with one K only, or none that all K have in common")),
}
"""Claim -> the item whose rows it needs, and its test."""

A100 = Test(lambda rows: None, WHY_GEMV)
"""How the claim about one A100 is told; its number is made from Table 6."""

UNTESTABLE = {
    "power_ratio": "an input of Table 6: the simulator counts cycles, not energy",
}


# ------------------------------------------------------------------------------------------------- table
def make(measurements: Measurements, paper: PaperValues, claims: Sequence[Claim]) -> Table:
    table = Table("claims", "Claims of the paper", columns(measurements.kind), (
        f"{REPRODUCED}: our number lies in the paper's range (within {100 * SAME:.0f} % where the paper gives one "
        f"number); {NOT_REPRODUCED}: it does not; {NOT_TESTABLE}: this run has no number for it.",
        "Runs of the paper's own sizes and meshes decide; where there are none, runs of one line of them (the lines "
        "of a GEMV do not meet), else extrapolated numbers.",
    ))
    rows, missing = evidence(measurements, paper)
    for claim in claims:
        table.add(**judged(claim, rows, missing, measurements, paper))
    return table


def evidence(measurements: Measurements, paper: PaperValues) -> tuple[dict[str, list[Row]], dict[str, str]]:
    """Rows of each item on the machine of the paper if it was simulated; or why there are none."""
    rows: dict[str, list[Row]] = {}
    missing: dict[str, str] = {}
    phases = int(paper.number("machine", "MeshGEMV", "phases"))
    for item, make_rows in (("figure_9", figure_9.rows), ("figure_10", figure_10.rows)):
        try:
            found = of_one_machine(make_rows(measurements, paper))
        except MeasurementError as error:
            missing[item] = str(error)
            continue
        rows[item] = [row for row in found if row.series.kernel != "meshgemv" or row.series.phases == phases]
        rows["K-tree"] = found
    missing |= {"K-tree": missing["figure_10"]} if "figure_10" in missing else {}
    return rows, missing


def of_one_machine(rows: Sequence[Row]) -> list[Row]:
    """The paper's machine, or the one that was run; the lowest precision that was run, the paper's being 16 bit."""
    machines = {row.series.arch for row in rows}
    arch = "wse2" if "wse2" in machines else min(machines)
    bits = min(row.series.bits for row in rows if row.series.arch == arch)
    return [row for row in rows if (row.series.arch, row.series.bits) == (arch, bits)]


def judged(claim: Claim, rows: Mapping[str, Sequence[Row]], missing: Mapping[str, str], measurements: Measurements,
           paper: PaperValues) -> dict[str, Cell]:
    base: dict[str, Cell] = {
        "id": claim.id, "where": claim.where, "claim": claim.claim, "unit": claim.unit,
        "paper_low": value(claim.low, PAPER), "paper_high": value(claim.high, PAPER),
    }
    if claim.id in DESIGN:
        found = DESIGN[claim.id]()
        return base | {"modelled": Value(found.number, MODELLED), "verdict": verdict(claim, Found(found.number, "")),
                       "provenance": MODELLED, "note": found.note}
    if claim.id in models.CLAIMS:
        return base | of_models(claim, paper)
    if claim.id == "gemv_vs_a100":
        return base | against_a100(claim, measurements, paper)
    if claim.id not in TESTS:
        note = UNTESTABLE.get(claim.id, "no test of this claim")
        return base | {"verdict": NOT_TESTABLE, "provenance": "none", "note": note}
    item, test = TESTS[claim.id]
    if item in missing:
        return base | {"verdict": NOT_TESTABLE, "provenance": "none", "note": missing[item]}
    return base | {"arch": rows[item][0].series.arch} | tested(claim, test, rows[item], problems(paper, item))


def of_models(claim: Claim, paper: PaperValues) -> dict[str, Cell]:
    """Claims about whole models: by formulas, whatever was run."""
    fact = models.CLAIMS[claim.id](paper)
    result = verdict(claim, Found(fact.number, ""))
    note = fact.note + (f"; {fact.why}" if result == NOT_REPRODUCED and fact.why else "")
    told = f"{EXTRAPOLATED} over {MODELLED}" if fact.kind == RATIO else fact.kind
    cells: dict[str, Cell] = {"arch": speed.ARCH, fact.kind: Value(fact.number, fact.kind)}
    return cells | {"verdict": result, "provenance": told, "note": note}


def problems(paper: PaperValues, item: str) -> set[str]:
    """The paper's problems; a run that has the name of one is of its very size and mesh."""
    return {target.problem for target in targets(paper, "figure_9" if item == "figure_9" else "figure_10")}


def tested(claim: Claim, test: Test, rows: Sequence[Row], papers: set[str]) -> dict[str, Cell]:
    """Runs of the paper's own sizes decide, then lines of them, then extrapolated numbers, then the largest mesh."""
    runs = [row for row in rows if row.whole]
    kind, side = runs[0].kind, max(row.side for row in runs)
    full = test.number([row for row in runs if row.problem in papers])
    largest = test.number([row for row in runs if row.side == side])
    lines = test.number([row for row in rows if row.kind.endswith(LINE) and row.problem in papers])
    further = test.number([row for row in rows if row.kind == EXTRAPOLATED])
    found = {kind: full or largest, kind + LINE: lines, EXTRAPOLATED: further}
    cells: dict[str, Cell] = {of_kind: value(result.number, of_kind) for of_kind, result in found.items() if result}
    order = ((full, kind), (lines, kind + LINE), (further, EXTRAPOLATED), (largest, kind))
    result, of_kind = next(((result, of_kind) for result, of_kind in order if result), (None, kind))
    return cells | decided(claim, result, of_kind, test)


def decided(claim: Claim, found: Found | None, kind: str, test: Test) -> dict[str, Cell]:
    if found is None:
        return {"verdict": NOT_TESTABLE, "provenance": "none", "note": test.lacks}
    result = verdict(claim, found)
    note = found.note + (f"; {test.why}" if result == NOT_REPRODUCED else "")
    return {"verdict": result, "provenance": told(kind), "note": note}


def against_a100(claim: Claim, measurements: Measurements, paper: PaperValues) -> dict[str, Cell]:
    """The speed-ups of Table 6 over one A100, whose times are the paper's."""
    try:
        table = table_6.make(measurements, paper)
    except MeasurementError as error:
        return {"verdict": NOT_TESTABLE, "provenance": "none", "note": str(error)}
    rows = [row for row in table.rows if row["against"] == "A100 x 1" and isinstance(row["speedup"], Value)]
    numbers = [row["speedup"].number for row in rows if isinstance(row["speedup"], Value)]
    if not numbers:
        return {"arch": table_6.MACHINE} | decided(claim, None, EXTRAPOLATED, A100)
    kind = next(kind for kind in NUMBERS if told(kind) == rows[0]["provenance"])
    mean = math.exp(sum(map(math.log, numbers)) / len(numbers))
    found = Found(mean, f"geometric mean over sizes, {spread(numbers)}; the paper's times of the A100")
    return {"arch": table_6.MACHINE, kind: Value(mean, kind)} | decided(claim, found, kind, A100)


def verdict(claim: Claim, found: Found) -> str:
    if found.holds is not None:
        return REPRODUCED if found.holds else NOT_REPRODUCED
    low = -math.inf if claim.low is None else claim.low
    high = math.inf if claim.high is None else claim.high
    if low == high:
        low, high = low - SAME * abs(low), high + SAME * abs(high)
    return REPRODUCED if low <= found.number <= high else NOT_REPRODUCED
