"""Iterations of a layout's loop that are evaluated together (`layout_loops.py`): what their run has done so far.

A body may compute and place. If it changes a variable declared outside, leaves the loop, or calls a builtin with
another effect, it is `Dependent`: its iterations are executed one after the other, as written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wafersim.tiles.columns import Domain, Node

if TYPE_CHECKING:
    from wafersim.csl.analyse.unit import Unit
    from wafersim.csl.comptime.memory import Ref
    from wafersim.csl.placement import Placing

PURE = frozenset((
    "get_color", "get_input_queue", "get_output_queue", "get_ut_id", "get_local_task_id", "get_control_task_id",
    "get_data_task_id", "get_filter_id", "get_rectangle", "field", "has_field", "concat_structs", "as", "bitcast",
    "type_of", "is_same_type", "is_comptime", "is_arch", "fp16", "get_int", "strlen", "strcat", "get_array",
    "get_string_from_byte", "dimensions", "element_count", "element_type", "rank", "zeros", "constants", "range",
    "comptime_assert", "set_tile_code", "set_color_config",
))  # fmt: skip
"""Builtins without effects at compile time, and those that place: all others make a loop `Dependent`."""


class Dependent(Exception):
    """An iteration does what the next ones may see."""


@dataclass(slots=True, eq=False)
class Iterations:
    """What a run of a loop body has done so far for the iterations of its domain."""

    domain: Domain
    leaves: list[Node]
    """Nodes of the loop variables of this loop and those around it."""
    placings: list[Placing] = field(default_factory=list)
    inner: list[Placed] = field(default_factory=list)
    """Of loops inside."""
    cells: list[list[Any]] = field(default_factory=list)
    """Compile-time variables declared in the body."""


@dataclass(slots=True, eq=False)
class Placed:
    """A placing with its arrays: column, row and integers in each iteration of `rows`."""

    placing: Placing
    arrays: list[Any]
    rows: Any
    """Numbers in the table of the domain around."""


# ------------------------------------------------------------------------------------- what makes dependent


def refuse_builtin(unit: Unit, name: str) -> None:
    """Called before each builtin."""
    if unit.iterations and name not in PURE:
        raise Dependent


def declared(unit: Unit, ref: Ref) -> None:
    """A compile-time variable begins."""
    if unit.iterations:
        unit.iterations[-1].cells.append(ref.cell)


def changes(unit: Unit, ref: Ref) -> None:
    """A compile-time variable changes."""
    if unit.iterations and not any(ref.cell is cell for cell in unit.iterations[-1].cells):
        raise Dependent
