"""The options of DSD operations and of DSR loads: `.async`, `.activate`, `.unblock`, `.on_control`, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.builtins import queues, tasks
from wafersim.csl.builtins.common import Fields
from wafersim.ir.program import AsyncOptions, OnControl

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser

NAMES = ("async", "activate", "unblock", "on_control", "priority", "index", "ut_id")
LOAD_NAMES = ("async", "activate", "unblock", "on_control", "priority", "ut_id", "save_address", "single_step")


def read(an: Analyser, expr: ast.Expr | None, what: str, names: tuple[str, ...] = NAMES) -> tuple[AsyncOptions, Fields]:
    """The options in a struct expression (None: no options), and its fields."""
    fields = Fields(an, expr, what, names)
    options = AsyncOptions(is_async=fields.flag("async"))
    _completion(an, fields, options)
    _on_control(an, fields, options)
    if "priority" in fields:
        if an.unit.arch == "wse3":
            raise an.error(fields.span("priority"), "on WSE-3 '.priority' belongs to the DSD, not to the operation")
        options.priority = queues.priority_number(fields)
    index = fields.get("index")
    if index is not None:
        span = fields.span("index")
        is_i16 = index.type == t.I16
        options.index = an.operand(index if is_i16 else an.coerce(index, t.U16, span), span)
    _microthread(an, fields, options)
    return options, fields


def _completion(an: Analyser, fields: Fields, options: AsyncOptions) -> None:
    activate, unblock = fields.get("activate"), fields.get("unblock")
    for name in ("activate", "unblock", "ut_id"):
        if name in fields and not options.is_async:
            raise an.error(fields.span(name), f"'.{name}' needs '.async = true'")
    if activate is not None and unblock is not None:
        raise an.error(fields.span("unblock"), "'.activate' and '.unblock' exclude each other")
    if activate is not None:
        span = fields.span("activate")
        options.activate = tasks.local_task_operand(an, activate, span, "'.activate'")
    if unblock is not None:
        span = fields.span("unblock")
        value, options.unblock_space = tasks.blockable(an, unblock, span, "'.unblock'")
        options.unblock = an.operand(value, span)


def _on_control(an: Analyser, fields: Fields, options: AsyncOptions) -> None:
    inner = Fields.of(fields, "on_control", ("terminate", "activate", "ignore"))
    if inner is None:
        return
    if len(inner.names) != 1:
        raise an.error(fields.span("on_control"), "'.on_control' must set exactly one of: terminate, activate, ignore")
    if "activate" in inner:
        span = inner.span("activate")
        options.on_control = OnControl.ACTIVATE
        options.on_control_task = tasks.local_task_operand(an, inner.require("activate"), span, "'.activate'")
    elif "terminate" in inner and inner.flag("terminate"):
        options.on_control = OnControl.TERMINATE


def _microthread(an: Analyser, fields: Fields, options: AsyncOptions) -> None:
    value = fields.get("ut_id")
    if value is None:
        return
    span = fields.span("ut_id")
    if an.unit.arch != "wse3":
        raise an.error(span, "'.ut_id' exists on WSE-3 only: on WSE-2 the queue decides the microthread")
    if value.type != t.NAMED["ut_id"]:
        raise an.error(span, f"'.ut_id' needs a value of @get_ut_id, found '{value.type}'")
    options.microthread = an.operand(value, span)
