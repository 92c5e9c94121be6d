"""Loops of layouts, all iterations that do the same evaluated at once.

The loop variable is a `Traced` with a column of all its values. The body is executed for the first iteration; the
placings it makes hold for all iterations for which nothing that was looked at differs, and the others follow in
further runs. A loop inside is run for all outer iterations that came there together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import control
from wafersim.csl.analyse.control import Flow, Target
from wafersim.csl.analyse.iterations import Dependent, Iterations, Placed
from wafersim.csl.analyse.operands import Known
from wafersim.csl.comptime.traced import Tracer, explore, node_of
from wafersim.csl.comptime.values import RangeValue
from wafersim.csl.diagnostics import Abort, Diagnostic, TooManyErrors
from wafersim.tiles.columns import Domain, Node

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.analyse.unit import Unit

LEAST = 4
"""Iterations from which a loop is worth it."""


def run(an: Analyser, stmt: ast.For, bounds: RangeValue) -> bool:
    """Evaluate a loop over a range; False if it must be executed one iteration after the other."""
    unit = an.unit
    if not unit.is_layout or unit.one_by_one or not an.comptime:
        return False
    if id(stmt) in unit.dependent or len(bounds.values()) < LEAST:
        return False
    tracer = unit.tracer = unit.tracer or Tracer()
    try:
        _run(an, tracer, stmt, bounds)
    except Dependent:
        unit.dependent.add(id(stmt))
        return False
    return True


def _run(an: Analyser, tracer: Tracer, stmt: ast.For, bounds: RangeValue) -> None:
    unit, values = an.unit, bounds.values()
    outer = unit.iterations[-1] if unit.iterations else None
    element, position = Node("leaf", (), 0), Node("leaf", (), 0)
    leaves = {element: values, position: range(len(values))}
    around = outer.leaves if outer else []
    domain, parents = (outer.domain if outer else Domain({}, None, 1)).nested(leaves, around)
    captures = [(bounds.element, element), (t.U16, position)]
    nodes = [*around, *leaves]
    failures: list[tuple[int, list[Diagnostic]]] = []
    done: list[Placed] = []
    body = _body(an, stmt, captures, nodes, failures)
    try:
        for _, found in explore(tracer, domain, body):
            done += found
    except Dependent:
        if not failures:
            raise
    if failures:
        _report(unit, failures)
    for item in done:
        item.rows = parents[item.rows]
        if outer is not None:
            outer.inner.append(item)
        else:
            xs, ys, *columns = item.arrays
            unit.state["layout"].place(unit, item.placing, xs, ys, columns)


def _body(
    an: Analyser, stmt: ast.For, captures: list[tuple[t.Type, Node]], leaves: list[Node],
    failures: list[tuple[int, list[Diagnostic]]],
) -> Callable[[Domain], list[Placed]]:  # fmt: skip
    """Executes the body for the rows of a domain and gives the placings; failures are noted."""
    unit = an.unit
    reported = unit.diagnostics

    def run_body(domain: Domain) -> list[Placed]:
        level = Iterations(domain, leaves)
        mark = len(reported.items)
        unit.iterations.append(level)
        try:
            flow = _execute(an, stmt, captures)
            if flow is not None:
                raise Dependent
            return _placings(level)
        except TooManyErrors:
            raise
        except Abort:
            failures.append((int(domain.row_numbers()[0]), reported.take_since(mark)))
            return []
        finally:
            unit.iterations.pop()

    return run_body


def _execute(an: Analyser, stmt: ast.For, captures: list[tuple[t.Type, Node]]) -> Flow | None:
    an.unit.step(stmt.span)
    tracer = an.unit.tracer
    assert tracer is not None
    target = Target(stmt.label, True, False, an.depth)
    with control.inside(an, target), an.new_scope():
        for capture, (ty, node) in zip(stmt.captures, captures, strict=False):
            an.declare(capture.name, Known(ty, tracer.value(node)), capture.span)
        flow = control.scoped(an, stmt.body)
    return None if flow is not None and flow.target is target and flow.kind == "continue" else flow


def _placings(level: Iterations) -> list[Placed]:
    """The placings of a finished run with arrays for the iterations that are left."""
    domain = level.domain
    found = []
    for item in level.inner:
        mask = domain.contains(item.rows)
        found.append(Placed(item.placing, [array[mask] for array in item.arrays], item.rows[mask]))
    rows = domain.row_numbers()
    for placing in level.placings:
        numbers = [placing.x, placing.y, *placing.numbers]
        found.append(Placed(placing, [domain.numbers(node_of(number)) for number in numbers], rows))
    return found


def _report(unit: Unit, failures: list[tuple[int, list[Diagnostic]]]) -> None:
    """The errors of the first iteration that failed."""
    _, items = min(failures, key=lambda failure: failure[0])
    unit.diagnostics.put_back(items)
    raise Abort
