"""The walk over the AST: one `Analyser` per function body, comptime block or declaration.

`analyse` gives the operand of an expression and emits code for what only the running program can know;
`execute` does the same for statements. In compile-time mode (`comptime`) nothing is emitted: statements are
executed, and whatever is not known is an error whose notes say what forces compile time (`reasons`).
Handlers are functions in the sibling modules, found by the class of the AST node.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import coerce as coercion
from wafersim.csl.analyse import control, dispatch, places
from wafersim.csl.analyse.builder import FunctionBuilder
from wafersim.csl.analyse.control import Flow, Target
from wafersim.csl.analyse.modules import Module
from wafersim.csl.analyse.operands import Aggregate, Known, Memory, Operand, Reg, Variable
from wafersim.csl.analyse.scope import Binding, Scope
from wafersim.csl.analyse.unit import Unit
from wafersim.csl.comptime import encode
from wafersim.csl.comptime.traced import plain
from wafersim.csl.comptime.values import UNDEFINED_VALUE
from wafersim.csl.diagnostics import Abort, Note
from wafersim.csl.source import Span
from wafersim.ir.ops import Ty
from wafersim.ir.program import Instr


@dataclass(slots=True, eq=False)
class Analyser:
    """State of one walk. `builder` is None where no code can be emitted at all."""

    unit: Unit
    module: Module
    comptime: bool = False
    builder: FunctionBuilder | None = None
    scope: Scope = field(default_factory=Scope)
    result_type: t.Type | None = None
    """Result type of the function being analysed; None outside functions."""
    result_address: int | None = None
    """Operand with the address an aggregate result is written to."""
    in_memory: frozenset[str] = frozenset()
    """Locals that must live in the stack frame because their address is taken."""
    reasons: list[Note] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    depth: int = 0
    """Run-time conditions around the present statement."""
    type_name: str | None = None
    """Name of the declaration being analysed: struct and enum types take it."""

    # --------------------------------------------------------------------------------------- expressions

    def analyse(self, expr: ast.Expr, want: t.Type | None = None) -> Operand:
        """The operand of an expression; places stay places. `want` is the type the context expects."""
        return dispatch.EXPRESSIONS[type(expr)](self, expr, want)

    def eval(self, expr: ast.Expr, want: t.Type | None = None) -> Operand:
        """The value of an expression: `Known`, `Reg`, `Aggregate`, `RangeOf`, or `Memory` for aggregates."""
        return places.load(self, dispatch.EXPRESSIONS[type(expr)](self, expr, want), expr.span)

    def eval_as(self, expr: ast.Expr, ty: t.Type) -> Operand:
        """The value of an expression, coerced to a type."""
        return coercion.coerce(self, self.eval(expr, ty), ty, expr.span)

    def known(self, expr: ast.Expr, reason: str, ty: t.Type | None = None) -> Known:
        """The value of an expression that must be known at compile time; `reason` says why, as a sentence.

        With `ty` the value is coerced to that type.
        """
        saved, self.comptime = self.comptime, True
        self.reasons.append(Note(expr.span, reason))
        try:
            value = self.eval(expr, ty)
            if ty is not None:
                value = coercion.coerce(self, value, ty, expr.span)
            return self.require_known(value, expr.span)
        finally:
            self.comptime = saved
            self.reasons.pop()

    def type_of(self, expr: ast.Expr, reason: str = "types must be known at compile time") -> t.Type:
        """The type that a type expression denotes."""
        operand = self.known(expr, reason)
        if operand.type != t.TYPE:
            raise self.error(expr.span, f"expected a type, found a value of type '{operand.type}'")
        return operand.value

    def known_int(self, expr: ast.Expr, reason: str, least: int | None = None, most: int | None = None) -> int:
        """A compile-time integer of any integer type, between `least` and `most` if given."""
        return plain(self.known_number(expr, reason, least, most))

    def known_number(self, expr: ast.Expr, reason: str, least: int | None = None, most: int | None = None) -> int:
        """The same where the integer may be `Traced`."""
        operand = self.known(expr, reason)
        if not t.is_integer(operand.type):
            raise self.error(expr.span, f"expected an integer, found '{operand.type}'")
        value = self.defined(operand, expr.span)
        if (least is not None and value < least) or (most is not None and value > most):
            limits = f"between {least} and {most}" if most is not None else f"at least {least}"
            raise self.error(expr.span, f"{value} is out of range: expected {limits}")
        return value

    def known_string(self, expr: ast.Expr, reason: str) -> str:
        return self.known(expr, reason, t.COMPTIME_STRING).value

    def coerce(self, operand: Operand, ty: t.Type, span: Span) -> Operand:
        """The operand as a value of another type by the implicit rules of the language."""
        return coercion.coerce(self, operand, ty, span)

    def cast(self, operand: Operand, ty: t.Type, span: Span) -> Operand:
        """The explicit conversion `@as(ty, operand)`."""
        return coercion.cast(self, operand, ty, span)

    def load(self, place: Operand, span: Span) -> Operand:
        """The value in a place; values are given back unchanged."""
        return places.load(self, place, span)

    # --------------------------------------------------------------------------------------- requirements

    def error(self, span: Span, message: str, *notes: Note) -> Abort:
        """Record an error; the caller raises what it gets back. The reasons for compile time are not added."""
        return self.unit.diagnostics.error(span, message, *notes)

    def not_known(self, span: Span, what: str) -> Abort:
        """The error for something that must be known at compile time, with the reasons why."""
        return self.error(span, f"{what} is not known at compile time", *reversed(self.reasons))

    def require_known(self, operand: Operand, span: Span) -> Known:
        if not isinstance(operand, Known):
            raise self.not_known(span, "this value")
        return operand

    def defined(self, operand: Known, span: Span) -> Any:
        """The payload of a known value that must not be `undefined`."""
        if operand.value is UNDEFINED_VALUE:
            raise self.error(span, "the value used here is undefined")
        return operand.value

    @contextmanager
    def comptime_only(self, span: Span, reason: str) -> Iterator[None]:
        """What is analysed inside must be known at compile time, because of `reason`."""
        saved, self.comptime = self.comptime, True
        self.reasons.append(Note(span, reason))
        try:
            yield
        finally:
            self.comptime = saved
            self.reasons.pop()

    def runtime_only(self, span: Span, what: str) -> FunctionBuilder:
        """The builder, or an error where code cannot be emitted: `what` happens at run time only."""
        if self.comptime or self.builder is None:
            raise self.error(span, f"{what} is only possible at run time", *reversed(self.reasons))
        return self.builder

    # ------------------------------------------------------------------------------------- code for values

    def operand(self, value: Operand, span: Span) -> int:
        """IR operand (register or constant) with a register-sized value."""
        if isinstance(value, Known):
            return self._constant(value, span)
        value = places.load(self, value, span)
        if isinstance(value, Reg):
            return value.operand
        if isinstance(value, Known):
            return self._constant(value, span)
        raise self.error(span, f"a value of type '{value.type}' does not fit a register")

    def _constant(self, value: Known, span: Span) -> int:
        if not t.is_register_sized(value.type):
            raise self.error(span, f"a value of type '{value.type}' exists only at compile time")
        try:
            return self.unit.program.constant_of(value.type, value.value)
        except encode.NotEncodable as problem:
            raise self.error(span, str(problem)) from None

    def emit(self, span: Span, op: str, ty: t.Type | Ty = Ty.VOID, **fields: int) -> Instr:
        """Emit an instruction of the current function; `fields` are those of `ir.program.Instr`."""
        builder = self.runtime_only(span, "this")
        return builder.emit(span, op, ty if isinstance(ty, Ty) else t.ir_type(ty), **fields)

    def result(self, span: Span, op: str, ty: t.Type, **fields: int) -> Reg:
        """Emit an instruction whose result, of CSL type `ty`, goes to a new register."""
        builder = self.runtime_only(span, "this")
        register = builder.new_register()
        builder.emit(span, op, t.ir_type(ty), dst=register, **fields)
        return Reg(ty, register)

    def address(self, place: Operand, span: Span) -> int:
        """IR operand with the word address of a place or aggregate in PE memory."""
        return self.operand(places.address_of(self, place, span, const=True), span)

    def in_pe_memory(self, operand: Operand, span: Span) -> Memory:
        """The operand as a place in PE memory: known aggregates become constant data, others go to the frame."""
        return places.in_pe_memory(self, operand, span)

    def function_index(self, operand: Operand, span: Span) -> int:
        """Number in `Program.functions` of a known function or task without generic parameters."""
        from wafersim.csl.analyse import functions

        if not isinstance(operand, Known) or not isinstance(operand.type, t.FnType):
            raise self.error(span, f"expected a function, found a value of type '{operand.type}'")
        return functions.index_of(self.unit, operand.value, span)

    def field(self, operand: Operand, name: str, span: Span) -> Operand | None:
        """A field of a struct value or place as an operand; None if there is no such field."""
        position = operand.type.index(name) if isinstance(operand.type, t.StructType) else None
        if position is None:
            return None
        return places.load(self, places.field_at(self, operand, position, span), span)

    # ------------------------------------------------------------------------------------------ statements

    def execute(self, stmt: ast.Stmt) -> Flow | None:
        """Do a statement; None if control reaches its end."""
        return dispatch.STATEMENTS[type(stmt)](self, stmt)

    def execute_all(self, statements: list[ast.Stmt]) -> Flow | None:
        """Do statements in order in the present scope; what follows one that does not end is not analysed."""
        return control.sequence(self, statements)

    # ----------------------------------------------------------------------------------------------- names

    def declare(self, name: str, operand: Operand, span: Span) -> None:
        """Make a local name; shadowing a name that is visible is an error in the same scope only."""
        if name == "_":
            return
        existing = self.scope.names.get(name)
        if existing is not None:
            raise self.error(span, f"'{name}' is declared twice", Note(existing.span, "the first declaration is here"))
        self.scope.names[name] = Binding(operand, span)

    @contextmanager
    def new_scope(self) -> Iterator[None]:
        saved, self.scope = self.scope, Scope(self.scope)
        try:
            yield
        finally:
            self.scope = saved

    def new_variable(self, ty: t.Type) -> Variable:
        assert self.builder is not None
        return Variable(ty, self.builder.new_register())

    def fresh(self) -> Analyser:
        """An analyser for a declaration of the same module, at compile time, outside any function."""
        return Analyser(self.unit, self.module, comptime=True, reasons=list(self.reasons))


def suggestion(name: str, candidates: list[str] | tuple[str, ...]) -> str:
    """`; did you mean 'x'?` for the nearest candidate, or nothing."""
    nearest = get_close_matches(name, list(candidates), n=1, cutoff=0.7)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


__all__ = ["Aggregate", "Analyser", "suggestion"]
