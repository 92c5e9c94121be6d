"""Tasks: `@bind_*_task`, `@activate`, `@block`, `@unblock` and the handlers of teardown and empty queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import VOID, Known, Operand
from wafersim.csl.builtins.common import (
    Fields,
    comptime_only,
    declared_twice,
    in_library,
    program_only,
    wse3_only,
)
from wafersim.csl.builtins.ids import check_routable, limits
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.source import Span
from wafersim.ir.ops import IdSpace
from wafersim.ir.program import Task, TaskKind


@dataclass(slots=True)
class _Binding:
    """A task bound to an id, and where."""

    task: Any
    kind: TaskKind
    id: int
    span: Span
    library: bool


@dataclass(slots=True)
class TaskRecord:
    """What one program binds; kept in `Unit.state` under `tasks`."""

    bindings: list[_Binding] = field(default_factory=list)
    control_table: Span | None = None
    """Where `@set_control_task_table` was called."""
    uses_memcpy: bool = False

    def find(self, task: Any, kind: TaskKind) -> list[int]:
        """Ids of one kind that a task is bound to."""
        return [item.id for item in self.bindings if item.task == task and item.kind is kind]


def record(an) -> TaskRecord:
    found = an.unit.state.get("tasks")
    if found is None:
        found = an.unit.state["tasks"] = TaskRecord()
        an.unit.at_end.append(lambda: _check_memcpy_ids(an, found))
    return found


# ----------------------------------------------------------------------------------------------- binding

_WORDS = {TaskKind.DATA: "data task", TaskKind.LOCAL: "local task", TaskKind.CONTROL: "control task"}


def _bind(kind: TaskKind):
    def handler(an, node, want):
        comptime_only(an, node)
        program_only(an, node)
        id_type = t.NAMED[f"{kind.name.lower()}_task_id"]
        task = an.known(node.args[0], f"@{node.name} works at compile time")
        if not isinstance(task.type, t.FnType):
            raise an.error(node.args[0].span, f"@{node.name} needs a task, found '{task.type}'")
        _check_signature(an, node, task.type, kind)
        number = an.defined(an.known(node.args[1], f"@{node.name} works at compile time", id_type), node.args[1].span)
        _check_id(an, node.args[1].span, number, kind)
        index = an.function_index(task, node.args[0].span)
        an.unit.program.ir.tasks.append(Task(number, kind, index))
        record(an).bindings.append(_Binding(task.value, kind, number, node.span, in_library(an)))
        return VOID

    return handler


for _kind in TaskKind:
    builtin(f"bind_{_kind.name.lower()}_task", 2)(_bind(_kind))


def _check_signature(an, node, ty: t.FnType, kind: TaskKind) -> None:
    span, word = node.args[0].span, _WORDS[kind]
    if not ty.is_task:
        raise an.error(span, f"a {word} must be declared with 'task', this is a function")
    if kind is TaskKind.LOCAL and ty.params:
        raise an.error(span, f"a local task takes no arguments, this one takes {len(ty.params)}")
    if kind is TaskKind.DATA and not ty.params:
        raise an.error(span, "a data task takes the data of a wavelet as its arguments, this one takes none")
    bits = 0
    for param in ty.params:
        size = 16 * t.words(param) if param is not None else 0
        if size not in (16, 32) or (isinstance(param, t.IntType) and param.bits not in (16, 32)):
            raise an.error(span, f"arguments of a {word} have 16 or 32 bits, '{param}' has not")
        bits += size
    if bits > 32:
        raise an.error(span, f"the arguments of a {word} must fit into a wavelet of 32 bits, these have {bits}")


def _check_id(an, span: Span, number: int, kind: TaskKind) -> None:
    bound = record(an)
    if kind is TaskKind.LOCAL and number in limits(an, "tasks.system"):
        raise an.error(span, f"local task id {number} is reserved for the system")
    if kind is TaskKind.DATA and an.unit.arch == "wse2" and number in limits(an, "tasks.system"):
        raise an.error(span, f"data task id {number} is reserved for the system")
    for other in bound.bindings:
        if other.id == number and _same_table(bound, other.kind, kind):
            raise declared_twice(
                an, span, f"task id {number} is bound twice", other.span, f"it is bound to a {_WORDS[other.kind]} here"
            )


def _same_table(bound: TaskRecord, first: TaskKind, second: TaskKind) -> bool:
    """Control tasks have a table of their own after `@set_control_task_table`."""
    if TaskKind.CONTROL in (first, second) and bound.control_table is not None:
        return first is second
    return True


def _check_memcpy_ids(an, bound: TaskRecord) -> None:
    """A program with memcpy leaves memcpy's ids alone."""
    if an.unit.program.ir.command_task < 0:
        return
    data_ids = limits(an, "colors.memcpy") if an.unit.arch == "wse2" else limits(an, "queues.memcpy")
    for item in bound.bindings:
        reserved = {TaskKind.LOCAL: limits(an, "tasks.memcpy"), TaskKind.DATA: data_ids}.get(item.kind, ())
        if item.id in reserved and not item.library:
            an.error(item.span, f"{_WORDS[item.kind]} id {item.id} is reserved for memcpy")


@builtin("set_control_task_table", 0, 1)
def set_control_task_table(an, node, want):
    comptime_only(an, node)
    wse3_only(an, node)
    bound = record(an)
    if bound.control_table is not None:
        raise declared_twice(
            an, node.span, "@set_control_task_table is called twice", bound.control_table, "the first call is here"
        )
    fields = Fields(an, node.args[0] if node.args else None, "the options of @set_control_task_table",
                    ("instructions", "stride"))  # fmt: skip
    instructions = fields.number("instructions", 2, 8)
    if instructions not in (None, 2, 4, 8):
        raise an.error(fields.span("instructions"), f"'.instructions' is {instructions}: expected 2, 4 or 8")
    fields.number("stride", 1, 7)
    bound.control_table = node.span
    return VOID


