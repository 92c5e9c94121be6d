"""FIFOs in PE memory: `@allocate_fifo`, `@set_fifo_read_length`, `@set_fifo_write_length`."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known, Memory
from wafersim.csl.builtins import queues, tasks
from wafersim.csl.builtins.common import Fields, comptime_only, program_only
from wafersim.csl.builtins.dsd_values import element_words, pointer_of
from wafersim.csl.builtins.dsds import SIMD_MODES
from wafersim.csl.builtins.registry import builtin
from wafersim.ir.dsd import SIMD_SHIFT, DsdKind, pack
from wafersim.ir.program import Fifo, FifoAction

_ACTIONS = ("test_or_suspend", "suspend", "terminate", "fault")
"""In the order of `FifoAction`."""
_OPTIONS = (
    "empty_action", "full_action", "activate_push", "activate_pop", "priority", "simd_mode", "dest", "src", "xdsr",
)  # fmt: skip


@builtin("allocate_fifo", 1, 2)
def allocate_fifo(an, node, want):
    comptime_only(an, node, "a declaration outside functions")
    program_only(an, node)
    buffer, span = an.analyse(node.args[0]), node.args[0].span
    if not isinstance(buffer, Memory) or not isinstance(buffer.type, t.ArrayType):
        raise an.error(span, f"@allocate_fifo needs an array variable, found '{buffer.type}'")
    fields = Fields(an, node.args[1] if len(node.args) == 2 else None, "the options of @allocate_fifo", _OPTIONS)
    address, element = pointer_of(an, buffer, span)
    start = an.require_known(address, span).value.word
    fifo = Fifo(_name(buffer), start, t.words(buffer.type), element_words(an, element, span))
    fifo.empty_action, fifo.full_action = (_action(fields, name) for name in ("empty_action", "full_action"))
    flags = _architecture_options(an, fields, fifo)
    _activations(an, fields, fifo)
    fifos = an.unit.program.ir.fifos
    fifos.append(fifo)
    return Known(t.NAMED["fifo"], pack(DsdKind.FIFO, len(fifos) - 1, buffer.type.count, 0, flags))


def _name(buffer: Memory) -> str:
    return buffer.variable.name if buffer.variable is not None else ""


def _action(fields: Fields, name: str) -> FifoAction:
    chosen = fields.choice(name, _ACTIONS)
    return FifoAction(_ACTIONS.index(chosen)) if chosen else FifoAction.TEST_OR_SUSPEND


def _architecture_options(an, fields: Fields, fifo: Fifo) -> int:
    """Priority exists on WSE-3, SIMD on WSE-2; the flags of the DSD."""
    if "priority" in fields and an.unit.arch != "wse3":
        raise an.error(fields.span("priority"), "FIFOs have a '.priority' on WSE-3 only")
    if "simd_mode" in fields and an.unit.arch != "wse2":
        raise an.error(fields.span("simd_mode"), "FIFOs have a '.simd_mode' on WSE-2 only")
    fifo.priority = queues.priority_number(fields)
    simd = fields.choice("simd_mode", SIMD_MODES)
    return min(SIMD_MODES.index(simd) + 1, 3) << SIMD_SHIFT if simd else 0


def _activations(an, fields: Fields, fifo: Fifo) -> None:
    """Tasks are named before they are bound, so their ids are looked up at the end."""
    for name in ("activate_push", "activate_pop"):
        value = fields.get(name)
        if value is None:
            continue
        span = fields.span(name)

        def assign(name=name, value=value, span=span) -> None:
            found = tasks.local_task_id(an, value, span, f"'.{name}'")
            setattr(fifo, name, an.defined(an.require_known(found, span), span))

        an.unit.at_end.append(assign)


def _set_length(imm: int):
    def handler(an, node, want):
        an.runtime_only(node.span, f"@{node.name}")
        fifo = an.eval_as(node.args[0], t.NAMED["fifo"])
        length = an.eval_as(node.args[1], t.U16)
        a, b = an.operand(fifo, node.args[0].span), an.operand(length, node.args[1].span)
        an.emit(node.span, "fifolen", a=a, b=b, imm=imm)
        return VOID

    return handler


builtin("set_fifo_read_length", 2)(_set_length(0))
builtin("set_fifo_write_length", 2)(_set_length(1))
