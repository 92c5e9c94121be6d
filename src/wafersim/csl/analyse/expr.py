"""Expressions: names, operators, members, elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import coerce as coercion
from wafersim.csl.analyse import control, literals, places
from wafersim.csl.analyse.builder import Label
from wafersim.csl.analyse.operands import Known, Operand, Reg, Slot, known_type
from wafersim.csl.comptime import arith
from wafersim.csl.comptime.values import DIRECTIONS, UNDEFINED_VALUE
from wafersim.csl.diagnostics import Abort
from wafersim.csl.source import Span

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser


def unreachable(an: Analyser, node: ast.UnreachableExpr, want: t.Type | None) -> Operand:
    if an.comptime:
        raise an.error(node.span, "compile-time execution reaches 'unreachable'")
    an.emit(node.span, "trap", imm=an.unit.program.message("reached 'unreachable'"))
    return Known(t.NORETURN, None)


def asm(an: Analyser, node: ast.AsmExpr, want: t.Type | None) -> Operand:
    raise an.error(node.span, "inline assembly is not supported")


def comptime_expr(an: Analyser, node: ast.ComptimeExpr, want: t.Type | None) -> Operand:
    with an.comptime_only(node.span, "'comptime' asks for compile time here"):
        return an.require_known(an.eval(node.operand, want), node.span)


# ------------------------------------------------------------------------------------------------ names


def ident(an: Analyser, node: ast.Ident, want: t.Type | None) -> Operand:
    binding = an.scope.find(node.name)
    found = binding.operand if binding is not None else an.module.find(node.name, node.span)
    if found is not None:
        if found.type == t.FAILED:
            raise Abort
        return found
    if node.name in DIRECTIONS:
        return Known(t.DIRECTION, DIRECTIONS[node.name])
    if node.name in t.REFUSED:
        raise an.error(node.span, t.REFUSED[node.name])
    named = t.named_type(node.name)
    if named is not None:
        return known_type(named)
    from wafersim.csl.analyse.analyser import suggestion

    visible = [*an.scope.visible(), *an.module.entries, *t.NAMED]
    raise an.error(node.span, f"'{node.name}' is not declared{suggestion(node.name, visible)}")


def member(an: Analyser, node: ast.Member, want: t.Type | None) -> Operand:
    from wafersim.csl.analyse.analyser import suggestion

    operand = an.analyse(node.operand)
    if operand.type == t.MODULE:
        module = an.require_known(places.load(an, operand, node.operand.span), node.operand.span).value
        found = module.find(node.name, node.name_span)
        if found is None:
            hint = suggestion(node.name, list(module.entries))
            raise an.error(node.name_span, f"the module has no member '{node.name}'{hint}")
        return found
    if isinstance(operand, Known) and operand.type == t.TYPE and isinstance(operand.value, t.EnumType):
        return literals.enum_member(an, operand.value, node.name, node.name_span)
    if isinstance(operand.type, t.PointerType) and isinstance(operand.type.pointee, t.StructType):
        operand = places.dereference(an, places.load(an, operand, node.span), node.span)
    if not isinstance(operand.type, t.StructType):
        raise an.error(node.name_span, f"a value of type '{operand.type}' has no member '{node.name}'")
    position = operand.type.index(node.name)
    if position is None:
        hint = suggestion(node.name, [name for name, _ in operand.type.fields])
        raise an.error(node.name_span, f"'{operand.type}' has no field '{node.name}'{hint}")
    return places.field_at(an, operand, position, node.span)


def deref(an: Analyser, node: ast.Deref, want: t.Type | None) -> Operand:
    return places.dereference(an, an.eval(node.operand), node.span)


def index(an: Analyser, node: ast.Index, want: t.Type | None) -> Operand:
    operand = an.analyse(node.operand)
    indices = [an.eval(item) for item in node.indices]
    return places.element_at(an, operand, indices, [item.span for item in node.indices], node.span)


# ------------------------------------------------------------------------------------------- operators


def unary(an: Analyser, node: ast.Unary, want: t.Type | None) -> Operand:
    if node.op == "&":
        place = an.analyse(node.operand)
        if isinstance(place, Slot) and not an.comptime:
            raise an.error(node.span, "a compile-time variable has no address")
        return places.address_of(an, place, node.span, const=False)
    operand = an.eval(node.operand, want)
    ty = operand.type
    allowed = {"-": t.is_numeric(ty), "!": ty == t.BOOL, "~": t.is_integer(ty)}[node.op]
    if not allowed:
        raise an.error(node.span, f"'{node.op}' does not work on a value of type '{ty}'")
    if node.op == "-" and isinstance(ty, t.IntType) and not ty.signed:
        raise an.error(node.span, f"'-' does not work on the unsigned type '{ty}'")
    if isinstance(operand, Known):
        return Known(ty, _fold_unary(an, node, operand))
    result = an.result(node.span, "neg" if node.op == "-" else "not", ty, a=an.operand(operand, node.span))
    return coercion.narrow(an, result, ty, node.span)


def _fold_unary(an: Analyser, node: ast.Unary, operand: Known):
    value = an.defined(operand, node.operand.span)
    try:
        if node.op == "!":
            return not value
        return arith.negate(operand.type, value) if node.op == "-" else arith.invert(operand.type, value)
    except arith.Problem as problem:
        raise an.error(node.span, str(problem)) from None


_OPS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "rem", "&": "and", "|": "or", "^": "xor"}
_COMPARE = {"==": ("eq", False), "!=": ("ne", False), "<": ("lt", False), "<=": ("le", False), ">": ("lt", True),
            ">=": ("le", True)}  # fmt: skip
"""Operator -> operation, and whether the operands change places."""


def binary(an: Analyser, node: ast.Binary, want: t.Type | None) -> Operand:
    if node.op in ("and", "or"):
        return _logical(an, node)
    compares = node.op in _COMPARE
    left = an.eval(node.left, None if compares else want)
    if node.op in ("<<", ">>"):
        return shift(an, node.op, left, an.eval(node.right), node.span, node)
    right = an.eval(node.right, left.type if isinstance(left.type, t.EnumType) else None if compares else want)
    return operate(an, node.op, left, right, node.span, node)


def operate(
    an: Analyser, op: str, left: Operand, right: Operand, span: Span, node: ast.Binary | None = None
) -> Operand:
    """The result of a binary operator other than shifts and `and`, `or`."""
    ty = coercion.common_type(left, right)
    if ty is None:
        raise an.error(span, f"'{op}' does not work on values of types '{left.type}' and '{right.type}'")
    left = an.coerce(left, ty, node.left.span if node else span)
    right = an.coerce(right, ty, node.right.span if node else span)
    if op in _COMPARE:
        return _compare(an, op, left, right, ty, span)
    _check_arithmetic(an, op, ty, span)
    if isinstance(left, Known) and isinstance(right, Known):
        return _fold(an, op, left, right, span)
    if op in ("/", "%") and t.is_integer(ty) and isinstance(right, Known) and right.value == 0:
        raise an.error(span, "division by zero")
    a, b = an.operand(left, span), an.operand(right, span)
    return coercion.narrow(an, an.result(span, _OPS[op], ty, a=a, b=b), ty, span)


def _check_arithmetic(an: Analyser, op: str, ty: t.Type, span: Span) -> None:
    bitwise = op in ("&", "|", "^")
    if not (t.is_integer(ty) or (t.is_float(ty) and not bitwise) or (ty == t.BOOL and bitwise)):
        raise an.error(span, f"'{op}' does not work on values of type '{ty}'")


def _fold(an: Analyser, op: str, left: Known, right: Known, span: Span) -> Known:
    ty = left.type
    if UNDEFINED_VALUE in (left.value, right.value):
        raise an.error(span, "the value used here is undefined")
    try:
        return Known(ty, arith.binary(op, ty, left.value, right.value))
    except arith.Problem as problem:
        raise an.error(span, str(problem)) from None


def shift(an: Analyser, op: str, left: Operand, right: Operand, span: Span, node: ast.Binary | None = None) -> Operand:
    """`<<` and `>>`: the right side may be any integer."""
    if not t.is_integer(left.type) or not t.is_integer(right.type):
        raise an.error(span, f"'{op}' does not work on values of types '{left.type}' and '{right.type}'")
    if isinstance(left, Known) and isinstance(right, Known):
        return _fold(an, op, left, right, span)
    if left.type == t.COMPTIME_INT:
        raise an.error(node.left.span if node else span, "the type of the left side is not clear: use '@as'")
    count = an.coerce(right, t.U16, span) if right.type == t.COMPTIME_INT else right
    a, b = an.operand(left, span), an.operand(count, span)
    result = an.result(span, "shl" if op == "<<" else "shr", left.type, a=a, b=b)
    return coercion.narrow(an, result, left.type, span)


_COMPARABLE = (t.TYPE, t.COMPTIME_STRING, t.BOOL, t.DIRECTION, t.VOID)


def _compare(an: Analyser, op: str, left: Operand, right: Operand, ty: t.Type, span: Span) -> Operand:
    equality = op in ("==", "!=")
    equatable = ty in _COMPARABLE or isinstance(ty, (t.EnumType, t.PointerType)) or t.is_id(ty)
    if not (t.is_numeric(ty) or (equality and equatable)):
        raise an.error(span, f"values of type '{ty}' cannot be compared with '{op}'")
    if isinstance(left, Known) and isinstance(right, Known):
        if UNDEFINED_VALUE in (left.value, right.value):
            raise an.error(span, "the value used here is undefined")
        return Known(t.BOOL, arith.compare(op, left.value, right.value))
    mnemonic, swapped = _COMPARE[op]
    a, b = an.operand(left, span), an.operand(right, span)
    builder = an.runtime_only(span, "this comparison")
    register = builder.new_register()
    builder.emit(span, mnemonic, t.ir_type(ty), dst=register, a=b if swapped else a, b=a if swapped else b)
    return Reg(t.BOOL, register)


def _logical(an: Analyser, node: ast.Binary) -> Operand:
    """`and` and `or` evaluate the right side only where it decides."""
    left = control.condition(an, node.left)
    deciding = node.op == "or"
    if isinstance(left, Known):
        return left if left.value == deciding else control.condition(an, node.right)
    builder = an.runtime_only(node.span, f"'{node.op}'")
    result, end = an.new_variable(t.BOOL), Label()
    builder.move(node.span, t.ir_type(t.BOOL), result.register, left.operand, left.temporary)
    builder.branch(node.span, result.register, end, when=deciding)
    with control.conditional(an):
        places.store(an, result, control.condition(an, node.right), node.right.span)
    builder.bind(end)
    return Reg(t.BOOL, result.register, temporary=False)


