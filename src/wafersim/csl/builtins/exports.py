"""What the host may use: `@export_name` in the layout, `@export_symbol` in PE programs, and look-ups."""

from __future__ import annotations

from dataclasses import dataclass

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known, Memory, Operand, known_int
from wafersim.csl.analyse.program import GlobalVar
from wafersim.csl.builtins.common import closest, comptime_only, declared_twice, program_only
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.source import Span
from wafersim.ir.program import Export


@dataclass(frozen=True, slots=True)
class ExportName:
    """One `@export_name`: `type` is the CSL type, `mutable` counts for variables only."""

    name: str
    type: t.Type
    mutable: bool
    span: Span


@builtin("export_name", 2, 3, layout_only=True)
def export_name(an, node, want):
    name = an.known_string(node.args[0], "names of exports must be known at compile time")
    ty = an.type_of(node.args[1])
    is_function = isinstance(ty, t.FnType)
    if is_function and len(node.args) == 3:
        raise an.error(node.args[2].span, "an exported function is not mutable or constant")
    if not is_function and len(node.args) == 2:
        raise an.error(node.span, f"@export_name of a variable needs a third argument: may the host write '{name}'?")
    mutable = False
    if not is_function:
        mutable = an.known(node.args[2], "mutability must be known at compile time", t.BOOL).value
        _check_type(an, ty, node.args[1].span)
    names = an.unit.state["layout"].exports
    if name in names:
        raise declared_twice(an, node.span, f"'{name}' is exported twice", names[name].span, "it is exported here")
    names[name] = ExportName(name, ty, mutable, node.span)
    return VOID


def _check_type(an, ty: t.Type, span: Span) -> None:
    """The host reads and writes 16- and 32-bit elements."""
    element = ty.pointee if isinstance(ty, t.PointerType) else ty
    while isinstance(element, t.ArrayType):
        element = element.element
    if element.comptime_only or t.words(element) == 0:
        raise an.error(span, f"a variable of type '{ty}' cannot be exported")


@builtin("export_symbol", 1, 2)
def export_symbol(an, node, want):
    comptime_only(an, node)
    program_only(an, node)
    operand = an.analyse(node.args[0])
    name = _name(an, node)
    exports = an.unit.program.ir.exports
    spans = an.unit.state.setdefault("exports", {})
    if name in spans:
        raise declared_twice(an, node.span, f"'{name}' is exported twice", spans[name], "it is exported here")
    spans[name] = node.span
    declared = _declared(an, name, operand, node.span)
    if isinstance(operand.type, t.FnType):
        if operand.type.is_task:
            raise an.error(node.args[0].span, "a task cannot be exported, only functions and variables")
        target = an.function_index(operand, node.args[0].span)
        exports.append(Export(name, True, target, str(operand.type)))
        return VOID
    target = _symbol(an, node, operand, name)
    exports.append(Export(name, False, target, str(operand.type), declared is not None and declared.mutable))
    return VOID


def _name(an, node: ast.BuiltinCall) -> str:
    if len(node.args) == 2:
        return an.known_string(node.args[1], "names of exports must be known at compile time")
    if isinstance(node.args[0], ast.Ident):
        return node.args[0].name
    if isinstance(node.args[0], ast.Member):
        return node.args[0].name
    raise an.error(node.span, "@export_symbol needs a name as its second argument here")


def _declared(an, name: str, operand: Operand, span: Span) -> ExportName | None:
    """The layout's `@export_name`, whose type must agree."""
    names = an.unit.target.get("exports")
    if names is None:
        return None
    found = names.get(name)
    if found is None:
        an.unit.diagnostics.warning(
            span, f"'{name}' is not declared by @export_name in the layout{closest(name, list(names))}"
        )
        return None
    if not _agree(found.type, operand.type):
        raise declared_twice(
            an, span, f"'{name}' has type '{operand.type}', but the layout exports '{found.type}'", found.span,
            "it is declared here",
        )  # fmt: skip
    return found


def _agree(declared: t.Type, actual: t.Type) -> bool:
    if isinstance(declared, t.PointerType) and isinstance(actual, t.PointerType):
        return declared.pointee == actual.pointee and declared.many == actual.many
    if isinstance(declared, t.FnType) and isinstance(actual, t.FnType):
        return declared.params == actual.params and declared.result == actual.result
    return declared == actual


def _symbol(an, node: ast.BuiltinCall, operand: Operand, name: str) -> int:
    """Number of the symbol that the host accesses; a constant gets a variable of its own."""
    span = node.args[0].span
    if isinstance(operand, Known):
        if operand.type.comptime_only:
            raise an.error(span, f"a value of type '{operand.type}' exists only at compile time")
        variable = GlobalVar(name, operand.type, operand.value, span, const=True)
    elif isinstance(operand, Memory) and operand.variable is not None and operand.offset == 0 and operand.base < 0:
        variable = operand.variable
    else:
        raise an.error(span, "@export_symbol needs a global variable or a function")
    an.unit.program.address_of(variable)
    assert variable.symbol is not None
    return variable.symbol


# -------------------------------------------------------------------------------------------- look-ups


def _names(an, node: ast.BuiltinCall) -> dict[str, ExportName]:
    program_only(an, node)
    return an.unit.target.get("exports") or {}


@builtin("get_symbol_id", 1)
def get_symbol_id(an, node, want):
    """The place of a name among the layout's exports."""
    names = list(_names(an, node))
    name = an.known_string(node.args[0], "names of exports must be known at compile time")
    if name not in names:
        raise an.error(node.args[0].span, f"the layout exports no '{name}'{closest(name, names)}")
    return known_int(names.index(name), t.U16)


@builtin("has_exported_tensors", 0)
def has_exported_tensors(an, node, want):
    return Known(t.BOOL, any(not isinstance(item.type, t.FnType) for item in _names(an, node).values()))


@builtin("rpc", 1)
def rpc(an, node, want):
    """Older programs hand the launch color to `@rpc`; launches need no color here."""
    comptime_only(an, node)
    program_only(an, node)
    an.known(node.args[0], "@rpc works at compile time")
    return VOID


def _unsupported(name: str):
    def handler(an, node, want):
        raise an.error(node.name_span, f"@{name} is not supported: the host link finds symbols by itself")

    return handler


for _item in ("get_symbol_value", "get_tensor_ptr"):
    builtin(_item, 1, None)(_unsupported(_item))
