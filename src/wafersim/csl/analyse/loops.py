"""Loops: emitted for running code, executed at compile time, unrolled where they are `inline`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import coerce as coercion
from wafersim.csl.analyse import control, layout_loops, places
from wafersim.csl.analyse.builder import Label
from wafersim.csl.analyse.control import DIVERGES, Flow, Target
from wafersim.csl.analyse.operands import Aggregate, Known, Memory, Operand, RangeOf, Reg, Slot, known_int
from wafersim.csl.comptime import arith
from wafersim.csl.comptime.values import RangeValue
from wafersim.csl.source import Span

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser


MAX_EMITTED = 50_000
"""Instructions of a program after which unrolling stops; a PE has room for far fewer."""

# ---------------------------------------------------------------------------------------------- while


def while_stmt(an: Analyser, stmt: ast.While) -> Flow | None:
    if an.comptime or stmt.inline:
        return _unrolled_while(an, stmt)
    builder = an.runtime_only(stmt.span, "a loop")
    target = Target(stmt.label, True, True, an.depth)
    top = Label()
    builder.bind(top)
    known = control.branch_unless(an, stmt.condition, target.end)
    if known is not None and not known.value:
        return None
    with control.inside(an, target), control.conditional(an):
        flow = control.scoped(an, stmt.body)
        if flow is None or target.next.used:
            builder.bind(target.next)
            if stmt.continuation is not None:
                an.execute(stmt.continuation)
            builder.jump(stmt.span, top)
    builder.bind(target.end)
    return DIVERGES if known is not None and not target.end.used else None


def _unrolled_while(an: Analyser, stmt: ast.While) -> Flow | None:
    """Executes the loop now; its condition must be known. In running code the bodies are emitted in a row."""
    if layout_loops.run_while(an, stmt):
        return None
    target = Target(stmt.label, True, False, an.depth)
    with control.inside(an, target):
        while an.defined(an.known(stmt.condition, "the loop runs at compile time", t.BOOL), stmt.condition.span):
            _count_iteration(an, stmt.span)
            flow = control.scoped(an, stmt.body)
            if flow is not None and flow.target is not target:
                return flow
            if flow is not None and flow.kind == "break":
                break
            if stmt.continuation is not None:
                an.execute(stmt.continuation)
    return None


# ------------------------------------------------------------------------------------------------ for


def for_stmt(an: Analyser, stmt: ast.For) -> Flow | None:
    iterable = an.analyse(stmt.iterable)
    if isinstance(iterable.type, t.PointerType) and isinstance(iterable.type.pointee, t.ArrayType):
        iterable = places.dereference(an, places.load(an, iterable, stmt.iterable.span), stmt.iterable.span)
    if iterable.type == t.RANGE:
        return _for_range(an, stmt, places.load(an, iterable, stmt.iterable.span))
    if isinstance(iterable.type, t.ArrayType) or _is_tuple(iterable.type):
        return _for_elements(an, stmt, iterable)
    raise an.error(stmt.iterable.span, f"'for' needs a range or an array, found '{iterable.type}'")


def _is_tuple(ty: t.Type) -> bool:
    return isinstance(ty, t.StructType) and ty.is_tuple


def _for_range(an: Analyser, stmt: ast.For, iterable: Operand) -> Flow | None:
    if len(stmt.captures) > 2 or any(capture.by_pointer for capture in stmt.captures):
        raise an.error(stmt.span, "a loop over a range gives an element and its index")
    if isinstance(iterable, Known):
        bounds: RangeValue = iterable.value
        if layout_loops.run(an, stmt, bounds):
            return None
        if an.comptime or stmt.inline:
            values = (Known(bounds.element, value) for value in bounds.values())
            return _unrolled(an, stmt, values)
        element = t.I16 if bounds.element == t.COMPTIME_INT else bounds.element
        if not bounds.values():
            return None
        assert isinstance(element, t.IntType)
        passed = bounds.start + len(bounds.values()) * bounds.step
        start, stop, step = (
            Known(element, arith.wrap(element, number)) for number in (bounds.start, passed, bounds.step)
        )
        return _counted(an, stmt, element, start, stop, step, known=True)
    assert isinstance(iterable, RangeOf)
    if an.comptime or stmt.inline:
        raise an.not_known(stmt.iterable.span, "this range")
    parts = [_kept(an, part, stmt.iterable.span) for part in (iterable.start, iterable.stop, iterable.step)]
    return _counted(an, stmt, iterable.element, *parts)


def _kept(an: Analyser, part: Operand, span: Span) -> Operand:
    """A bound that does not change while the loop runs."""
    if isinstance(part, Reg) and not part.temporary:
        variable = an.new_variable(part.type)
        places.store(an, variable, part, span)
        return Reg(part.type, variable.register, temporary=False)
    return part


def _counted(
    an: Analyser, stmt: ast.For, element: t.Type, start: Operand, stop: Operand, step: Operand, *, known: bool = False
) -> Flow | None:
    """A loop that counts in a register. The sign of an unknown step is taken as positive.

    With `known` bounds the counter meets `stop` exactly, perhaps by wrapping.
    """
    builder = an.runtime_only(stmt.span, "a loop")
    span, ty = stmt.iterable.span, t.ir_type(element)
    counter = an.new_variable(element)
    places.store(an, counter, start, span)
    position = an.new_variable(t.U16) if len(stmt.captures) == 2 else None
    if position is not None:
        places.store(an, position, known_int(0, t.U16), span)
    target = Target(stmt.label, True, True, an.depth)
    top = Label()
    builder.bind(top)
    down = isinstance(step, Known) and step.value < 0
    limit, more = an.operand(stop, span), builder.new_register()
    if not known:  # there is a first round else
        a, b = (limit, counter.register) if down else (counter.register, limit)
        builder.emit(span, "lt", ty, dst=more, a=a, b=b)
        builder.branch(span, more, target.end, when=False)
    with control.inside(an, target), control.conditional(an), an.new_scope():
        _capture(an, stmt, 0, Reg(element, counter.register, temporary=False))
        if position is not None:
            _capture(an, stmt, 1, Reg(t.U16, position.register, temporary=False))
        control.scoped(an, stmt.body)
    builder.bind(target.next)
    builder.emit(span, "add", ty, dst=counter.register, a=counter.register, b=an.operand(step, span))
    if isinstance(element, t.IntType):
        cut = coercion.narrow(an, Reg(element, counter.register, temporary=False), element, span)
        builder.move(span, ty, counter.register, cut.operand, temporary=True)
    if position is not None:
        one = an.unit.program.constant(1)
        builder.emit(span, "add", t.ir_type(t.U16), dst=position.register, a=position.register, b=one)
    if known:
        builder.emit(span, "ne", ty, dst=more, a=counter.register, b=limit)
        builder.branch(stmt.span, more, top, when=True)
    else:
        builder.jump(stmt.span, top)
    builder.bind(target.end)
    return None


def _count_iteration(an: Analyser, span: Span) -> None:
    """Bounds loops that are executed or unrolled at compile time."""
    an.unit.step(span)
    if an.unit.program.emitted > MAX_EMITTED:
        raise an.error(span, "the iterations of this loop, one after the other, do not fit into the memory of a PE")


def _capture(an: Analyser, stmt: ast.For, number: int, operand: Operand) -> None:
    if number < len(stmt.captures):
        an.declare(stmt.captures[number].name, operand, stmt.captures[number].span)


def _unrolled(an: Analyser, stmt: ast.For, values: Iterable[Operand]) -> Flow | None:
    """The body once for each value, at compile time or in a row of running code."""
    target = Target(stmt.label, True, False, an.depth)
    with control.inside(an, target):
        for number, value in enumerate(values):
            _count_iteration(an, stmt.span)
            with an.new_scope():
                _capture(an, stmt, 0, value)
                _capture(an, stmt, 1, known_int(number, t.U16))
                flow = control.scoped(an, stmt.body)
            if flow is not None and flow.target is not target:
                return flow
            if flow is not None and flow.kind == "break":
                break
    return None


# ------------------------------------------------------------------------------------------- elements


def _for_elements(an: Analyser, stmt: ast.For, iterable: Operand) -> Flow | None:
    known = isinstance(iterable, (Known, Slot, Aggregate)) or _is_tuple(iterable.type)
    if an.comptime or stmt.inline or (known and iterable.type.comptime_only):
        return _unrolled(an, stmt, _elements(an, stmt, iterable))
    assert isinstance(iterable.type, t.ArrayType)
    place = places.in_pe_memory(an, iterable, stmt.iterable.span)
    return _runtime_elements(an, stmt, place)


def _elements(an: Analyser, stmt: ast.For, iterable: Operand) -> Iterable[Operand]:
    span = stmt.iterable.span
    if isinstance(iterable.type, t.StructType):
        for position in range(len(iterable.type.fields)):
            yield places.load(an, places.field_at(an, iterable, position, span), span)
        return
    assert isinstance(iterable.type, t.ArrayType)
    dims = iterable.type.dims
    for position in range(iterable.type.count):
        indices, rest = [], position
        for extent in reversed(dims):
            indices.insert(0, known_int(rest % extent, t.U16))
            rest //= extent
        place = places.element_at(an, iterable, indices, [span] * len(dims), span)
        by_pointer = stmt.captures and stmt.captures[0].by_pointer
        yield places.address_of(an, place, span, const=False) if by_pointer else places.load(an, place, span)


def _runtime_elements(an: Analyser, stmt: ast.For, place: Memory) -> Flow | None:
    """A loop over the elements of an array in PE memory."""
    ty = place.type
    assert isinstance(ty, t.ArrayType)
    flat = Memory(t.ArrayType((ty.count,), ty.element), place.base, place.offset, place.variable, place.const)
    span = stmt.iterable.span
    counter = ast.For(
        stmt.span, stmt.label, False, stmt.iterable, [ast.Capture(span, "element index")], _Body(stmt.span, flat, stmt)
    )
    bounds = Known(t.RANGE, RangeValue(t.U16, 0, ty.count, 1))
    return _for_range(an, counter, bounds)


class _Body(ast.Stmt):
    """Body of a loop over elements: declares element and index, then does the written body."""

    __slots__ = ("array", "loop")

    def __init__(self, span: Span, array: Memory, loop: ast.For) -> None:
        super().__init__(span)
        self.array, self.loop = array, loop


def element_body(an: Analyser, stmt: _Body) -> Flow | None:
    span, binding = stmt.loop.iterable.span, an.scope.find("element index")
    assert binding is not None
    position = binding.operand
    place = places.element_at(an, stmt.array, [position], [span], span)
    by_pointer = stmt.loop.captures and stmt.loop.captures[0].by_pointer
    value = places.address_of(an, place, span, const=False) if by_pointer else places.load(an, place, span)
    if isinstance(value, Reg):
        value = Reg(value.type, value.operand, temporary=False)
    with an.new_scope():
        _capture(an, stmt.loop, 0, value)
        _capture(an, stmt.loop, 1, position)
        return control.scoped(an, stmt.loop.body)


__all__ = ["element_body", "for_stmt", "while_stmt"]
