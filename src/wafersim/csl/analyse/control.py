"""Control flow: sequences, conditions, loops, blocks, jumps.

Where the condition is known only the branch taken is analysed. At compile time statements are executed and
jumps travel upwards as `Flow` values; in running code they are emitted, and the flow `DIVERGES` says that
what follows cannot be reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import coerce as coercion
from wafersim.csl.analyse import places
from wafersim.csl.analyse.builder import Code, Label
from wafersim.csl.analyse.operands import FALSE, TRUE, VOID, Known, Memory, Operand, Reg
from wafersim.csl.diagnostics import Abort, TooManyErrors
from wafersim.csl.source import Span

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser


@dataclass(slots=True, eq=False)
class Target:
    """What `break` and `continue` may name: a loop, or a labelled block.

    A target of running code has labels; for the value of a block, each `break` leaves its code and operand.
    """

    label: str | None
    is_loop: bool
    runtime: bool
    depth: int
    end: Label = field(default_factory=Label)
    next: Label = field(default_factory=Label)
    values: list[tuple[Operand, Code, Span]] = field(default_factory=list)
    """Of a block in running code: value, code that goes to the end of the block, position of each break."""
    want: t.Type | None = None


@dataclass(slots=True, eq=False)
class Flow:
    """Why control does not reach the end of a statement; `kind`: break, continue, return or diverges."""

    kind: str
    target: Target | None = None
    value: Operand = VOID


DIVERGES = Flow("diverges")


# ------------------------------------------------------------------------------------------- sequences


def sequence(an: Analyser, statements: list[ast.Stmt]) -> Flow | None:
    """Statements in order. After an error the next statement is tried, in running code."""
    flow, failed = None, False
    for stmt in statements:
        if flow is not None:
            break
        try:
            flow = an.execute(stmt)
        except Escape as escape:
            flow = escape.flow
        except TooManyErrors:
            raise
        except Abort:
            if an.comptime and not _independent(an, stmt):
                raise
            failed = True
            if an.builder is not None:
                an.builder.broken = True
            _declare_failed(an, stmt)
    if failed and flow is None and an.builder is None:
        raise Abort
    return flow


def _independent(an: Analyser, stmt: ast.Stmt) -> bool:
    """May compile-time execution go on after an error in a statement? Yes if the next ones do not see its effect:
    after an assertion or a binding in a comptime block, but not in a function or loop."""
    return isinstance(stmt, ast.ExprStmt) and an.result_type is None and not an.targets


def _declare_failed(an: Analyser, stmt: ast.Stmt) -> None:
    """Make the name of a declaration with an error known, so that its uses give no further errors."""
    if isinstance(stmt, ast.VarDecl) and stmt.name not in an.scope.names:
        an.declare(stmt.name, Known(t.FAILED, None), stmt.name_span)


def block(an: Analyser, stmt: ast.Block) -> Flow | None:
    """A statement block; labelled ones can be left with `break :label`."""
    if stmt.label is None:
        with an.new_scope():
            return sequence(an, stmt.statements)
    return _labelled(an, stmt, None)[1]


def block_expr(an: Analyser, node: ast.BlockExpr, want: t.Type | None) -> Operand:
    """A block as a value: what its labelled breaks give, `{}` of type void, or nothing if it does not end."""
    inner = node.block
    if inner.label is None:
        with an.new_scope():
            flow = sequence(an, inner.statements)
        return _flow_operand(an, flow, node.span)
    value, flow = _labelled(an, inner, want)
    return value if flow is None else _flow_operand(an, flow, node.span)


class Escape(Exception):
    """A compile-time jump out of an expression; `sequence` turns it back into a flow."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow


def _flow_operand(an: Analyser, flow: Flow | None, span: Span) -> Operand:
    if flow is None:
        return VOID
    if flow is not DIVERGES:
        raise Escape(flow)
    return Known(t.NORETURN, None)


def _labelled(an: Analyser, stmt: ast.Block, want: t.Type | None) -> tuple[Operand, Flow | None]:
    target = Target(stmt.label, False, not an.comptime, an.depth, want=want)
    if an.comptime:
        with inside(an, target), an.new_scope():
            flow = sequence(an, stmt.statements)
        if flow is not None and flow.target is target:
            return flow.value, None
        return VOID, flow
    builder = an.runtime_only(stmt.span, "this block")
    with inside(an, target), an.new_scope(), builder.captured() as code:
        flow = sequence(an, stmt.statements)
    if target.values and flow is None:
        raise an.error(stmt.span, f"the block '{stmt.label}' can end without a value")
    return _merge_values(an, target, code, stmt.span), None if flow is None or target.end.used else DIVERGES


def _merge_values(an: Analyser, target: Target, code: Code, span: Span) -> Operand:
    """Put a labelled block's code in place, the values of its breaks brought together."""
    builder = an.builder
    assert builder is not None
    if len(target.values) == 1 and builder.ends_with(code, target.values[0][1], target.end):
        code.pop()  # the only break is the end of the block: no jump is needed
        builder.splice(code)
        return target.values[0][0]
    result = merge(an, target.values, target.want, span) if target.values else VOID
    builder.splice(code)
    builder.bind(target.end)
    return result


