"""`switch`, as statement and as value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import control
from wafersim.csl.analyse.builder import Label
from wafersim.csl.analyse.control import DIVERGES, Flow
from wafersim.csl.analyse.operands import Known, Operand
from wafersim.csl.diagnostics import Note

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser

Node = ast.Switch | ast.SwitchExpr


def _subject(an: Analyser, node: Node) -> Operand:
    subject = an.eval(node.subject)
    ty = subject.type
    if not (t.is_integer(ty) or isinstance(ty, t.EnumType) or t.is_id(ty) or ty in (t.BOOL, t.TYPE, t.DIRECTION)):
        raise an.error(node.subject.span, f"'switch' needs an integer, enum, bool or id, found '{ty}'")
    return subject


def _values(an: Analyser, node: Node, ty: t.Type) -> list[list[Known]]:
    """Known values of each case; refuses values that occur twice and choices that are not complete."""
    seen: dict[object, ast.Expr] = {}
    cases = []
    for case in node.cases:
        found = []
        for value in case.values:
            known = an.known(value, "the values of a switch must be known at compile time", ty)
            payload = an.defined(known, value.span)
            if payload in seen:
                raise an.error(value.span, "this value occurs twice", Note(seen[payload].span, "the first one is here"))
            seen[payload] = value
            found.append(known)
        cases.append(found)
    defaults = [case for case in node.cases if not case.values]
    if len(defaults) > 1:
        raise an.error(defaults[1].span, "a switch has at most one 'else'")
    _check_complete(an, node, ty, seen, bool(defaults))
    return cases


def _check_complete(an: Analyser, node: Node, ty: t.Type, seen: dict[object, ast.Expr], has_else: bool) -> None:
    if has_else:
        return
    if isinstance(ty, t.EnumType):
        missing = [name for name, value in ty.members if value not in seen]
        if missing:
            raise an.error(node.span, f"the switch has no case for: {', '.join(missing)}")
    elif ty == t.BOOL and len(seen) == 2:
        return
    elif not (isinstance(ty, t.IntType) and len(seen) == 1 << ty.bits):
        raise an.error(node.span, "the switch needs an 'else'")


def _chosen(node: Node, values: list[list[Known]], subject: Known) -> ast.SwitchCase:
    """The case of a known subject."""
    for case, known in zip(node.cases, values, strict=True):
        if any(item.value == subject.value for item in known):
            return case
    return next(case for case in node.cases if not case.values)


def _body(an: Analyser, case: ast.SwitchCase) -> Flow | None:
    if isinstance(case.body, ast.Block):
        return control.block(an, case.body)
    return control.scoped(an, ast.ExprStmt(case.body.span, case.body))


def switch_stmt(an: Analyser, stmt: ast.Switch) -> Flow | None:
    subject = _subject(an, stmt)
    values = _values(an, stmt, subject.type)
    if isinstance(subject, Known):
        an.defined(subject, stmt.subject.span)
        return _body(an, _chosen(stmt, values, subject))
    builder = an.runtime_only(stmt.span, "this switch")
    end, flows = Label(), []
    labels = [Label() for _ in stmt.cases]
    _emit_choice(an, stmt, subject, values, labels, end)
    for case, label in zip(stmt.cases, labels, strict=True):
        builder.bind(label)
        with control.conditional(an):
            flow = _body(an, case)
        flows.append(flow)
        if flow is None:
            builder.jump(case.span, end)
    builder.bind(end)
    return DIVERGES if all(flow is not None for flow in flows) else None


def _emit_choice(
    an: Analyser, node: Node, subject: Operand, values: list[list[Known]], labels: list[Label], end: Label
) -> None:
    """Compare with each value and jump to the label of its case."""
    builder = an.builder
    assert builder is not None
    operand = an.operand(subject, node.subject.span)
    default = end
    for case, known, label in zip(node.cases, values, labels, strict=True):
        if not case.values:
            default = label
        for item in known:
            equal = builder.new_register()
            b = an.operand(item, case.span)
            builder.emit(case.span, "eq", t.ir_type(subject.type), dst=equal, a=operand, b=b)
            builder.branch(case.span, equal, label, when=True)
    if default is end and labels:
        default = labels[-1]
    builder.jump(node.span, default)


def switch_expr(an: Analyser, node: ast.SwitchExpr, want: t.Type | None) -> Operand:
    subject = _subject(an, node)
    values = _values(an, node, subject.type)
    if isinstance(subject, Known):
        an.defined(subject, node.subject.span)
        body = _chosen(node, values, subject).body
        if isinstance(body, ast.Block):
            return control.block_expr(an, ast.BlockExpr(body.span, body), want)
        return an.analyse(body, want)
    builder = an.runtime_only(node.span, "this switch")
    with control.conditional(an):
        arms = [control.arm(an, case.body, want) for case in node.cases]
    result = control.merge(an, arms, want, node.span)
    end, labels = Label(), [Label() for _ in node.cases]
    _emit_choice(an, node, subject, values, labels, end)
    for (_, code, span), label in zip(arms, labels, strict=True):
        builder.bind(label)
        builder.splice(code)
        builder.jump(span, end)
    builder.bind(end)
    return result


