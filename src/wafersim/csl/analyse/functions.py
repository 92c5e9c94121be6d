"""Functions: their values and types, their instances, compile-time execution and lowering.

A function is specialised for its compile-time arguments: `comptime` parameters, and generic ones whose
argument exists only at compile time or names a resource of the machine. Each specialisation is a
`FunctionInstance`, lowered once from the unit's work list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import control
from wafersim.csl.analyse.builder import FunctionBuilder
from wafersim.csl.analyse.operands import VOID, Known, Memory, Operand, Reg
from wafersim.csl.analyse.scope import Binding, Scope
from wafersim.csl.diagnostics import Note
from wafersim.csl.source import NO_SPAN, Span

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.analyse.modules import Module
    from wafersim.csl.analyse.unit import Unit

MAX_CALL_DEPTH = 200
"""Deepest nesting of compile-time calls."""


@dataclass(frozen=True, slots=True, eq=False)
class FunctionValue:
    """A function or task of a module instance: the payload of values of type `FnType`."""

    decl: ast.FnDecl
    module: Module

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionValue) and self.decl is other.decl and self.module is other.module

    def __hash__(self) -> int:
        return hash((id(self.decl), id(self.module)))

    def __str__(self) -> str:
        return self.module.symbol(self.decl.name)


@dataclass(slots=True, eq=False)
class FunctionInstance:
    """A function with its compile-time arguments bound; `index` is its number in the program.

    `params` lists all parameters in order: a `Known` for a compile-time argument, else the run-time type.
    """

    value: FunctionValue
    params: list[Known | t.Type]
    result: t.Type
    index: int
    call_span: Span = NO_SPAN
    """Where it was needed first, for the notes of generic functions."""
    depth: int = 0
    """Generic functions that led here, this one included."""


# ------------------------------------------------------------------------------------------------ types


def type_of(an: Analyser, decl: ast.FnDecl) -> t.FnType:
    """Type of a declaration. Generic parameters, and what depends on them, are None."""
    generic: set[str] = set()
    params: list[t.Type | None] = []
    for param in decl.params:
        if _is_generic(param, generic):
            generic.add(param.name)
            params.append(None)
        else:
            params.append(an.type_of(param.type))
    result = None if _mentions(decl.result, generic) else an.type_of(decl.result)
    if decl.kind == "task" and result != t.VOID:
        raise an.error(decl.result.span, "a task gives no result: its result type must be 'void'")
    return t.FnType(tuple(params), result, decl.kind == "task")


def _is_generic(param: ast.Param, generic: set[str]) -> bool:
    anytype = isinstance(param.type, ast.Ident) and param.type.name == "anytype"
    return param.comptime or anytype or _mentions(param.type, generic)


def _mentions(expr: ast.Expr, names: set[str]) -> bool:
    """Does an expression name one of `names`, or `anytype`?"""
    if isinstance(expr, ast.Ident):
        return expr.name in names or expr.name == "anytype"
    return any(isinstance(node, ast.Ident) and (node.name in names or node.name == "anytype") for node in walk(expr))


def walk(node: object):
    """All AST nodes below and including `node`."""
    if isinstance(node, ast.Node):
        yield node
        for name in _fields(type(node)):
            child = getattr(node, name)
            if isinstance(child, (ast.Node, list)):
                yield from walk(child)
    elif isinstance(node, list):
        for item in node:
            yield from walk(item)


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(kind: type) -> tuple[str, ...]:
    """Names of the fields of a node class that may hold nodes."""
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = tuple(
            name for name in getattr(kind, "__dataclass_fields__", ()) if name not in ("span", "name_span", "op_span")
        )
    return found


# -------------------------------------------------------------------------------------------- arguments


@dataclass(slots=True)
class Arguments:
    """Arguments of one call, coerced: operands in order, and the scope that parameter types see."""

    operands: list[Operand] = field(default_factory=list)
    comptime: list[bool] = field(default_factory=list)
    """Which parameters are declared `comptime`."""
    scope: Scope = field(default_factory=Scope)


def bind_arguments(an: Analyser, value: FunctionValue, exprs: list[ast.Expr], span: Span) -> Arguments:
    """Evaluate and convert the arguments of a call; types of parameters may use earlier parameters."""
    decl = value.decl
    if len(exprs) != len(decl.params):
        where = Note(decl.name_span, f"'{decl.name}' is declared here")
        raise an.error(span, f"'{decl.name}' takes {len(decl.params)} arguments, found {len(exprs)}", where)
    bound = Arguments()
    typer = _typer(an.unit, value, bound.scope)
    for param, expr in zip(decl.params, exprs, strict=True):
        anytype = isinstance(param.type, ast.Ident) and param.type.name == "anytype"
        ty = None if anytype else typer.type_of(param.type)
        if param.comptime:
            argument: Operand = an.known(expr, f"parameter '{param.name}' is 'comptime'", ty)
        else:
            argument = an.eval(expr, ty)
            if ty is not None:
                argument = an.coerce(argument, ty, expr.span)
        bound.operands.append(argument)
        bound.comptime.append(param.comptime)
        bound.scope.names[param.name] = Binding(argument, param.span)
    return bound


def _typer(unit: Unit, value: FunctionValue, scope: Scope) -> Analyser:
    """Evaluates the type expressions of a declaration with its parameters in scope."""
    from wafersim.csl.analyse.analyser import Analyser

    return Analyser(unit, value.module, comptime=True, scope=scope)


def result_type(unit: Unit, value: FunctionValue, scope: Scope, span: Span) -> t.Type | None:
    """Declared result type; None for `anytype`."""
    result = value.decl.result
    if isinstance(result, ast.Ident) and result.name == "anytype":
        return None
    return _typer(unit, value, scope).type_of(result)


# ------------------------------------------------------------------------------------ compile-time calls


def execute(an: Analyser, value: FunctionValue, bound: Arguments, result: t.Type | None, span: Span) -> Operand:
    """Run a function at compile time on known arguments."""
    from wafersim.csl.analyse.analyser import Analyser

    decl, unit = value.decl, an.unit
    unit.step(span)
    if decl.body is None:
        raise an.error(span, f"'{decl.name}' is extern and cannot be called at compile time")
    if unit.call_depth >= MAX_CALL_DEPTH:
        raise an.error(span, f"compile-time calls are nested more than {MAX_CALL_DEPTH} deep")
    scope = Scope(names=dict(bound.scope.names))
    body = Analyser(unit, value.module, comptime=True, scope=scope, reasons=list(an.reasons))
    body.result_type = t.COMPTIME_ANY if result is None else result
    unit.call_depth += 1
    try:
        with unit.diagnostics.context(span, f"'{decl.name}' is called here at compile time"):
            flow = control.block(body, decl.body)
    finally:
        unit.call_depth -= 1
    if flow is not None and flow.kind == "return":
        return flow.value
    if result not in (None, t.VOID):
        raise an.error(span, f"'{decl.name}' ends without a value of type '{result}'")
    return VOID


# -------------------------------------------------------------------------------------------- instances


def instantiate(unit: Unit, value: FunctionValue, bound: Arguments, span: Span) -> FunctionInstance:
    """The instance of a function for its compile-time arguments; new ones are queued for lowering."""
    params: list[Known | t.Type] = []
    for operand, comptime in zip(bound.operands, bound.comptime, strict=True):
        if isinstance(operand, Known) and (comptime or _specialises(operand.type)):
            params.append(operand)
        else:
            params.append(operand.type)
    key = (value, tuple(_key(param) for param in params))
    found = unit.functions.get(key)
    if found is None:
        result = result_type(unit, value, bound.scope, span)
        if result is None:
            raise unit.error(span, f"the result type of '{value.decl.name}' is only known at compile time")
        found = _new_instance(unit, value, params, result, span, key)
    return found


def _specialises(ty: t.Type) -> bool:
    """Is a known argument of a plain parameter part of the instance? Resources of the machine are."""
    return t.is_dsr(ty) or t.is_id(ty) or ty.comptime_only or ty == t.VOID


def _key(param: Known | t.Type) -> tuple[Any, ...]:
    return ("value", param.type, param.value) if isinstance(param, Known) else ("type", param)


def _new_instance(
    unit: Unit, value: FunctionValue, params: list[Known | t.Type], result: t.Type, span: Span, key: Any
) -> FunctionInstance:
    for ty in (*(param for param in params if isinstance(param, t.Type)), result):
        if ty.comptime_only:
            where = value.decl.name_span if span is NO_SPAN else span
            message = f"'{value.decl.name}' cannot run: values of type '{ty}' exist only at compile time"
            raise unit.error(where, message)
    depth = unit.instance_depth + any(isinstance(param, Known) for param in params)
    if depth > MAX_CALL_DEPTH:
        where = Note(value.decl.name_span, f"'{value.decl.name}' is declared here")
        message = f"generic functions are nested more than {MAX_CALL_DEPTH} deep: each instance of '{value.decl.name}'"
        raise unit.error(span, message + " needs another one", where)
    index = unit.program.reserve_function(str(value))
    found = unit.functions[key] = FunctionInstance(value, params, result, index, span, depth)
    unit.work.append(found)
    return found


def index_of(unit: Unit, value: Any, span: Span = NO_SPAN) -> int:
    """Number of a function without generic parameters in the program."""
    assert isinstance(value, FunctionValue)
    ty = type_of(_typer(unit, value, Scope()), value.decl)
    if ty.result is None or any(param is None for param in ty.params):
        raise unit.error(span, f"'{value.decl.name}' has generic parameters and cannot be used as a value here")
    key = (value, tuple(_key(param) for param in ty.params if param is not None))
    found = unit.functions.get(key)
    if found is None:
        params = [param for param in ty.params if param is not None]
        found = _new_instance(unit, value, [*params], ty.result, span, key)
    return found.index


# --------------------------------------------------------------------------------------------- lowering


def lower(unit: Unit, instance: FunctionInstance) -> None:
    """Emit the code of an instance into the unit's program."""
    from wafersim.csl.analyse.analyser import Analyser

    decl, module = instance.value.decl, instance.value.module
    runtime = [param for param in instance.params if not isinstance(param, Known)]
    by_address = t.is_aggregate(instance.result)
    types = [t.ir_type(t.U16) if t.is_aggregate(ty) else t.ir_type(ty) for ty in runtime]
    types = [t.ir_type(t.U16), *types] if by_address else types
    result = t.ir_type(t.VOID if by_address else instance.result)
    builder = FunctionBuilder(unit.program, str(instance.value), types, result, unit.program.location(decl.span))
    an = Analyser(unit, module, builder=builder, result_type=instance.result, in_memory=addressed_names(decl))
    an.result_address = 0 if by_address else None
    generic = any(_is_generic(param, set()) for param in decl.params)
    used = Note(instance.call_span, f"'{decl.name}' is used here{_with_types(decl, instance)}")
    notes = [used] if generic and instance.call_span is not NO_SPAN else []

    def emit() -> None:
        if decl.body is None:
            raise unit.error(decl.span, f"'{decl.name}' is extern: linking with other files is not supported")
        _declare_params(an, decl, instance, int(by_address))
        flow = control.block(an, decl.body)
        if builder.broken:
            return  # no program comes out of a unit with errors
        if flow is None:
            _end(an, decl, instance.result)
        unit.program.define_function(instance.index, builder.finish())

    unit.instance_depth = instance.depth
    with module.notes(), _noted(unit, notes):
        unit.guarded(emit)