@contextmanager
def inside(an: Analyser, target: Target) -> Iterator[None]:
    an.targets.append(target)
    try:
        yield
    finally:
        an.targets.pop()


# ---------------------------------------------------------------------------------- merging run-time arms


def merge(an: Analyser, arms: list[tuple[Operand, Code, Span]], want: t.Type | None, span: Span) -> Operand:
    """One operand for the values of several arms; each arm's code gets the moves it needs appended."""
    arms = [arm for arm in arms if arm[0].type != t.NORETURN]
    if not arms:
        return Known(t.NORETURN, None)
    ty = _merged_type(an, [value for value, _, _ in arms], want, span)
    if ty == t.VOID:
        return VOID
    if ty.comptime_only:
        raise an.error(span, f"a value of type '{ty}' cannot depend on a condition known only at run time")
    builder = an.builder
    assert builder is not None
    offset = builder.reserve_frame(t.words(ty)) if t.is_aggregate(ty) else None
    variable = an.new_variable(ty)
    place: Operand = variable if offset is None else Memory(ty, base=variable.register)
    for value, code, where in arms:
        saved, builder.code = builder.code, code
        try:
            if offset is not None:  # the arms have no common start: each takes the address for itself
                builder.emit(where, "frame", dst=variable.register, imm=offset)
            places.store(an, place, coercion.coerce(an, value, ty, where), where)
        finally:
            builder.code = saved
    return place if isinstance(place, Memory) else Reg(ty, variable.register, temporary=False)


def _merged_type(an: Analyser, values: list[Operand], want: t.Type | None, span: Span) -> t.Type:
    """The common type of the arms; where that is not settled, the type the context expects."""
    common: Operand | None = values[0]
    for value in values[1:]:
        ty = coercion.common_type(common, value)
        if ty is None:
            common = None
            break
        common = common if common.type == ty else value
    if want not in (None, t.COMPTIME_STRUCT) and (common is None or not _settled(common.type)):
        return want
    if common is None:
        first, other = _different(values)
        raise an.error(span, f"the branches give different types: '{first}' and '{other}'")
    if common.type in (t.COMPTIME_INT, t.COMPTIME_FLOAT):
        raise an.error(span, "the type of this value is not clear: give one branch a type with '@as'")
    return common.type


def _settled(ty: t.Type) -> bool:
    """Is this the type a value keeps? Compile-time numbers and struct literals still take the one expected."""
    return not ty.comptime_only and not (isinstance(ty, t.StructType) and ty.anonymous)


def _different(values: list[Operand]) -> tuple[t.Type, t.Type]:
    """Two types among the values that have no common type."""
    pairs = ((a, b) for a in values for b in values if coercion.common_type(a, b) is None)
    first, other = next(pairs, (values[0], values[-1]))
    return first.type, other.type


# ------------------------------------------------------------------------------------------- conditions


def condition(an: Analyser, expr: ast.Expr) -> Known | Reg:
    """A condition: a known or run-time bool."""
    value = an.eval(expr, t.BOOL)
    if value.type == t.NORETURN:
        raise Abort
    if value.type != t.BOOL:
        raise an.error(expr.span, f"a condition must be 'bool', found '{value.type}'")
    if isinstance(value, Known):
        an.defined(value, expr.span)
        return value
    assert isinstance(value, Reg)
    return value


def branch_unless(an: Analyser, expr: ast.Expr, target: Label) -> Known | None:
    """Emit a jump to `target` for a false condition; a known condition is given back and nothing emitted."""
    return _branch(an, expr, target, when=False)


def branch_if(an: Analyser, expr: ast.Expr, target: Label) -> Known | None:
    """Emit a jump to `target` for a true condition; a known condition is given back and nothing emitted."""
    return _branch(an, expr, target, when=True)


def _branch(an: Analyser, expr: ast.Expr, target: Label, *, when: bool) -> Known | None:
    if not an.comptime and isinstance(expr, ast.Unary) and expr.op == "!":
        inner = _branch(an, expr.operand, target, when=not when)
        return None if inner is None else (FALSE if inner.value else TRUE)
    if not an.comptime and isinstance(expr, ast.Binary) and expr.op in ("and", "or"):
        return _branch_logical(an, expr, target, when=when)
    value = condition(an, expr)
    if isinstance(value, Known):
        return value
    assert an.builder is not None
    an.builder.branch(expr.span, value.operand, target, when=when)
    return None


def _branch_logical(an: Analyser, expr: ast.Binary, target: Label, *, when: bool) -> Known | None:
    """Jumps of `and` and `or` without computing the bool."""
    builder = an.builder
    assert builder is not None
    deciding = expr.op == "or"  # the value of the left side that decides alone
    over = Label()
    left = _branch(an, expr.left, target if deciding == when else over, when=deciding)
    if left is not None:
        return left if left.value == deciding else _branch(an, expr.right, target, when=when)
    with conditional(an):
        right = _branch(an, expr.right, target, when=when)
    if right is not None and right.value == when:
        builder.jump(expr.span, target)
    builder.bind(over)
    return None


