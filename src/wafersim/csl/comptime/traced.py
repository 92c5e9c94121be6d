"""Integers that stand for the same place of many tiles: one analysis gives what holds for all of them.

A `Traced` is an expression over leaves (parameters of a program, variables of a loop in a layout) with its
value in the first row of a `Domain`. Python arithmetic on it gives another `Traced`. Whoever looks at the value
instead (a comparison, truth, a hash, a conversion, anything this module does not know) gets the value of the
first row, and the rows where the answer would differ leave the domain: what was analysed holds for those that
are left, and the others are analysed again (`explore`). Nothing reads a value without that, so what is shared
cannot depend on what was not looked at.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from wafersim.csl.diagnostics import InternalError
from wafersim.tiles.columns import OPERATIONS, Domain, Node

MAX_DEPTH = 200
"""Deeper expressions (sums over loops) are looked at, which ends them."""

T = TypeVar("T")


class Tracer:
    """Makes nodes and knows the domains that are being explored, the innermost last."""

    def __init__(self) -> None:
        self.domains: list[Domain] = []
        self.runs: list[int] = []
        """Numbers of the runs in progress: a `Traced` may be used in the run that made it and inside it."""
        self._nodes: dict[tuple[Any, ...], Node] = {}
        self._epoch = 0
        self._epochs = 0

    def value(self, node: Node) -> Any:
        """A value for the present run."""
        return Traced(self, node)

    def node(self, op: str, *args: Any) -> Node:
        """The one node of an expression."""
        key = (op, *(id(arg) if isinstance(arg, Node) else (arg,) for arg in args))
        found = self._nodes.get(key)
        if found is None:
            depth = 1 + max(arg.depth for arg in args if isinstance(arg, Node))
            found = self._nodes[key] = Node(op, args, depth)
        return found

    def first(self, node: Node) -> Any:
        """The value in the first row; whoever uses it must `hold` it."""
        if node.epoch != self._epoch:
            if node.op == "leaf":
                node.value = self.domains[-1].first(node)
            else:
                node.value = OPERATIONS[node.op](
                    *(self.first(arg) if isinstance(arg, Node) else arg for arg in node.args)
                )
            node.epoch = self._epoch
        return node.value

    def look(self, node: Node) -> Any:
        """The value, which from now on is the same in all rows."""
        value = self.first(node)
        self.domains[-1].hold(node, value)
        return value

    @contextmanager
    def inside(self, domain: Domain) -> Iterator[None]:
        """What is done inside is done for the rows of `domain`."""
        self.domains.append(domain)
        self._new_epoch()
        self.runs.append(self._epoch)
        try:
            yield
        finally:
            self.domains.pop()
            self.runs.pop()
            self._new_epoch()

    def _new_epoch(self) -> None:
        self._epochs += 1
        self._epoch = self._epochs


class Traced:
    """An integer that each row has its own of. See the module."""

    __slots__ = ("_node", "run", "tracer")

    def __init__(self, tracer: Tracer, node: Node) -> None:
        self.tracer, self._node, self.run = tracer, node, tracer.runs[-1]

    @property
    def node(self) -> Node:
        if self.run not in self.tracer.runs:
            raise InternalError("a traced number is used outside of its run")
        return self._node

    @property
    def __class__(self) -> type:
        """`isinstance(x, int)` holds; still, no C code takes it for a Python integer without asking `__index__`."""
        return int

    def look(self) -> int:
        return self.tracer.look(self.node)

    def __neg__(self) -> Any:
        return _unary(self, "neg")

    def __pos__(self) -> Any:
        return self

    def __invert__(self) -> Any:
        return _unary(self, "invert")

    def __abs__(self) -> Any:
        return _unary(self, "abs")

    def __bool__(self) -> bool:
        return self != 0

    def __hash__(self) -> int:
        return hash(self.look())

    def __index__(self) -> int:
        return self.look()

    __int__ = __index__

    def __float__(self) -> float:
        return float(self.look())

    def __str__(self) -> str:
        return str(self.look())

    def __repr__(self) -> str:
        return repr(self.look())

    def __format__(self, spec: str) -> str:
        return format(self.look(), spec)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.look(), name)


def plain(value: Any) -> Any:
    """The integer of a `Traced`, looked at; anything else unchanged."""
    return value.look() if type(value) is Traced else value


def node_of(value: Any) -> Node | int:
    """What a domain takes for an integer."""
    return value.node if type(value) is Traced else int(value)


PLAIN_DATA = ("wafersim.ir.program", "wafersim.csl.types", "wafersim.csl.comptime.values", "wafersim.csl.layout")
"""Modules whose dataclasses `settled` looks into."""


def settled(value: Any) -> Any:
    """The same with every traced number looked at, for what outlives a run. Lists and what can change stay in place."""
    if type(value) is Traced:
        return value.look()
    if type(value) is list:
        for index, item in enumerate(value):
            if type(item) not in (int, str):
                value[index] = settled(item)
    elif type(value) is tuple:
        return tuple(settled(item) for item in value)
    elif type(value) is dict:
        items = [(settled(key), settled(item)) for key, item in value.items()]
        value.clear()
        value.update(items)
    elif type(value).__module__ in PLAIN_DATA and is_dataclass(value) and not isinstance(value, type):
        return _settled_fields(value)
    return value


def _settled_fields(value: Any) -> Any:
    changed = {}
    for field in fields(value):
        item = getattr(value, field.name)
        plain_item = settled(item)
        if plain_item is not item and not (type(item) is tuple and _same(item, plain_item)):
            changed[field.name] = plain_item
    if changed and value.__dataclass_params__.frozen:
        return replace(value, **changed)
    for name, item in changed.items():
        setattr(value, name, item)
    return value


def _same(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    return all(a is b for a, b in zip(before, after, strict=True))


def explore(tracer: Tracer, domain: Domain, run: Callable[[Domain], T]) -> Iterator[tuple[Domain, T]]:
    """Run something for all rows: once, and again for the rows that each run splits off."""
    pending = [domain]
    while pending:
        chunk = pending.pop()
        with tracer.inside(chunk):
            result = run(chunk)
        pending += chunk.rejected
        yield chunk, result


# ------------------------------------------------------------------------------------------ operators

def _unary(traced: Traced, op: str) -> Any:
    if traced.node.depth >= MAX_DEPTH:
        return OPERATIONS[op](traced.look())
    return Traced(traced.tracer, traced.tracer.node(op, traced.node))


def _operands(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Nodes and plain integers; None if one of them is no integer."""
    if not (isinstance(left, int) and isinstance(right, int)):
        return None
    return node_of(left), node_of(right)


