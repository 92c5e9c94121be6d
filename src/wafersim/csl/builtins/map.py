"""`@map`: a function of the program, or a builtin's wrapper, called for each element of its DSDs."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known
from wafersim.csl.builtins.common import program_only
from wafersim.csl.builtins.dsd_values import length_of
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.builtins.vector import Argument, check_fabric, dsd_or_dsr
from wafersim.ir.ops import Ty
from wafersim.ir.program import NO_OPERAND, MapOp, OperandKind, VecOperand


@builtin("map", 2, None)
def map_(an, node, want):
    """`@map(function, inputs..., output)`; a function without result takes no output."""
    program_only(an, node)
    an.runtime_only(node.span, "@map")
    function = an.eval(node.args[0])
    if not isinstance(function, Known) or not isinstance(function.type, t.FnType) or function.type.is_task:
        raise an.error(node.args[0].span, f"@map needs a function known at compile time, found '{function.type}'")
    params, result = function.type.params, function.type.result
    has_output = result != t.VOID
    expected = 1 + len(params) + has_output
    if len(node.args) != expected:
        given = len(node.args) - 1
        wanted = f"inputs: {len(params)}, " + ("an output" if has_output else "no output")
        raise an.error(node.span, f"@map with this function takes {wanted}; found arguments: {given}")
    index = an.function_index(function, node.args[0].span)
    arguments = [Argument(an.eval(arg), arg.span, f"input {i + 1}") for i, arg in enumerate(node.args[1:])]
    if has_output:
        arguments[-1].role = "output"
    mapping = MapOp(index, [], [], NO_OPERAND, Ty.VOID)
    for argument, param in zip(arguments, params):
        _add_input(an, mapping, argument, param)
    if result is not None and has_output:
        mapping.output, mapping.output_type = _output(an, arguments[-1], result), t.ir_type(result)
    check_fabric(an, node, arguments)
    _check_lengths(an, arguments)
    an.unit.program.ir.maps.append(mapping)
    an.emit(node.span, "map", imm=len(an.unit.program.ir.maps) - 1)
    return VOID


def _add_input(an, mapping: MapOp, arg: Argument, param: t.Type | None) -> None:
    """An input: elements of a DSD by value or by pointer, anything else is passed unchanged."""
    if param is None:
        raise an.error(arg.span, "@map cannot call a function with generic parameters")
    if arg.kind == "fabout_dsd":
        raise an.error(arg.span, "@map cannot read from a fabout_dsd")
    operand = dsd_or_dsr(an, arg)
    element, by_pointer = param, False
    if operand is not None:
        if isinstance(param, t.PointerType):
            element, by_pointer = param.pointee, True
        _element(an, arg, element)
    else:
        value = an.coerce(arg.value, param, arg.span)
        operand = VecOperand(OperandKind.SCALAR, an.operand(value, arg.span))
    mapping.inputs.append(operand)
    mapping.input_types.append(t.ir_type(element))
    mapping.pointer_inputs.append(by_pointer)


def _output(an, arg: Argument, result: t.Type) -> VecOperand:
    if arg.kind == "fabin_dsd":
        raise an.error(arg.span, "@map cannot write to a fabin_dsd")
    operand = dsd_or_dsr(an, arg)
    if operand is not None:
        _element(an, arg, result)
        return operand
    ty = arg.value.type
    if not isinstance(ty, t.PointerType) or ty.const or ty.many or ty.pointee != result:
        raise an.error(arg.span, f"the output of @map must be a DSD, a DSR or a '*{result}', found '{ty}'")
    return VecOperand(OperandKind.POINTER, an.operand(arg.value, arg.span))


def _check_lengths(an, arguments: list[Argument]) -> None:
    """DSDs in memory whose lengths are known must have the same length."""
    known = [(arg, length_of(arg.value)) for arg in arguments if arg.kind in ("mem1d_dsd", "mem4d_dsd")]
    known = [(arg, length) for arg, length in known if length is not None]
    for arg, length in known[1:]:
        first, expected = known[0]
        if length != expected:
            raise an.error(arg.span, f"operands of @map differ in length: {first.role} {expected}, {arg.role} {length}")


def _element(an, arg: Argument, ty: t.Type) -> None:
    """Elements of DSDs have 16 or 32 bits."""
    if t.is_aggregate(ty) or ty.comptime_only or t.words(ty) not in (1, 2):
        raise an.error(arg.span, f"elements of a DSD have 16 or 32 bits, '{ty}' has not")


