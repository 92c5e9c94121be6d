"""Calls of functions, through pointers, and of builtins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import functions, iterations, places
from wafersim.csl.analyse.functions import FunctionValue
from wafersim.csl.analyse.operands import VOID, Known, Memory, Operand, Reg
from wafersim.csl.source import Span
from wafersim.ir.program import NONE

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser


def builtin_call(an: Analyser, node: ast.BuiltinCall, want: t.Type | None) -> Operand:
    from wafersim.csl.analyse.analyser import suggestion
    from wafersim.csl.builtins import registry

    table = registry.table()
    found = table.get(node.name)
    if found is None:
        hint = suggestion(node.name, [name for name in table if not name.startswith("wafersim_")])
        raise an.error(node.name_span, f"there is no builtin '@{node.name}'{hint.replace(chr(39), chr(39) + '@', 1)}")
    count = len(node.args)
    if count < found.least or (found.most is not None and count > found.most):
        raise an.error(node.span, f"@{node.name} takes {_arity(found)}, found {count}")
    if found.layout_only and not an.unit.is_layout:
        raise an.error(node.span, f"'@{node.name}' belongs into a layout block")
    iterations.refuse_builtin(an.unit, node.name)
    return found.handler(an, node, want)


def _arity(found) -> str:
    plural = "" if (found.most or found.least) == 1 else "s"
    if found.most is None:
        return f"at least {found.least} argument{plural}"
    amount = str(found.least) if found.least == found.most else f"{found.least} to {found.most}"
    return f"{amount} argument{plural}"


def call(an: Analyser, node: ast.Call, want: t.Type | None) -> Operand:
    callee = an.eval(node.callee)
    ty = callee.type
    if isinstance(ty, t.PointerType) and isinstance(ty.pointee, t.FnType):
        if not isinstance(callee, Known):
            return _call_pointer(an, node, callee, ty.pointee)
        callee, ty = Known(ty.pointee, an.defined(callee, node.callee.span)), ty.pointee
    if not isinstance(ty, t.FnType) or not isinstance(callee, Known):
        raise an.error(node.callee.span, f"a value of type '{ty}' cannot be called")
    if ty.is_task:
        raise an.error(node.span, "a task cannot be called: use '@activate'")
    value = an.defined(callee, node.callee.span)
    assert isinstance(value, FunctionValue)
    bound = functions.bind_arguments(an, value, node.args, node.span)
    result = functions.result_type(an.unit, value, bound.scope, node.span)
    if an.comptime or (result is None or result.comptime_only):
        return _execute(an, node, value, bound, result)
    return _call(an, node, value, bound, result)


def _execute(an: Analyser, node: ast.Call, value: FunctionValue, bound: functions.Arguments, result) -> Operand:
    for argument, expr in zip(bound.operands, node.args, strict=True):
        if not isinstance(argument, Known):
            with an.comptime_only(node.span, f"'{value.decl.name}' runs at compile time"):
                raise an.not_known(expr.span, "this argument")
    return functions.execute(an, value, bound, result, node.span)


def _call(an: Analyser, node: ast.Call, value: FunctionValue, bound: functions.Arguments, result: t.Type) -> Operand:
    an.runtime_only(node.span, f"calling '{value.decl.name}'")
    instance = functions.instantiate(an.unit, value, bound, node.span)
    runtime = [
        (operand, expr.span)
        for operand, param, expr in zip(bound.operands, instance.params, node.args, strict=True)
        if not isinstance(param, Known)
    ]
    return _emit(an, node.span, "call", runtime, result, imm=instance.index)


def _call_pointer(an: Analyser, node: ast.Call, callee: Operand, ty: t.FnType) -> Operand:
    if len(node.args) != len(ty.params):
        raise an.error(node.span, f"'{ty}' takes {len(ty.params)} arguments, found {len(node.args)}")
    if an.comptime:
        raise an.not_known(node.callee.span, "this function")
    params = [param for param in ty.params if param is not None]
    assert ty.result is not None and len(params) == len(ty.params), "types of pointers are never generic"
    arguments = [(an.eval_as(arg, param), arg.span) for arg, param in zip(node.args, params, strict=True)]
    return _emit(an, node.span, "callp", arguments, ty.result, b=an.operand(callee, node.callee.span))


def _emit(
    an: Analyser, span: Span, op: str, arguments: list[tuple[Operand, Span]], result: t.Type, *, imm: int = 0,
    b: int = NONE,
) -> Operand:  # fmt: skip
    """The call: arguments in consecutive registers, the address of an aggregate result first."""
    builder = an.runtime_only(span, "a call")
    sources: list[tuple[int, t.Type]] = []
    place: Memory | None = None
    if t.is_aggregate(result):
        place = places.frame_place(an, result, span)
        sources.append((an.address(place, span), t.U16))
    for operand, where in arguments:
        if t.is_aggregate(operand.type):
            sources.append((an.address(_own_copy(an, operand, where), where), t.U16))
        else:
            sources.append((an.operand(operand, where), operand.type))
    first = _in_a_row(an, sources, span)
    has_result = place is None and result not in (t.VOID, t.NORETURN)
    register = builder.new_register() if has_result else NONE
    builder.emit(span, op, dst=register, a=first, b=b, c=len(sources), imm=imm)
    if place is not None:
        return place
    return Reg(result, register) if has_result else VOID


def _own_copy(an: Analyser, operand: Operand, span: Span) -> Operand:
    """An aggregate argument that nothing changes while the function runs."""
    if not isinstance(operand, Memory) or operand.const:
        return operand
    place = places.frame_place(an, operand.type, span)
    places.store_memory(an, place, operand, span)
    return place


def _in_a_row(an: Analyser, sources: list[tuple[int, t.Type]], span: Span) -> int:
    """The first of consecutive registers with the arguments; the call copies them, so any registers will do."""
    operands = [source for source, _ in sources]
    if not operands:
        return NONE
    if operands[0] >= 0 and operands == list(range(operands[0], operands[0] + len(operands))):
        return operands[0]
    builder = an.runtime_only(span, "a call")
    first = builder.consecutive(len(sources))
    for position, (source, ty) in enumerate(sources):
        builder.emit(span, "mov", t.ir_type(ty), dst=first + position, a=source)
    return first