def _binary(op: str, left: Any, right: Any, tracer: Tracer) -> Any:
    operands = _operands(left, right)
    if operands is None:
        if isinstance(left, float) or isinstance(right, float):
            return OPERATIONS[op](plain(left), plain(right))
        return NotImplemented
    if max(node.depth for node in operands if isinstance(node, Node)) >= MAX_DEPTH:
        return OPERATIONS[op](plain(left), plain(right))
    if (op in ("floordiv", "mod") and right == 0) or (op in ("lshift", "rshift") and right < 0):
        return OPERATIONS[op](plain(left), plain(right))
    return Traced(tracer, tracer.node(op, *operands))


def _compare(op: str, left: Traced, right: Any) -> Any:
    if isinstance(right, float):
        return OPERATIONS[op](left.look(), right)
    operands = _operands(left, right)
    if operands is None:
        return NotImplemented
    return left.tracer.look(left.tracer.node(op, *operands))


def _install() -> None:
    """The operators of `Traced`, both ways round."""
    for op in ("add", "sub", "mul", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift"):
        def forward(self: Traced, other: Any, op: str = op) -> Any:
            return _binary(op, self, other, self.tracer)

        def backward(self: Traced, other: Any, op: str = op) -> Any:
            return _binary(op, other, self, self.tracer)

        setattr(Traced, f"__{op}__", forward)
        setattr(Traced, f"__r{op}__", backward)
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        def compare(self: Traced, other: Any, op: str = op) -> Any:
            return _compare(op, self, other)

        setattr(Traced, f"__{op}__", compare)
    for op in ("truediv", "pow", "divmod"):
        def looking(self: Traced, other: Any, op: str = op) -> Any:
            return getattr(operator, op, divmod)(self.look(), plain(other))

        setattr(Traced, f"__{op}__", looking)


_install()
