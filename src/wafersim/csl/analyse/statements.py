"""Statements that are no control flow: declarations, assignments, returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import expr, iterations, places
from wafersim.csl.analyse.control import DIVERGES, Flow
from wafersim.csl.analyse.operands import VOID, Aggregate, Known, Memory, Operand, RangeOf, Reg, Slot, TensorOf
from wafersim.csl.comptime.memory import new_cell
from wafersim.csl.comptime.values import UNDEFINED_VALUE

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser


def expr_stmt(an: Analyser, stmt: ast.ExprStmt) -> Flow | None:
    value = an.analyse(stmt.expr)
    return DIVERGES if value.type == t.NORETURN else None


def comptime_stmt(an: Analyser, stmt: ast.ComptimeStmt) -> Flow | None:
    with an.comptime_only(stmt.span, "'comptime' asks for compile time here"):
        return an.execute(stmt.body)


# ----------------------------------------------------------------------------------------- declarations


def var_decl(an: Analyser, stmt: ast.VarDecl) -> Flow | None:
    """`const` and `var` in functions and blocks."""
    if stmt.kind == "param":
        raise an.error(stmt.span, "a param belongs to the top level of a file")
    ty = an.type_of(stmt.type) if stmt.type is not None else None
    saved, an.type_name = an.type_name, stmt.name
    try:
        value = _initial(an, stmt, ty)
    finally:
        an.type_name = saved
    if value.type == t.NORETURN:
        return DIVERGES
    an.declare(stmt.name, _bind(an, stmt, value), stmt.name_span)
    return None


def _initial(an: Analyser, stmt: ast.VarDecl, ty: t.Type | None) -> Operand:
    if stmt.init is None:
        if ty is None:
            raise an.error(stmt.name_span, f"'{stmt.name}' needs a type or a value")
        return Known(ty, UNDEFINED_VALUE)
    if stmt.comptime:
        with an.comptime_only(stmt.span, f"'{stmt.name}' is a compile-time variable"):
            return _value(an, stmt.init, ty)
    return _value(an, stmt.init, ty)


def _value(an: Analyser, init: ast.Expr, ty: t.Type | None) -> Operand:
    value = an.eval(init, ty)
    if value.type == t.NORETURN:
        return value
    if ty is None:
        if value.type == t.UNDEFINED:
            raise an.error(init.span, "'undefined' needs a type")
        return value
    return an.coerce(value, ty, init.span)


def _bind(an: Analyser, stmt: ast.VarDecl, value: Operand) -> Operand:
    """What the name of a local stands for."""
    if stmt.kind == "const" and not stmt.comptime:
        return _constant(an, stmt, value)
    if an.comptime or stmt.comptime:
        if not isinstance(value, Known):
            raise an.not_known(stmt.span, f"the value of '{stmt.name}'")
        cell = new_cell(value.value)
        iterations.declared(an.unit, cell)
        return Slot(value.type, cell, depth=an.depth)
    ty = value.type
    if ty.comptime_only:
        hint = ": give it a type" if ty in (t.COMPTIME_INT, t.COMPTIME_FLOAT) else ""
        raise an.error(stmt.name_span, f"a variable of type '{ty}' must be declared 'comptime var'{hint}")
    if ty == t.VOID:
        return VOID
    in_frame = t.is_aggregate(ty) or stmt.name in an.in_memory
    place = places.frame_place(an, ty, stmt.span) if in_frame else an.new_variable(ty)
    places.store(an, place, value, stmt.span)
    return place


def _constant(an: Analyser, stmt: ast.VarDecl, value: Operand) -> Operand:
    if isinstance(value, (Known, RangeOf, TensorOf)) or value.type == t.VOID:
        return value
    if isinstance(value, Reg) and stmt.name not in an.in_memory:
        if value.temporary:
            return Reg(value.type, value.operand, temporary=False)
        kept = an.new_variable(value.type)
        places.store(an, kept, value, stmt.span)
        return Reg(value.type, kept.register, temporary=False)
    if isinstance(value, Aggregate) and value.type.comptime_only:
        return value
    place = places.frame_place(an, value.type, stmt.span)
    places.store_memory(an, place, value, stmt.span)
    return Memory(place.type, place.base, place.offset, place.variable, const=True)


# ------------------------------------------------------------------------------------------ assignment


def assign(an: Analyser, stmt: ast.Assign) -> Flow | None:
    if isinstance(stmt.target, ast.Ident) and stmt.target.name == "_" and stmt.op == "=":
        an.eval(stmt.value)
        return None
    place = places.assignable(an, an.analyse(stmt.target), stmt.target.span)
    if stmt.op == "=":
        value = an.eval(stmt.value, place.type)
        if value.type == t.NORETURN:
            return DIVERGES
    else:
        left = places.load(an, place, stmt.target.span)
        right = an.eval(stmt.value, None if stmt.op in ("<<", ">>") else place.type)
        combine = expr.shift if stmt.op in ("<<", ">>") else expr.operate
        value = combine(an, stmt.op, left, right, stmt.span)
    value = an.coerce(value, place.type, stmt.value.span)
    if isinstance(value, Aggregate) and _reads_memory(value):
        value = places.in_pe_memory(an, value, stmt.value.span)  # its parts may lie in the place itself
    places.store(an, place, value, stmt.span)
    return None


def _reads_memory(value: Aggregate) -> bool:
    """Does an aggregate have parts that are still in memory, to be copied one after the other?"""
    return any(
        isinstance(part, Memory) or (isinstance(part, Aggregate) and _reads_memory(part)) for part in value.parts
    )


# --------------------------------------------------------------------------------------------- returns


def return_stmt(an: Analyser, stmt: ast.Return) -> Flow:
    if an.result_type is None:
        raise an.error(stmt.span, "'return' outside a function")
    if an.comptime and an.builder is not None:
        raise an.error(stmt.span, "compile-time code cannot return from running code")
    want = None if an.result_type == t.COMPTIME_ANY else an.result_type
    value = VOID if stmt.value is None else an.eval(stmt.value, want)
    if value.type == t.NORETURN:
        return DIVERGES
    span = stmt.value.span if stmt.value is not None else stmt.span
    if stmt.value is None and an.result_type not in (t.VOID, t.COMPTIME_ANY):
        raise an.error(stmt.span, f"this function returns a value of type '{an.result_type}'")
    if an.result_type != t.COMPTIME_ANY:
        value = an.coerce(value, an.result_type, span)
    if an.comptime:
        return Flow("return", None, value)
    emit_return(an, value, span)
    return DIVERGES


def emit_return(an: Analyser, value: Operand, span) -> None:
    """The instructions that leave a function with a value of its result type."""
    if value.type == t.VOID:
        an.emit(span, "ret")
    elif t.is_aggregate(value.type):
        assert an.result_address is not None
        places.store_memory(an, Memory(value.type, base=an.result_address), value, span)
        an.emit(span, "ret")
    else:
        an.emit(span, "ret", t.ir_type(value.type), a=an.operand(value, span))
