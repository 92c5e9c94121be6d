"""DSRs: `@get_dsr`, `@get_xdsr`, `@get_sr` and the loads (in a comptime block: what a DSR holds at the start)."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known, Operand
from wafersim.csl.builtins import options
from wafersim.csl.builtins.common import program_only
from wafersim.csl.builtins.ids import limit
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.source import Span
from wafersim.ir.program import DsrFile, DsrLoad

FILES = {
    "dsr_dest": DsrFile.DEST,
    "dsr_src0": DsrFile.SRC0,
    "dsr_src1": DsrFile.SRC1,
    "dsr_fifo_dest": DsrFile.DEST,
    "dsr_fifo_src1": DsrFile.SRC1,
}
"""Type of a DSR -> its register file."""

_LOADABLE = {
    "dsr_dest": {"mem1d_dsd", "mem4d_dsd", "circbuf_dsd", "fabout_dsd", "fifo"},
    "dsr_src0": {"mem1d_dsd", "mem4d_dsd", "circbuf_dsd", "fabin_dsd"},
    "dsr_src1": {"mem1d_dsd", "mem4d_dsd", "circbuf_dsd", "fabin_dsd", "fifo"},
    "dsr_fifo_dest": {"fifo", "mem1d_dsd", "fabout_dsd"},
    "dsr_fifo_src1": {"fifo", "mem1d_dsd", "fabin_dsd"},
}
"""What may be loaded into a DSR of each type."""


@builtin("get_dsr", 2)
def get_dsr(an, node, want):
    ty = an.type_of(node.args[0])
    if str(ty) not in FILES:
        raise an.error(node.args[0].span, f"@get_dsr needs one of: {', '.join(FILES)}; found '{ty}'")
    return Known(ty, _number(an, node.args[1], f"dsr.{FILES[str(ty)].name.lower()}"))


@builtin("get_xdsr", 1)
def get_xdsr(an, node, want):
    return Known(t.NAMED["xdsr"], _number(an, node.args[0], "dsr.xdsr"))


@builtin("get_sr", 1)
def get_sr(an, node, want):
    return Known(t.NAMED["sr"], _number(an, node.args[0], "dsr.sr"))


def _number(an, expr, row: str) -> int:
    return an.known_int(expr, "numbers of registers must be known at compile time", 0, limit(an, row) - 1)


def register_number(value: Known) -> int:
    """How the IR names a DSR: file * 64 + index."""
    return int(FILES[str(value.type)]) * 64 + value.value


def known_dsr(an, value: Operand, span: Span) -> Known:
    if not isinstance(value, Known) or str(value.type) not in FILES:
        raise an.error(span, f"expected a DSR known at compile time, found '{value.type}'")
    return value


@builtin("load_to_dsr", 2, 3)
def load_to_dsr(an, node, want):
    return _load(an, node, node.args[0], node.args[1], node.args[2] if len(node.args) == 3 else None)


@builtin("load_to_dsr_xdsr", 3, 4)
def load_to_dsr_xdsr(an, node, want):
    an.known(node.args[1], "the extended DSR must be known at compile time", t.NAMED["xdsr"])
    return _load(an, node, node.args[0], node.args[2], node.args[3] if len(node.args) == 4 else None)


@builtin("load_to_dsr_xdsr_sr", 4, 5)
def load_to_dsr_xdsr_sr(an, node, want):
    an.known(node.args[1], "the extended DSR must be known at compile time", t.NAMED["xdsr"])
    strides = an.known(node.args[2], "the stride registers must be known at compile time")
    if not isinstance(strides.type, t.StructType) or not 1 <= len(strides.type.fields) <= 3:
        raise an.error(node.args[2].span, f"expected a tuple of one to three stride registers, found '{strides.type}'")
    return _load(an, node, node.args[0], node.args[3], node.args[4] if len(node.args) == 5 else None)


def _load(an, node, dsr_expr, dsd_expr, options_expr):
    program_only(an, node)
    dsr, dsd = known_dsr(an, an.eval(dsr_expr), dsr_expr.span), an.eval(dsd_expr)
    _check_pair(an, node, dsr, dsd, dsd_expr.span)
    read, fields = options.read(an, options_expr, f"the options of @{node.name}", options.LOAD_NAMES)
    load = DsrLoad(register_number(dsr), an.operand(dsd, dsd_expr.span), read)
    load.save_address, load.single_step = fields.flag("save_address"), fields.flag("single_step")
    loads = an.unit.program.ir.dsr_loads
    loads.append(load)
    if an.comptime:
        an.unit.program.ir.initial_loads.append(len(loads) - 1)
    else:
        an.emit(node.span, "dsrload", imm=len(loads) - 1)
    return VOID


def _check_pair(an, node, dsr: Known, dsd: Operand, span: Span) -> None:
    kind = str(dsd.type)
    if not t.is_dsd(dsd.type):
        raise an.error(span, f"@{node.name} needs a DSD, found '{kind}'")
    if kind not in _LOADABLE[str(dsr.type)]:
        raise an.error(span, f"a {kind} cannot be loaded into a register of type '{dsr.type}'")
    if kind == "circbuf_dsd" and node.name == "load_to_dsr":
        raise an.error(node.span, "a circbuf_dsd needs an extended DSR: use @load_to_dsr_xdsr")
