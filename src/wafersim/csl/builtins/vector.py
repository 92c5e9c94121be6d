"""DSD operations: one builtin for each row of `vecops.def`, with the checks of operands and options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known, Operand
from wafersim.csl.builtins import dsrs, options
from wafersim.csl.builtins.common import program_only
from wafersim.csl.builtins.dsd_values import length_of
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.source import Span
from wafersim.ir.dsd import DsdKind, kind_of
from wafersim.ir.ops import VECOPS, VecInfo
from wafersim.ir.program import Instr, OperandKind, Program, VecOp, VecOperand

_SCALARS = {
    "x16": (t.I16, t.U16, t.F16),
    "x32": (t.I32, t.U32, t.F32),
    "i16": (t.I16, t.U16),
    "u16": (t.U16, t.I16),
    "i32": (t.I32, t.U32),
    "f16": (t.F16,),
    "f32": (t.F32,),
}
"""Element type of `vecops.def` -> types that a scalar or the target of a pointer may have, the usual one first."""


@dataclass(slots=True)
class Argument:
    """One operand of an operation: its value, place in the source and what messages call it."""

    value: Operand
    span: Span
    role: str

    @property
    def kind(self) -> str:
        return str(self.value.type)


def _handler(info: VecInfo):
    least = 1 + len(info.sources)

    def handler(an, node, want):
        program_only(an, node)
        an.runtime_only(node.span, f"@{node.name}")
        roles = ["destination"] + [f"source {index + 1}" for index in range(len(info.sources))]
        arguments = [Argument(an.eval(arg), arg.span, role) for arg, role in zip(node.args, roles)]
        if info.name == "faddhs":
            _order_faddhs(arguments)
        dst = destination(an, arguments[0], info.dst, f"@{info.name}")
        sources = [source(an, arg, ty, f"@{info.name}") for arg, ty in zip(arguments[1:], info.sources)]
        check_fabric(an, node, arguments)
        check_lengths(an, node, arguments)
        read, _ = options.read(an, node.args[least] if len(node.args) > least else None,
                               f"the options of @{info.name}")  # fmt: skip
        if read.is_async:
            _check_async(an, node, arguments)
        vecop = VecOp(info.name, dst, sources, read)
        if read.is_async and an.unit.arch == "wse2":
            _check_microthread(an, node, vecop)
        vecops = an.unit.program.ir.vecops
        vecops.append(vecop)
        an.emit(node.span, "vec", imm=len(vecops) - 1)
        return VOID

    return handler


for _info in VECOPS.values():
    builtin(_info.name, 1 + len(_info.sources), 2 + len(_info.sources))(_handler(_info))


def _order_faddhs(arguments: list[Argument]) -> None:
    """The f16 scalar of `@faddhs` may stand first (docs/findings.md)."""
    first = arguments[1].value
    if first.type == t.F16:
        arguments[1], arguments[2] = arguments[2], arguments[1]


# ------------------------------------------------------------------------------------------- operands


def destination(an, arg: Argument, element: str, what: str) -> VecOperand:
    """Where an operation writes: DSD, DSR, FIFO, or a pointer to one element."""
    ty = arg.value.type
    if isinstance(ty, t.PointerType):
        return _pointer(an, arg, element, what)
    if arg.kind in ("fabin_dsd", "dsr_src1", "dsr_fifo_src1"):
        raise an.error(arg.span, f"{what} cannot write to a {arg.kind}")
    operand = dsd_or_dsr(an, arg)
    if operand is None:
        wanted = _SCALARS[element][0]
        raise an.error(arg.span, f"the destination of {what} must be a DSD, a DSR or a '*{wanted}', found '{ty}'")
    return operand


def source(an, arg: Argument, element: str, what: str) -> VecOperand:
    """What an operation reads: DSD, DSR, FIFO, or a scalar."""
    if arg.kind == "fabout_dsd":
        raise an.error(arg.span, f"{what} cannot read from a fabout_dsd")
    operand = dsd_or_dsr(an, arg)
    if operand is not None:
        return operand
    if isinstance(arg.value.type, t.PointerType):
        return _pointer(an, arg, element, what)
    return VecOperand(OperandKind.SCALAR, an.operand(_scalar(an, arg, element, what), arg.span))


def dsd_or_dsr(an, arg: Argument) -> VecOperand | None:
    """The operand, if it is a DSD, a FIFO or a DSR."""
    ty = arg.value.type
    if t.is_dsd(ty):
        if arg.kind == "circbuf_dsd":
            raise an.error(arg.span, "a circbuf_dsd must be loaded into a DSR first (@load_to_dsr_xdsr)")
        return VecOperand(OperandKind.DSD, an.operand(arg.value, arg.span))
    if t.is_dsr(ty):
        return VecOperand(OperandKind.DSR, dsrs.register_number(dsrs.known_dsr(an, arg.value, arg.span)))
    return None


def _pointer(an, arg: Argument, element: str, what: str) -> VecOperand:
    ty = arg.value.type
    assert isinstance(ty, t.PointerType)
    pointee = ty.pointee
    if isinstance(pointee, t.ArrayType) and pointee.count == 1:
        pointee = pointee.element
    if pointee not in _SCALARS[element] or ty.many:
        wanted = _SCALARS[element][0]
        raise an.error(arg.span, f"{arg.role} of {what} must point to '{wanted}', found '{arg.value.type}'")
    if arg.role == "destination" and ty.const:
        raise an.error(arg.span, f"{what} cannot write through '{arg.value.type}'")
    return VecOperand(OperandKind.POINTER, an.operand(arg.value, arg.span))


def _scalar(an, arg: Argument, element: str, what: str) -> Operand:
    """A scalar source as a value of one of the types the operation takes."""
    value, allowed = arg.value, _SCALARS[element]
    if value.type in allowed:
        return value
    if value.type in (t.COMPTIME_INT, t.COMPTIME_FLOAT) or t.is_numeric(value.type):
        return an.coerce(value, _scalar_type(value, allowed), arg.span)
    raise an.error(arg.span, f"{arg.role} of {what} must be a DSD, a DSR or a '{allowed[0]}', found '{value.type}'")


def _scalar_type(value: Operand, allowed: Sequence[t.Type]) -> t.Type:
    """Known integers may use the whole range of the signed and of the unsigned type."""
    if isinstance(value, Known) and isinstance(value.value, int) and len(allowed) > 1:
        for ty in allowed:
            if isinstance(ty, t.IntType) and ty.minimum <= value.value <= ty.maximum:
                return ty
    return allowed[0]


# --------------------------------------------------------------------------------------------- rules


def check_fabric(an, node: ast.BuiltinCall, arguments: list[Argument]) -> None:
    """WSE-3 reads from at most one fabric operand in an operation."""
    inputs = [arg for arg in arguments if arg.kind == "fabin_dsd"]
    if an.unit.arch == "wse3" and len(inputs) > 1:
        raise an.error(inputs[1].span, f"on WSE-3 @{node.name} can read from one fabin_dsd only")


def check_lengths(an, node: ast.BuiltinCall, arguments: list[Argument]) -> None:
    """The first source decides the number of elements: no operand in memory may be shorter (docs/findings.md)."""
    deciding = next((arg for arg in arguments[1:] if described(arg)), arguments[0])
    count = length_of(deciding.value) if t.is_dsd(deciding.value.type) else None
    for arg in arguments:
        length = length_of(arg.value) if arg.kind in _MEMORY_ONLY else None
        if count is not None and length is not None and length < count and count != INFINITE:
            message = f"{arg.role} of @{node.name} has {length} elements, {deciding.role} {count}"
            raise an.error(arg.span, message)


def described(arg: Argument) -> bool:
    """Is the operand a DSD, a DSR or a FIFO?"""
    return t.is_dsd(arg.value.type) or t.is_dsr(arg.value.type)


_MEMORY_ONLY = ("mem1d_dsd", "mem4d_dsd")
INFINITE = 0x7FFF
"""Extent of fabric DSDs that have no end."""


def _check_async(an, node: ast.BuiltinCall, arguments: list[Argument]) -> None:
    """WSE-2 names microthreads by queues, so that an asynchronous operation needs one."""
    reaches_out = any(described(arg) and arg.kind not in _MEMORY_ONLY for arg in arguments)
    if an.unit.arch == "wse2" and not reaches_out:
        raise an.error(node.span, f"on WSE-2 an asynchronous @{node.name} needs a fabric DSD or a FIFO as operand")


def _check_microthread(an, node: ast.BuiltinCall, vecop: VecOp) -> None:
    """WSE-2: two asynchronous operations in a row on the same queue number would share a microthread."""
    program = an.unit.program.ir
    thread = _microthread(program, vecop)
    if thread is None:
        return
    for instr in reversed(an.builder.code):
        if not isinstance(instr, Instr):
            return
        if instr.op == "vec":
            other = program.vecops[instr.imm]
            if other.options.is_async and _microthread(program, other) == thread:
                message = f"microthread {thread} is still taken by the asynchronous operation before this one"
                raise an.error(node.span, message)


def _microthread(program: Program, vecop: VecOp) -> int | None:
    """Number of the queue that decides the microthread on WSE-2: of the output, else of the first input."""
    for operand in (vecop.dst, *vecop.sources):
        index = -2 - operand.value
        if operand.kind is OperandKind.DSD and 0 <= index < len(program.constants):
            dsd = program.constants[index]
            if kind_of(dsd) in (DsdKind.FABOUT, DsdKind.FABIN):
                return dsd & 0xFFFF
    return None
