"""Queues: `@initialize_queue` and `@queue_flush`."""

from __future__ import annotations

from dataclasses import dataclass, field

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known
from wafersim.csl.builtins.common import Fields, comptime_only, declared_twice, program_only, wse3_only
from wafersim.csl.builtins.ids import check_routable
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.source import Span
from wafersim.ir.program import QueueBinding

PRIORITIES = ("low", "medium", "high")
"""In the order of their numbers, from 1."""


@dataclass(slots=True)
class QueueRecord:
    """Queues of one program; kept in `Unit.state` under `queues`."""

    initialized: dict[tuple[str, int], Span] = field(default_factory=dict)
    colors: list[tuple[int, int, Span]] = field(default_factory=list)
    """Colors of input queues and the queues they are bound to."""
    used: dict[int, list[int]] = field(default_factory=dict)
    """Input queue -> colors that DSDs name for it (WSE-2), where nothing initialises it."""


def record(an) -> QueueRecord:
    found = an.unit.state.get("queues")
    if found is None:
        found = an.unit.state["queues"] = QueueRecord()
        an.unit.at_end.append(lambda: _bind_by_dsds(an, found))
    return found


def _bind_by_dsds(an, queues: QueueRecord) -> None:
    """Older programs bind an input queue by the `.fabric_color` of its DSDs."""
    for queue, colors in sorted(queues.used.items()):
        if ("input_queue", queue) not in queues.initialized and all(color == colors[0] for color in colors):
            an.unit.program.ir.input_queues.append(QueueBinding(queue, colors[0]))


def priority_number(fields: Fields) -> int:
    """The field `.priority`: 0 not given, 1 low, 2 medium, 3 high."""
    chosen = fields.choice("priority", PRIORITIES)
    return PRIORITIES.index(chosen) + 1 if chosen else 0


@builtin("initialize_queue", 1, 2)
def initialize_queue(an, node, want):
    comptime_only(an, node)
    program_only(an, node)
    queue = an.known(node.args[0], "queues are initialised at compile time")
    kind = str(queue.type)
    if kind not in ("input_queue", "output_queue"):
        raise an.error(node.args[0].span, f"@initialize_queue needs an input or output queue, found '{kind}'")
    fields = Fields(an, node.args[1] if len(node.args) == 2 else None, "the options of @initialize_queue",
                    ("color", "priority"))  # fmt: skip
    number, color = an.defined(queue, node.args[0].span), fields.known("color", t.COLOR)
    queues = record(an)
    if (first := queues.initialized.get((kind, number))) is not None:
        word = kind.replace("_", " ")
        raise declared_twice(an, node.span, f"{word} {number} is initialised twice", first, "it is initialised here")
    _check_color(an, node, fields, kind, number, color)
    queues.initialized[kind, number] = node.span
    binding = QueueBinding(number, color, priority_number(fields))
    bindings = an.unit.program.ir.input_queues if kind == "input_queue" else an.unit.program.ir.output_queues
    bindings.append(binding)
    return VOID


def _check_color(an, node, fields: Fields, kind: str, number: int, color: int | None) -> None:
    if color is None:
        if an.unit.arch == "wse3":
            raise an.error(node.span, f"on WSE-3 @initialize_queue needs the '.color' of the {kind.replace('_', ' ')}")
        return
    check_routable(an, color, fields.span("color"))
    if kind == "input_queue":
        bound = record(an).colors
        for _, other, first in (entry for entry in bound if entry[0] == color):
            raise declared_twice(
                an, node.span, f"color {color} is bound to two input queues, {other} and {number}", first,
                f"it is bound to input queue {other} here",
            )  # fmt: skip
        bound.append((color, number, node.span))


@builtin("queue_flush", 1)
def queue_flush(an, node, want):
    wse3_only(an, node)
    an.runtime_only(node.span, "@queue_flush")
    queue = an.eval(node.args[0])
    kind = str(queue.type)
    if kind not in ("input_queue", "output_queue"):
        raise an.error(node.args[0].span, f"@queue_flush needs an input or output queue, found '{kind}'")
    an.emit(node.span, "qflush", a=an.operand(queue, node.span), imm=int(kind == "output_queue"))
    return VOID


def color_of_output(an, queue: Known) -> int | None:
    """Color that an output queue is bound to so far."""
    for binding in an.unit.program.ir.output_queues:
        if binding.queue == queue.value:
            return binding.color
    return None
