"""The table of builtins: name -> handler and number of arguments.

A handler is a function `(an: Analyser, node: ast.BuiltinCall, want: Type | None) -> Operand`; `want` is the
type the context expects, if it expects one. Modules register with the decorator:

    @builtin("strlen", 1)
    def strlen(an, node, want): ...

`docs/analyser.md` describes what handlers may use. `table()` imports the modules of this package once.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wafersim.csl import ast
    from wafersim.csl import types as t
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.analyse.operands import Operand

    Handler = Callable[[Analyser, ast.BuiltinCall, t.Type | None], Operand]


@dataclass(frozen=True, slots=True)
class Builtin:
    name: str
    least: int
    most: int | None
    """None: any number of arguments."""
    handler: Handler
    layout_only: bool = False


_TABLE: dict[str, Builtin] = {}
"""Filled while the modules of this package are imported, never changed afterwards."""


def builtin(
    name: str, least: int, most: int | None = -1, *, layout_only: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for `@name` with `least` to `most` arguments (`most` left out: exactly `least`)."""

    def register(handler: Handler) -> Handler:
        _TABLE[name] = Builtin(name, least, least if most == -1 else most, handler, layout_only)
        return handler

    return register


@cache
def table() -> dict[str, Builtin]:
    """All builtins, from all modules of this package."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return _TABLE