def _with_types(decl: ast.FnDecl, instance: FunctionInstance) -> str:
    """` with x: f32` for the parameters whose type comes from the argument."""
    given = zip(decl.params, instance.params, strict=True)
    pairs = [(param.name, bound) for param, bound in given if isinstance(param.type, ast.Ident)
             and param.type.name == "anytype"]  # fmt: skip
    shown = [f"{name}: {bound.type if isinstance(bound, Known) else bound}" for name, bound in pairs]
    return f" with {', '.join(shown)}" if shown else ""


class _noted:
    def __init__(self, unit: Unit, notes: list[Note]) -> None:
        self._managers = [unit.diagnostics.context(note.span, note.message) for note in notes]

    def __enter__(self) -> None:
        for manager in self._managers:
            manager.__enter__()

    def __exit__(self, *error: object) -> None:
        for manager in reversed(self._managers):
            manager.__exit__(None, None, None)


def _declare_params(an: Analyser, decl: ast.FnDecl, instance: FunctionInstance, register: int) -> None:
    """Bind the parameters: run-time ones arrive in registers, aggregates as addresses."""
    from wafersim.csl.analyse import places

    for param, bound in zip(decl.params, instance.params, strict=True):
        if isinstance(bound, Known):
            operand: Operand = bound
        elif t.is_aggregate(bound):
            operand = Memory(bound, base=register, const=True)
        elif bound == t.VOID:
            operand = VOID
        else:
            operand = Reg(bound, register, temporary=False)
            if param.name in an.in_memory:
                place = places.frame_place(an, bound, param.span)
                places.store_memory(an, place, operand, param.span)
                operand = Memory(bound, place.base, place.offset, place.variable, const=True)
        if not isinstance(bound, Known):
            register += 1
        an.declare(param.name, operand, param.span)


def _end(an: Analyser, decl: ast.FnDecl, result: t.Type) -> None:
    """Control reaches the closing brace."""
    if decl.body is not None and an.unit.diagnostics.has_error_in(decl.body.span):
        return  # what did not parse may have been the return
    if result != t.VOID:
        raise an.error(decl.name_span, f"'{decl.name}' can end without returning a value of type '{result}'")
    an.emit(decl.span, "ret")


def addressed_names(decl: ast.FnDecl) -> frozenset[str]:
    """Names in a function body whose address is taken: they live in the stack frame."""
    if decl.addressed is None:
        decl.addressed = frozenset(_addressed(decl.body)) if decl.body is not None else frozenset()
    return decl.addressed


def _addressed(body: ast.Block) -> set[str]:
    names = set()
    for node in walk(body):
        if isinstance(node, ast.Unary) and node.op == "&":
            target = node.operand
            while isinstance(target, (ast.Member, ast.Index)):
                target = target.operand
            if isinstance(target, ast.Ident):
                names.add(target.name)
    return names
