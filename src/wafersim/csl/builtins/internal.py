"""Builtins of the bundled libraries (docs/internal-builtins.md); refused everywhere else."""

from __future__ import annotations

import re

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Aggregate, Known, Operand, known_int
from wafersim.csl.builtins.common import comptime_only, library_only
from wafersim.csl.builtins.ids import limits
from wafersim.csl.builtins.registry import builtin
from wafersim.ir.ops import Ty
from wafersim.ir.program import PrintFormat


@builtin("wafersim_clock", 0)
def clock(an, node, want):
    library_only(an, node)
    return an.result(node.span, "clock", t.U64)


@builtin("wafersim_clockctl", 1)
def clockctl(an, node, want):
    library_only(an, node)
    an.emit(node.span, "clockctl", imm=an.known_int(node.args[0], "a number of the library", 0, 2))
    return VOID


@builtin("wafersim_register", 1)
def register(an, node, want):
    library_only(an, node)
    name = an.known_string(node.args[0], "registers are named at compile time")
    address, _ = limits(an, f"registers.{name}")
    return known_int(address, t.U16)


@builtin("wafersim_word_size", 1)
def word_size(an, node, want):
    library_only(an, node)
    return known_int(t.words(an.type_of(node.args[0])), t.U16)


@builtin("wafersim_command_task", 1)
def command_task(an, node, want):
    library_only(an, node)
    comptime_only(an, node)
    task = an.known(node.args[0], "a number of the library", t.NAMED["local_task_id"])
    an.unit.program.ir.command_task = task.value
    return VOID


@builtin("wafersim_host_route", 2)
def host_route(an, node, want):
    library_only(an, node)
    comptime_only(an, node)
    color = an.known(node.args[0], "a color of the library", t.COLOR)
    way = an.known_string(node.args[1], "in or out")
    routes = an.unit.state.setdefault("host_routes", {})
    routes[color.value] = routes.get(color.value, ()) + (way,)
    return VOID


@builtin("wafersim_trace_buffer", 2)
def trace_buffer(an, node, want):
    library_only(an, node)
    comptime_only(an, node)
    key = an.known_string(node.args[0], "keys of traces are known at compile time")
    pointer = an.known(node.args[1], "buffers of traces are known at compile time")
    variable = getattr(pointer.value, "variable", None)
    if variable is None:
        raise an.error(node.args[1].span, "expected a pointer to a variable")
    an.unit.program.address_of(variable)
    traces = an.unit.program.ir.traces
    if key in traces:
        raise an.error(node.span, f"two <debug> buffers have the key '{key}'")
    traces[key] = variable.symbol
    return VOID


@builtin("wafersim_prng_seed", 1)
def prng_seed(an, node, want):
    library_only(an, node)
    seed = an.eval_as(node.args[0], t.U16)
    an.emit(node.span, "prng", a=an.operand(seed, node.span), imm=1)
    return VOID


# --------------------------------------------------------------------------------------------- printing


@builtin("wafersim_print", 2)
def print_(an, node, want):
    """One `print` instruction; strings become part of the text."""
    library_only(an, node)
    builder = an.runtime_only(node.span, "printing")
    text = an.known_string(node.args[0], "formats are known at compile time")
    values = _tuple(an, an.eval(node.args[1]), node)
    made, operands = _format(an, node, text, values)
    types = [t.ir_type(value.type) for value in operands]
    prints = an.unit.program.ir.prints
    print_format = PrintFormat(made[0], made[1], types)
    if print_format not in prints:
        prints.append(print_format)
    sources = [an.operand(value, node.span) for value in operands]
    first = builder.consecutive(len(sources)) if sources else -1
    for position, (source, ty) in enumerate(zip(sources, types)):
        builder.emit(node.span, "mov", ty, dst=first + position, a=source)
    builder.emit(node.span, "print", Ty.VOID, a=first, c=len(sources), imm=prints.index(print_format))
    return VOID


def _tuple(an, operand: Operand, node) -> list[Operand]:
    ty = operand.type
    if not isinstance(ty, t.StructType) or (ty.fields and not ty.is_tuple):
        raise an.error(node.args[1].span, f"the values to print are given as a tuple, found '{ty}'")
    if isinstance(operand, Aggregate):
        return list(operand.parts)
    return [an.field(operand, name, node.span) for name, _ in ty.fields]


def _format(an, node, text: str, values: list[Operand]) -> tuple[tuple[list[str], list[str]], list[Operand]]:
    """Literals around formats, and the values that stay for run time."""
    literals, formats, kept, rest = [""], [], [], list(values)
    for piece in re.findall(r"\{\{|\}\}|\{[^{}]*\}|[^{}]+|.", text, flags=re.DOTALL):
        if piece in ("{{", "}}"):
            literals[-1] += piece[0]
        elif piece.startswith("{") and len(piece) > 1:
            _placeholder(an, node, piece[1:-1], rest, literals, formats, kept)
        else:
            literals[-1] += piece
    if rest:
        raise an.error(node.span, f"{len(rest)} more values than placeholders in the format")
    return (literals, formats), kept


def _placeholder(an, node, code: str, rest, literals, formats, kept) -> None:
    if code not in ("d", "X", "b", "f", "s", "c"):
        raise an.error(node.span, f"unknown placeholder '{{{code}}}', expected one of: d, X, b, f, s, c")
    if not rest:
        raise an.error(node.span, "fewer values than placeholders in the format")
    value = rest.pop(0)
    if value.type == t.COMPTIME_STRING and isinstance(value, Known):
        literals[-1] += value.value
        return
    if value.type == t.COMPTIME_INT:
        value = an.coerce(value, t.I16 if -0x8000 <= value.value < 0x8000 else t.I32, node.span)
    elif value.type == t.COMPTIME_FLOAT:
        value = an.coerce(value, t.F32, node.span)
    formats.append(code)
    kept.append(value)
    literals.append("")


