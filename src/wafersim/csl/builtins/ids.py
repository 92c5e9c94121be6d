"""Names of the machine's resources: colors, queues, task ids, microthreads; and `@get_filter_id`."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse.operands import Known, Reg, known_int
from wafersim.csl.builtins.common import wse3_only
from wafersim.csl.builtins.registry import builtin

MAX_COLOR = 31
"""Colors are 5 bits; those without a router table only name tasks."""


def limit(an, row: str) -> int:
    """A number of the machine table."""
    return _machine(an).number(row)


def limits(an, row: str) -> tuple[int, ...]:
    return _machine(an).numbers(row)


def check_routable(an, color: int, span) -> None:
    """Refuses a color that routers do not know."""
    last = limit(an, "colors.count") - 1
    if color > last:
        raise an.error(span, f"color {color} has no router: expected 0 to {last}")


def _machine(an):
    """The machine of the compilation, looked up once a unit."""
    state = an.unit.state
    if "machine" not in state:
        state["machine"] = an.unit.target.get("machine")
    return state["machine"]


def _id(an, node, ty: t.Type, least: int, most: int, runtime: bool = False):
    """A known id between the limits; with `runtime` also a u16 of the running program."""
    expr = node.args[0]
    value = an.eval(expr, t.U16)
    if isinstance(value, Known) or not runtime:
        number = _known_number(an, node, value)
        if not least <= number <= most:
            raise an.error(expr.span, f"{ty} {number} is out of range: expected {least} to {most}")
        return Known(ty, number)
    register = an.coerce(value, t.U16, expr.span)
    return Reg(ty, an.operand(register, expr.span))


def _known_number(an, node, value) -> int:
    expr = node.args[0]
    if not isinstance(value, Known):
        with an.comptime_only(expr.span, f"the argument of @{node.name} must be known at compile time"):
            raise an.not_known(expr.span, "this value")
    if not t.is_integer(value.type):
        raise an.error(expr.span, f"@{node.name} needs an integer, found '{value.type}'")
    return an.defined(value, expr.span)


@builtin("get_color", 1)
def get_color(an, node, want):
    return _id(an, node, t.COLOR, 0, MAX_COLOR, runtime=True)


@builtin("get_input_queue", 1)
def get_input_queue(an, node, want):
    return _id(an, node, t.NAMED["input_queue"], 0, limit(an, "queues.input") - 1)


@builtin("get_output_queue", 1)
def get_output_queue(an, node, want):
    return _id(an, node, t.NAMED["output_queue"], 0, limit(an, "queues.output") - 1)


@builtin("get_ut_id", 1)
def get_ut_id(an, node, want):
    wse3_only(an, node)
    return _id(an, node, t.NAMED["ut_id"], 0, limit(an, "microthreads.count") - 1, runtime=True)


@builtin("get_local_task_id", 1)
def get_local_task_id(an, node, want):
    first, last = limit(an, "tasks.local_first"), limit(an, "tasks.local_last")
    return _id(an, node, t.NAMED["local_task_id"], first, last)


@builtin("get_control_task_id", 1)
def get_control_task_id(an, node, want):
    return _id(an, node, t.NAMED["control_task_id"], 0, limit(an, "tasks.control_ids") - 1)


@builtin("get_data_task_id", 1)
def get_data_task_id(an, node, want):
    """From a color on WSE-2, from an input queue on WSE-3."""
    expr = node.args[0]
    source = an.known(expr, "data task ids must be known at compile time")
    needed = "input_queue" if an.unit.arch == "wse3" else "color"
    if source.type != t.NAMED[needed]:
        arch = an.unit.arch.upper().replace("WSE", "WSE-")
        problem = f"on {arch} a data task id is made from a value of type '{needed}', found '{source.type}'"
        raise an.error(expr.span, problem)
    return Known(t.NAMED["data_task_id"], an.defined(source, expr.span))


@builtin("get_filter_id", 1)
def get_filter_id(an, node, want):
    color = an.known(node.args[0], "filter ids must be known at compile time", t.COLOR)
    return known_int(an.defined(color, node.span), t.U16)
