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
from wafersim.csl.analyse import control, iterations
from wafersim.csl.analyse.control import Flow, Target
from wafersim.csl.analyse.iterations import Dependent, Iterations, Placed
from wafersim.csl.analyse.operands import Known, Slot
from wafersim.csl.comptime.traced import Traced, Tracer, explore, node_of, plain
from wafersim.csl.comptime.values import RangeValue
from wafersim.csl.diagnostics import Abort, Diagnostic, TooManyErrors
from wafersim.tiles.columns import Domain, Node

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.analyse.unit import Unit

LEAST = 4
"""Iterations from which a loop is worth it."""
MOST = 1 << 23
"""Iterations, those of the loops around it included, that are held in memory at once: some times the largest fabric."""


Loop = ast.For | ast.While
Bind = Callable[[Traced, Traced], None]
"""Gives the loop variable and the number of the iteration to the body."""


def run(an: Analyser, stmt: ast.For, bounds: RangeValue) -> bool:
    """Evaluate a loop over a range; False if it must be executed one iteration after the other."""

    def bind(element: Traced, position: Traced) -> None:
        values = Known(bounds.element, element), Known(t.U16, position)
        for capture, value in zip(stmt.captures, values, strict=False):
            an.declare(capture.name, value, capture.span)

    return _may_run(an, stmt) and _try(an, stmt, bounds.values(), bind)


def run_while(an: Analyser, stmt: ast.While) -> bool:
    """The same for `while (x < limit) : (x += step)`."""
    if not _may_run(an, stmt):
        return False
    counter = _counter(an, stmt)
    if counter is None:
        return False
    slot, values = counter
    iterations.changes(an.unit, slot.ref)
    if not _try(an, stmt, values, lambda element, _: slot.ref.store(element)):
        slot.ref.store(values.start)
        return False
    slot.ref.store(values.start + len(values) * values.step)
    return True


def _counter(an: Analyser, stmt: ast.While) -> tuple[Slot, range] | None:
    """The compile-time variable that a loop counts up, and its values; None for loops of any other form."""
    condition, step = stmt.condition, stmt.continuation
    if not isinstance(condition, ast.Binary) or condition.op not in ("<", "<=") or not isinstance(step, ast.Assign):
        return None
    name, limit = condition.left, condition.right
    if not isinstance(name, ast.Ident) or not isinstance(step.target, ast.Ident) or step.target.name != name.name:
        return None
    if step.op != "+" or not isinstance(step.value, ast.IntLit) or step.value.value < 1:
        return None
    if not isinstance(limit, (ast.Ident, ast.IntLit)) or (isinstance(limit, ast.Ident) and limit.name == name.name):
        return None
    binding = an.scope.find(name.name)
    slot = binding.operand if binding is not None else None
    if not isinstance(slot, Slot) or slot.const or not t.is_integer(slot.type):
        return None
    an.known(condition, "the loop runs at compile time", t.BOOL)  # may be wrong
    start, stop = slot.ref.load(), an.known(limit, "the loop runs at compile time").value
    if not (isinstance(start, int) and isinstance(stop, int)):
        return None
    values = range(plain(start), plain(stop) + (condition.op == "<="), step.value.value)
    last = values.start + len(values) * values.step
    fits = not isinstance(slot.type, t.IntType) or max(last, plain(stop)) <= slot.type.maximum
    return (slot, values) if fits else None


def _may_run(an: Analyser, stmt: Loop) -> bool:
    unit = an.unit
    return unit.is_layout and not unit.one_by_one and an.comptime and id(stmt) not in unit.dependent


def _try(an: Analyser, stmt: Loop, values: range, bind: Bind) -> bool:
    around = an.unit.iterations[-1].domain.count if an.unit.iterations else 1
    if len(values) < LEAST or len(values) * around > MOST:
        return False
    tracer = an.unit.tracer = an.unit.tracer or Tracer()
    try:
        _run(an, tracer, stmt, values, bind)
    except Dependent:
        an.unit.dependent.add(id(stmt))
        return False
    return True


def _run(an: Analyser, tracer: Tracer, stmt: Loop, values: range, bind: Bind) -> None:
    unit = an.unit
    outer = unit.iterations[-1] if unit.iterations else None
    element, position = Node("leaf", (), 0), Node("leaf", (), 0)
    leaves = {element: values, position: range(len(values))}
    around = outer.leaves if outer else []
    domain, parents = (outer.domain if outer else Domain({}, None, 1)).nested(leaves, around)
    nodes = [*around, *leaves]
    failures: list[tuple[int, list[Diagnostic]]] = []
    done: list[Placed] = []

    def execute() -> Flow | None:
        return _execute(an, stmt, lambda: bind(tracer.value(element), tracer.value(position)))

    body = _body(unit, execute, nodes, failures)
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
    unit: Unit, execute: Callable[[], Flow | None], leaves: list[Node], failures: list[tuple[int, list[Diagnostic]]]
) -> Callable[[Domain], list[Placed]]:
    """Executes the body for the rows of a domain and gives the placings; failures are noted."""
    reported = unit.diagnostics

    def run_body(domain: Domain) -> list[Placed]:
        level = Iterations(domain, leaves)
        mark = len(reported.items)
        unit.iterations.append(level)
        try:
            flow = execute()
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


def _execute(an: Analyser, stmt: Loop, bind: Callable[[], None]) -> Flow | None:
    an.unit.step(stmt.span)
    target = Target(stmt.label, True, False, an.depth)
    with control.inside(an, target), an.new_scope():
        bind()
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