@builtin("bind_rotating_tasks", 4)
def bind_rotating_tasks(an, node, want):
    wse3_only(an, node)
    raise an.error(node.name_span, "@bind_rotating_tasks is not supported yet")


# -------------------------------------------------------------------------- activating and blocking


def local_task_operand(an, value: Operand, span: Span, what: str) -> int:
    """IR operand with the id of a local task, given by id or by the task's name."""
    return an.operand(local_task_id(an, value, span, what), span)


def local_task_id(an, value: Operand, span: Span, what: str) -> Operand:
    """A local task id from an id, or from a task that is bound to exactly one local id."""
    if isinstance(value.type, t.FnType):
        return Known(t.NAMED["local_task_id"], _bound_id(an, value, span, (TaskKind.LOCAL,)))
    if value.type != t.NAMED["local_task_id"]:
        raise an.error(span, f"{what} needs a local task or its id, found '{value.type}'")
    return value


def _bound_id(an, value: Operand, span: Span, kinds: tuple[TaskKind, ...]) -> int:
    if not (isinstance(value, Known) and isinstance(value.type, t.FnType) and value.type.is_task):
        raise an.error(span, f"expected a task, found '{value.type}'")
    bound = record(an)
    ids = [number for kind in kinds for number in bound.find(value.value, kind)]
    if len(ids) != 1:
        problem = "is bound to no id" if not ids else f"is bound to several ids: {', '.join(map(str, ids))}"
        raise an.error(span, f"this task {problem}")
    return ids[0]


@builtin("activate", 1)
def activate(an, node, want):
    program_only(an, node)
    span = node.args[0].span
    value = local_task_id(an, an.eval(node.args[0]), span, "@activate")
    if an.comptime:
        number = an.defined(an.require_known(value, span), span)
        if number not in an.unit.program.ir.activated:
            an.unit.program.ir.activated.append(number)
        return VOID
    an.emit(node.span, "activate", a=an.operand(value, span))
    return VOID


_SPACES = {
    "data_task_id": IdSpace.TASK,
    "local_task_id": IdSpace.TASK,
    "control_task_id": IdSpace.TASK,
    "color": IdSpace.COLOR,
    "input_queue": IdSpace.INPUT_QUEUE,
    "ut_id": IdSpace.MICROTHREAD,
}
"""Type of an id -> name space that `@block` and `@unblock` act in."""


def blockable(an, value: Operand, span: Span, what: str) -> tuple[Operand, IdSpace]:
    """The id and its name space of what can be blocked: task, task id, color, input queue, microthread."""
    if isinstance(value.type, t.FnType):
        return Known(t.U16, _bound_id(an, value, span, tuple(TaskKind))), IdSpace.TASK
    space = _SPACES.get(str(value.type)) if t.is_id(value.type) else None
    if space is None:
        wanted = "a task, a task id, a color, an input queue or a microthread"
        raise an.error(span, f"{what} needs {wanted}, found '{value.type}'")
    return value, space


def _block(op: str, table: str):
    def handler(an, node, want):
        program_only(an, node)
        span = node.args[0].span
        value, space = blockable(an, an.eval(node.args[0]), span, f"@{op}")
        if an.comptime:
            number = an.defined(an.require_known(value, span), span)
            getattr(an.unit.program.ir, table).append((space, number))
            return VOID
        an.emit(node.span, op, a=an.operand(value, span), imm=int(space))
        return VOID

    return handler


builtin("block", 1)(_block("block", "blocked"))
builtin("unblock", 1)(_block("unblock", "unblocked"))


# ------------------------------------------------------------------------------------------ handlers


def _handler_index(an, node) -> int:
    function = an.known(node.args[0], f"@{node.name} works at compile time")
    if not isinstance(function.type, t.FnType) or function.type.params:
        raise an.error(node.args[0].span, f"@{node.name} needs a function without parameters, found '{function.type}'")
    return an.function_index(function, node.args[0].span)


@builtin("set_teardown_handler", 2)
def set_teardown_handler(an, node, want):
    comptime_only(an, node)
    index = _handler_index(an, node)
    span = node.args[1].span
    color = an.defined(an.known(node.args[1], "handlers are set at compile time", t.COLOR), span)
    check_routable(an, color, span)
    handlers = an.unit.program.ir.teardown_handlers
    if color in handlers:
        raise an.error(node.span, f"color {color} has a teardown handler already")
    handlers[color] = index
    return VOID


@builtin("set_empty_queue_handler", 2)
def set_empty_queue_handler(an, node, want):
    comptime_only(an, node)
    wse3_only(an, node)
    index = _handler_index(an, node)
    key = _queue_key(an, an.known(node.args[1], "handlers are set at compile time"), node.args[1].span)
    handlers = an.unit.program.ir.empty_queue_handlers
    if key in handlers:
        raise an.error(node.span, "this queue has an empty-queue handler already")
    handlers[key] = index
    return VOID


INPUT_QUEUE_KEY = 16
"""Input queue q has key 16 + q in `Program.empty_queue_handlers`."""


def _queue_key(an, queue: Known, span: Span) -> int:
    number = an.defined(queue, span)
    if queue.type == t.NAMED["input_queue"]:
        return INPUT_QUEUE_KEY + number
    if queue.type == t.NAMED["output_queue"]:
        return number
    raise an.error(span, f"expected an input or output queue, found '{queue.type}'")
