"""Abstract syntax of CSL: tokens become these nodes, the analyser walks them.

Nodes are plain data. Each has the `span` it was read from. Types are expressions, as in the language.
Node names follow the productions in `parser.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wafersim.csl.source import Span


@dataclass(slots=True, eq=False)
class Node:
    span: Span


# ---------------------------------------------------------------------------------------- expressions


@dataclass(slots=True, eq=False)
class Expr(Node):
    pass


@dataclass(slots=True, eq=False)
class IntLit(Expr):
    value: int


@dataclass(slots=True, eq=False)
class FloatLit(Expr):
    value: float


@dataclass(slots=True, eq=False)
class StringLit(Expr):
    value: str


@dataclass(slots=True, eq=False)
class BoolLit(Expr):
    value: bool


@dataclass(slots=True, eq=False)
class UndefinedLit(Expr):
    """`undefined`: a value that the program promises not to read before writing it."""


@dataclass(slots=True, eq=False)
class UnreachableExpr(Expr):
    """`unreachable`"""


@dataclass(slots=True, eq=False)
class Ident(Expr):
    """A name, primitive types included (`i16`, `color`, `mem1d_dsd`, `RAMP`, `anytype`)."""

    name: str


@dataclass(slots=True, eq=False)
class EnumLit(Expr):
    """`.name` where the expected type is an enum."""

    name: str


@dataclass(slots=True, eq=False)
class Unary(Expr):
    op: str
    """`-`, `!`, `~` or `&` (address of)."""
    operand: Expr


@dataclass(slots=True, eq=False)
class Binary(Expr):
    op: str
    """Arithmetic, bitwise or comparison operator, `and`, `or`."""
    left: Expr
    right: Expr
    op_span: Span


@dataclass(slots=True, eq=False)
class Deref(Expr):
    """`operand.*`"""

    operand: Expr


@dataclass(slots=True, eq=False)
class Member(Expr):
    """`operand.name`"""

    operand: Expr
    name: str
    name_span: Span


@dataclass(slots=True, eq=False)
class Index(Expr):
    """`operand[i]` or `operand[i, j, ...]`"""

    operand: Expr
    indices: list[Expr]


@dataclass(slots=True, eq=False)
class Call(Expr):
    callee: Expr
    args: list[Expr]


@dataclass(slots=True, eq=False)
class BuiltinCall(Expr):
    """`@name(args)`; `name` is without the at sign."""

    name: str
    args: list[Expr]
    name_span: Span


@dataclass(slots=True, eq=False)
class FieldInit(Node):
    name: str
    value: Expr


@dataclass(slots=True, eq=False)
class StructLit(Expr):
    """`.{ .a = x }` (type is None) or `T{ .a = x }`; `.{}` and `T{}` have no fields."""

    type: Expr | None
    fields: list[FieldInit]


@dataclass(slots=True, eq=False)
class TupleLit(Expr):
    """`.{ a, b }`, at least one element."""

    elements: list[Expr]


@dataclass(slots=True, eq=False)
class ArrayLit(Expr):
    """`[N]T{ a, b }`"""

    type: Expr
    elements: list[Expr]


@dataclass(slots=True, eq=False)
class IfExpr(Expr):
    condition: Expr
    then: Expr
    otherwise: Expr | None
    """None is legal only where the condition is known at compile time and true."""


@dataclass(slots=True, eq=False)
class SwitchCase(Node):
    values: list[Expr]
    """Empty for `else`."""
    body: Expr | Block
    """A block is a statement list; it gives a value only through a labelled break."""


@dataclass(slots=True, eq=False)
class SwitchExpr(Expr):
    subject: Expr
    cases: list[SwitchCase]


@dataclass(slots=True, eq=False)
class BlockExpr(Expr):
    """`label: { ... break :label value; ... }`"""

    block: Block


@dataclass(slots=True, eq=False)
class ComptimeExpr(Expr):
    """`comptime expr`"""

    operand: Expr


@dataclass(slots=True, eq=False)
class TensorAccess(Expr):
    """`|i, j|{E0, E1} -> array[expr, expr]`"""

    names: list[str]
    extents: list[Expr]
    body: Expr


@dataclass(slots=True, eq=False)
class AsmExpr(Expr):
    """`asm volatile (...)`: parsed so that it can be refused by name."""


# ------------------------------------------------------------------------------------ type expressions


@dataclass(slots=True, eq=False)
class ArrayTypeExpr(Expr):
    """`[N]T`, `[N, M]T`; `[_]T` before a literal has the dimension `Ident("_")`."""

    dimensions: list[Expr]
    element: Expr


@dataclass(slots=True, eq=False)
class PointerTypeExpr(Expr):
    """`*T`, `*const T`, `[*]T`, `[*]const T`"""

    many: bool
    const: bool
    pointee: Expr


@dataclass(slots=True, eq=False)
class FnTypeExpr(Expr):
    """`fn(T, U) R`, `task(T) void`"""

    params: list[Expr]
    result: Expr
    kind: str = "fn"
    """`fn` or `task`"""


@dataclass(slots=True, eq=False)
class FieldDecl(Node):
    name: str
    type: Expr


@dataclass(slots=True, eq=False)
class StructTypeExpr(Expr):
    """`struct { ... }`, also `extern struct`, `packed struct`, and the same with `union`."""

    layout: str
    """`auto`, `extern` or `packed`"""
    is_union: bool
    fields: list[FieldDecl]


@dataclass(slots=True, eq=False)
class EnumMember(Node):
    name: str
    value: Expr | None


@dataclass(slots=True, eq=False)
class EnumTypeExpr(Expr):
    backing: Expr | None
    members: list[EnumMember]


# ------------------------------------------------------------------------------------------ statements


@dataclass(slots=True, eq=False)
class Stmt(Node):
    pass


@dataclass(slots=True, eq=False)
class Block(Stmt):
    label: str | None
    statements: list[Stmt]


@dataclass(slots=True, eq=False)
class ComptimeStmt(Stmt):
    """`comptime { ... }` or `comptime statement`, at file level and inside functions."""

    body: Stmt


@dataclass(slots=True, eq=False)
class ExprStmt(Stmt):
    expr: Expr


@dataclass(slots=True, eq=False)
class Assign(Stmt):
    target: Expr
    op: str
    """`=`, or the operator of a compound assignment without its `=`: `+` for `+=`."""
    value: Expr


@dataclass(slots=True, eq=False)
class If(Stmt):
    condition: Expr
    then: Stmt
    otherwise: Stmt | None


@dataclass(slots=True, eq=False)
class While(Stmt):
    label: str | None
    inline: bool
    condition: Expr
    continuation: Stmt | None
    body: Stmt


@dataclass(slots=True, eq=False)
class Capture(Node):
    name: str
    by_pointer: bool = False
    """`|*x|`"""


@dataclass(slots=True, eq=False)
class For(Stmt):
    label: str | None
    inline: bool
    iterable: Expr
    captures: list[Capture]
    """The element, and after it optionally the index."""
    body: Stmt


@dataclass(slots=True, eq=False)
class Switch(Stmt):
    subject: Expr
    cases: list[SwitchCase]


@dataclass(slots=True, eq=False)
class Return(Stmt):
    value: Expr | None


@dataclass(slots=True, eq=False)
class Break(Stmt):
    label: str | None
    value: Expr | None


@dataclass(slots=True, eq=False)
class Continue(Stmt):
    label: str | None


# ---------------------------------------------------------------------------------------- declarations


@dataclass(slots=True, eq=False)
class Attributes:
    """What may stand around a declaration; the expressions are evaluated at compile time."""

    storage: str | None = None
    """`export`, `extern` or None"""
    align: Expr | None = None
    linksection: Expr | None = None
    linkname: Expr | None = None
    inline: str | None = None
    """`inline`, `noinline` or None"""


@dataclass(slots=True, eq=False)
class VarDecl(Stmt):
    """`const`, `var` and `param` declarations, at file level and (but `param`) in functions."""

    kind: str
    """`const`, `var` or `param`"""
    comptime: bool
    name: str
    name_span: Span
    type: Expr | None
    init: Expr | None
    attributes: Attributes = field(default_factory=Attributes)
    imports: bool | None = field(default=None, init=False)
    """Does the initialiser import a module? Found by the analyser on first use: files are analysed many times."""


@dataclass(slots=True, eq=False)
class Param(Node):
    name: str
    comptime: bool
    type: Expr
    """`Ident("anytype")` for a parameter whose type is inferred from the argument."""


@dataclass(slots=True, eq=False)
class FnDecl(Stmt):
    """`fn` and `task` declarations."""

    kind: str
    """`fn` or `task`"""
    name: str
    name_span: Span
    params: list[Param]
    result: Expr
    body: Block | None
    """None for `extern`."""
    attributes: Attributes = field(default_factory=Attributes)
    addressed: frozenset[str] | None = field(default=None, init=False)
    """Names in the body whose address is taken. Found by the analyser on first use, like `VarDecl.imports`."""


@dataclass(slots=True, eq=False)
class LayoutBlock(Stmt):
    """`layout { ... }`"""

    body: Block


@dataclass(slots=True, eq=False)
class File(Node):
    """A source file: declarations, `comptime` and `layout` blocks in source order."""

    items: list[VarDecl | FnDecl | ComptimeStmt | LayoutBlock]
