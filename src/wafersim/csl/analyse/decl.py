"""Declarations at file level: constants, variables, parameters, functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import functions
from wafersim.csl.analyse.operands import Aggregate, Known, Memory, Operand, Slot
from wafersim.csl.analyse.program import GlobalVar
from wafersim.csl.comptime.memory import new_cell
from wafersim.csl.comptime.values import UNDEFINED_VALUE

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.analyse.modules import Module


def global_declaration(module: Module, decl: ast.VarDecl | ast.FnDecl) -> Operand:
    """What the name of a declaration stands for."""
    from wafersim.csl.analyse.analyser import Analyser

    an = Analyser(module.unit, module, comptime=True, type_name=decl.name)
    if isinstance(decl, ast.FnDecl):
        return Known(functions.type_of(an, decl), functions.FunctionValue(decl, module))
    if decl.kind == "param":
        return _param(an, module, decl)
    return _constant(an, decl) if decl.kind == "const" else _variable(an, module, decl)


def _param(an: Analyser, module: Module, decl: ast.VarDecl) -> Operand:
    ty = an.type_of(decl.type) if decl.type is not None else None
    given = module.params.get(decl.name)
    if given is not None:
        return given if ty is None else an.coerce(given, ty, decl.name_span)
    if decl.init is None:
        raise an.error(decl.name_span, f"param '{decl.name}' has no value")
    return an.known(decl.init, "params are known at compile time", ty)


def _constant(an: Analyser, decl: ast.VarDecl) -> Operand:
    ty = an.type_of(decl.type) if decl.type is not None else None
    assert decl.init is not None
    value = an.eval(decl.init, ty)
    if ty is not None:
        value = an.coerce(value, ty, decl.init.span)
    if value.type == t.UNDEFINED:
        raise an.error(decl.init.span, "'undefined' needs a type")
    if isinstance(value, (Memory, Aggregate)) or not isinstance(value, Known):
        if value.type in (t.RANGE, t.TENSOR):
            return value
        raise an.not_known(decl.init.span, f"the value of '{decl.name}'")
    if decl.attributes.storage == "export":
        variable = _global(an, decl, value.type, value.value, const=True)
        an.unit.program.address_of(variable)
    return value


def _variable(an: Analyser, module: Module, decl: ast.VarDecl) -> Operand:
    ty = an.type_of(decl.type) if decl.type is not None else None
    if decl.init is None:
        if ty is None:
            raise an.error(decl.name_span, f"'{decl.name}' needs a type or a value")
        initial = Known(ty, UNDEFINED_VALUE)
    else:
        initial = an.known(decl.init, "the initial value of a variable must be known at compile time", ty)
        if initial.type == t.UNDEFINED:
            raise an.error(decl.init.span, "'undefined' needs a type")
    if decl.comptime:
        return Slot(initial.type, new_cell(initial.value))
    if initial.type.comptime_only:
        hint = ": give it a type" if initial.type in (t.COMPTIME_INT, t.COMPTIME_FLOAT) else ""
        raise an.error(decl.name_span, f"a variable of type '{initial.type}' must be declared 'comptime var'{hint}")
    variable = _global(an, decl, initial.type, initial.value)
    if decl.attributes.storage is not None:
        an.unit.program.address_of(variable)
    return Memory(initial.type, variable=variable)


def _global(an: Analyser, decl: ast.VarDecl, ty: t.Type, initial: object, const: bool = False) -> GlobalVar:
    """The variable of a declaration with its attributes."""
    attributes = decl.attributes
    variable = GlobalVar(an.module.symbol(decl.name), ty, initial, decl.name_span, const)
    if attributes.align is not None:
        bytes_ = an.known_int(attributes.align, "alignments are known at compile time", 1, 1 << 14)
        if bytes_ & (bytes_ - 1):
            raise an.error(attributes.align.span, f"an alignment must be a power of two, found {bytes_}")
        variable.align = max(1, bytes_ // 2)
    if attributes.linkname is not None:
        variable.name = an.known_string(attributes.linkname, "link names are known at compile time")
    if attributes.linksection is not None:
        variable.section = an.known_string(attributes.linksection, "section names are known at compile time")
    return variable


