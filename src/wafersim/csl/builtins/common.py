"""Reading the arguments of builtins: structs of options field by field, and who may call what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known, Operand
from wafersim.csl.analyse.unit import LIBRARY
from wafersim.csl.comptime.values import UNDEFINED_VALUE
from wafersim.csl.diagnostics import Abort, Note

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.source import Span


def closest(name: str, candidates: list[str] | tuple[str, ...]) -> str:
    """`; did you mean 'x'?` for the nearest candidate, or nothing."""
    from wafersim.csl.analyse.analyser import suggestion

    return suggestion(name, candidates)


class Fields:
    """The fields of an options struct. Unknown names are refused at once; each field is then read by name.

    `what` names the struct in messages: "the options of @mov32".
    """

    def __init__(self, an: Analyser, expr: ast.Expr | None, what: str, allowed: tuple[str, ...]) -> None:
        self.an, self.expr, self.what = an, expr, what
        self.operand: Operand | None = an.eval(expr) if expr is not None else None
        if self.operand is not None:
            self._check(self.operand, allowed)

    @classmethod
    def of(cls, parent: Fields, name: str, allowed: tuple[str, ...]) -> Fields | None:
        """The fields of the struct in field `name` of `parent`, None where it is not given."""
        value = parent.get(name)
        if value is None:
            return None
        fields = cls(parent.an, None, f"'.{name}' of {parent.what}", allowed)
        fields.operand, fields.expr = value, _field_expr(parent.expr, name) or parent.expr
        fields._check(value, allowed)
        return fields

    def _check(self, operand: Operand, allowed: tuple[str, ...]) -> None:
        if operand.type == t.VOID:
            return
        if not isinstance(operand.type, t.StructType):
            raise self.an.error(self.span(), f"expected a struct with {self.what}, found '{operand.type}'")
        for name, _ in operand.type.fields:
            if name not in allowed:
                hint = closest(name, allowed)
                raise self.an.error(self.span(name), f"there is no field '{name}' in {self.what}{hint}")

    def span(self, name: str = "") -> Span:
        """Where a field is written, or else the whole struct."""
        assert self.expr is not None
        found = _field_expr(self.expr, name)
        return (found or self.expr).span

    @property
    def names(self) -> list[str]:
        ty = self.operand.type if self.operand is not None else None
        return [name for name, _ in ty.fields] if isinstance(ty, t.StructType) else []

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def get(self, name: str) -> Operand | None:
        if self.operand is None or name not in self.names:
            return None
        return self.an.field(self.operand, name, self.span(name))

    def require(self, name: str) -> Operand:
        value = self.get(name)
        if value is None:
            raise self.an.error(self.span(), f"'.{name}' is missing in {self.what}")
        return value

    def known(self, name: str, ty: t.Type) -> Any:
        """Payload of a field that must be known, as a value of type `ty`; None where it is not given."""
        value = self.get(name)
        if value is None:
            return None
        span = self.span(name)
        if not isinstance(value, Known):
            raise self.an.error(span, f"'.{name}' of {self.what} must be known at compile time")
        return self.an.defined(self.an.require_known(self.an.coerce(value, ty, span), span), span)

    def flag(self, name: str) -> bool:
        return bool(self.known(name, t.BOOL))

    def number(self, name: str, least: int, most: int) -> int | None:
        """A known integer field between the limits; None where it is not given."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, Known):
            raise self.an.error(self.span(name), f"'.{name}' of {self.what} must be known at compile time")
        if not t.is_integer(value.type):
            raise self.an.error(self.span(name), f"'.{name}' of {self.what} must be an integer, found '{value.type}'")
        number = self.an.defined(value, self.span(name))
        if not least <= number <= most:
            raise self.an.error(self.span(name), f"'.{name}' is {number}: expected {least} to {most}")
        return number

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """The one name that is true in a field such as `.priority = .{ .high = true }`."""
        inner = Fields.of(self, name, choices)
        if inner is None:
            return None
        chosen = [choice for choice in inner.names if inner.flag(choice)]
        if len(chosen) != 1:
            raise self.an.error(self.span(name), f"'.{name}' must set exactly one of: {', '.join(choices)}")
        return chosen[0]


def _field_expr(expr: ast.Expr | None, name: str) -> ast.Expr | None:
    if isinstance(expr, ast.StructLit):
        for field in expr.fields:
            if field.name == name:
                return field.value
    return None


def library_only(an: Analyser, node: ast.BuiltinCall) -> None:
    """Refuse an internal builtin outside the bundled libraries."""
    if not in_library(an):
        raise an.error(node.name_span, f"'@{node.name}' is internal to the bundled libraries")


def in_library(an: Analyser) -> bool:
    path = an.module.file.span.source.path
    return path is not None and LIBRARY in path.parents


def wse3_only(an: Analyser, node: ast.BuiltinCall) -> None:
    if an.unit.arch != "wse3":
        raise an.error(node.name_span, f"'@{node.name}' exists on WSE-3 only; this program is compiled for WSE-2")


def comptime_only(an: Analyser, node: ast.BuiltinCall, where: str = "a comptime block") -> None:
    """Refuse a builtin inside code that runs on the PE."""
    if not an.comptime:
        raise an.error(node.span, f"'@{node.name}' belongs into {where}")


def program_only(an: Analyser, node: ast.BuiltinCall) -> None:
    """Refuse a builtin of PE programs in a layout."""
    if an.unit.is_layout:
        raise an.error(node.span, f"'@{node.name}' belongs into a PE program, not into the layout")


def is_undefined(operand: Operand) -> bool:
    return isinstance(operand, Known) and operand.value is UNDEFINED_VALUE


def declared_twice(an: Analyser, span: Span, message: str, first: Span, note: str) -> Abort:
    """An error with a note on where the first one is."""
    return an.error(span, message, Note(first, note))
