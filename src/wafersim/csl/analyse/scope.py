"""Names inside a function or block: a chain of scopes that ends at the module."""

from __future__ import annotations

from dataclasses import dataclass, field

from wafersim.csl.analyse.operands import Operand
from wafersim.csl.source import Span


@dataclass(slots=True)
class Binding:
    """What a local name stands for, and where it was declared."""

    operand: Operand
    span: Span


@dataclass(slots=True)
class Scope:
    parent: Scope | None = None
    names: dict[str, Binding] = field(default_factory=dict)

    def find(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def visible(self) -> list[str]:
        """All names that can be seen from here, for suggestions."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            names += scope.names
            scope = scope.parent
        return names