@contextmanager
def conditional(an: Analyser) -> Iterator[None]:
    """What is analysed inside is executed under a condition known only at run time."""
    an.depth += 1
    try:
        yield
    finally:
        an.depth -= 1


# ------------------------------------------------------------------------------------------------- if


def if_stmt(an: Analyser, stmt: ast.If) -> Flow | None:
    otherwise = Label()
    known = branch_unless(an, stmt.condition, otherwise)
    if known is not None:
        chosen = stmt.then if known.value else stmt.otherwise
        return None if chosen is None else scoped(an, chosen)
    builder = an.builder
    assert builder is not None
    with conditional(an):
        then_flow = scoped(an, stmt.then)
        if stmt.otherwise is None:
            builder.bind(otherwise)
            return None
        end = Label()
        if then_flow is None:
            builder.jump(stmt.span, end)
        builder.bind(otherwise)
        else_flow = scoped(an, stmt.otherwise)
        builder.bind(end)
    return DIVERGES if then_flow is not None and else_flow is not None else None


def scoped(an: Analyser, stmt: ast.Stmt) -> Flow | None:
    """A statement whose declarations are its own."""
    if isinstance(stmt, ast.Block):
        return block(an, stmt)
    with an.new_scope():
        return sequence(an, [stmt])


def if_expr(an: Analyser, node: ast.IfExpr, want: t.Type | None) -> Operand:
    otherwise = Label()
    known = branch_unless(an, node.condition, otherwise)
    if known is not None:
        chosen = node.then if known.value else node.otherwise
        if chosen is None:
            raise an.error(node.span, "this 'if' has no value: the condition is false and there is no 'else'")
        return an.analyse(chosen, want)
    if node.otherwise is None:
        raise an.error(node.span, "an 'if' used as a value needs an 'else' here")
    builder = an.builder
    assert builder is not None
    with conditional(an):
        then = arm(an, node.then, want)
        other = arm(an, node.otherwise, want)
    result = merge(an, [then, other], want, node.span)
    end = Label()
    builder.splice(then[1])
    builder.jump(node.span, end)
    builder.bind(otherwise)
    builder.splice(other[1])
    builder.bind(end)
    return result


def arm(an: Analyser, body: ast.Expr | ast.Block, want: t.Type | None) -> tuple[Operand, Code, Span]:
    """Analyse one arm of a choice made at run time, keeping its code apart."""
    assert an.builder is not None
    with an.builder.captured() as code:
        if isinstance(body, ast.Block):
            value = block_expr(an, ast.BlockExpr(body.span, body), want)
        else:
            value = an.eval(body, want)
    return value, code, body.span


# ---------------------------------------------------------------------------------------------- jumps


def find_target(an: Analyser, label: str | None, span: Span, *, loop: bool) -> Target:
    for target in reversed(an.targets):
        if (label is None and target.is_loop) or (label is not None and target.label == label):
            if loop and not target.is_loop:
                raise an.error(span, f"'{label}' is not the label of a loop")
            if target.runtime and an.comptime:
                raise an.error(span, "compile-time code cannot jump out into running code")
            return target
    if label:
        raise an.error(span, f"there is no enclosing block labelled '{label}'")
    raise an.error(span, f"'{span.text.split(maxsplit=1)[0]}' is not inside a loop")


def break_stmt(an: Analyser, stmt: ast.Break) -> Flow:
    target = find_target(an, stmt.label, stmt.span, loop=False)
    if stmt.value is not None and target.is_loop:
        raise an.error(stmt.value.span, "a loop has no value")
    if not target.runtime:
        _refuse_conditional(an, target, stmt.span)
        value = an.eval(stmt.value, target.want) if stmt.value is not None else VOID
        return Flow("break", target, value)
    builder = an.builder
    assert builder is not None
    if stmt.value is None:
        builder.jump(stmt.span, target.end)
        return DIVERGES
    with builder.captured() as code:
        value = an.eval(stmt.value, target.want)
    target.values.append((value, code, stmt.span))
    builder.code.append(code)
    builder.jump(stmt.span, target.end)
    return DIVERGES


def _refuse_conditional(an: Analyser, target: Target, span: Span) -> None:
    if an.depth > target.depth:
        raise an.error(span, "a compile-time loop cannot be left under a condition known only at run time")


def continue_stmt(an: Analyser, stmt: ast.Continue) -> Flow:
    target = find_target(an, stmt.label, stmt.span, loop=True)
    if not target.runtime:
        _refuse_conditional(an, target, stmt.span)
        return Flow("continue", target)
    assert an.builder is not None
    an.builder.jump(stmt.span, target.next)
    return DIVERGES


__all__ = ["DIVERGES", "Escape", "Flow", "Target"]
