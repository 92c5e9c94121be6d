"""Integers that differ from tile to tile: columns go in, columns of expressions and their splits come out.

A `Domain` is a list of rows (tiles, iterations of a loop) with one `Column` for each leaf of the expressions
asked about. Leaves are nodes of the op `leaf`. Expressions over one leaf are computed once for each of its values,
not for each row. Results are exact: 64-bit arithmetic where the operands are small enough, Python's integers
elsewhere.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SAFE = 1 << 62
"""Results that stay below are computed in 64 bits."""


@dataclass(slots=True, eq=False)
class Node:
    """An expression; `args` are nodes and plain integers."""

    op: str
    args: tuple[Any, ...]
    depth: int
    value: Any = None
    """Of the first row, in the epoch of the tracer that computed it."""
    epoch: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One integer a row: `values[index[row]]`."""

    values: np.ndarray
    index: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> Column:
        """A column from one number a row."""
        if numbers.size and (numbers == numbers[0]).all():
            return cls(numbers[:1].copy(), np.zeros(len(numbers), np.int32))
        values, index = np.unique(numbers, return_inverse=True)
        return cls(exact(values), index.reshape(-1).astype(np.int32))

    def rows(self, rows: np.ndarray | None) -> Column:
        """The column of some rows, without the values that they do not have."""
        if rows is None:
            return self
        index = self.index[rows]
        present = np.zeros(len(self.values), bool)
        present[index] = True
        if present.all():
            return Column(self.values, index)
        number = (np.cumsum(present) - 1).astype(np.int32)
        return Column(self.values[present], number[index])


def exact(numbers: np.ndarray) -> np.ndarray:
    """The same integers, in 64 bits if they fit."""
    if numbers.dtype == np.int64:
        return numbers
    try:
        return numbers.astype(np.int64)
    except OverflowError:
        return numbers.astype(object)


def integers(numbers: Sequence[int]) -> np.ndarray:
    """An array of any integers."""
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        return np.array(numbers, object)


class Domain:
    """Rows of a table of columns; `split` narrows them. Row 0 stays, whatever is split off."""

    def __init__(self, columns: dict[Node, Column], rows: np.ndarray | None, count: int) -> None:
        self.columns = columns
        """By leaf; of the whole table."""
        self.rows = rows
        """Numbers of the rows in the table; None: all of them."""
        self.count = count
        self.rejected: list[Domain] = []
        """What was split off."""
        self.facts: dict[Node, Any] = {}
        """Nodes whose value is the same in all rows, with that value."""
        self._leaves: dict[Node, Column] = {}
        self._results: dict[Node, tuple[Node | None, np.ndarray]] = {}

    # --------------------------------------------------------------------------------------- questions

    def row_numbers(self) -> np.ndarray:
        """Numbers of the rows in the table."""
        return np.arange(self.count, dtype=np.int64) if self.rows is None else self.rows

    def first(self, leaf: Node) -> int:
        """The leaf's value in the first row."""
        column = self.columns[leaf]
        return int(column.values[column.index[0 if self.rows is None else self.rows[0]]])

    def numbers(self, node: Node | int) -> np.ndarray:
        """The value of an expression in each row."""
        if isinstance(node, int):
            return np.full(self.count, node, np.int64 if abs(node) < SAFE else object)
        leaf, values = self._evaluate(node)
        return values if leaf is None else values[self._column(leaf).index]

    # ------------------------------------------------------------------------------------------- splits

    def hold(self, node: Node, value: Any) -> None:
        """Keep the rows where an expression has a value; the others go to `rejected`."""
        if node in self.facts:
            return
        leaf, values = self._evaluate(node)
        mask = np.asarray(values == value, bool)
        if not mask.all():
            self._split(mask if leaf is None else mask[self._column(leaf).index])
        self.facts[node] = value

    def _split(self, mask: np.ndarray) -> None:
        rows = self.row_numbers()
        self.rejected.append(Domain(self.columns, rows[~mask], int((~mask).sum())))
        self.rows = rows[mask]
        self.count = len(self.rows)
        self._leaves.clear()
        self._results.clear()

    def nested(self, leaves: Mapping[Node, Sequence[int]], inside: Sequence[Node]) -> tuple[Domain, np.ndarray]:
        """Each row with each element of a loop, whose leaves are given; and the number of the row that each came from.

        Only the leaves `inside` of the outer domain are kept.
        """
        length = len(next(iter(leaves.values())))
        parents = np.repeat(np.arange(self.count, dtype=np.int32), length)
        columns = {
            leaf: Column(column.values, column.index[parents])
            for leaf in inside
            for column in (self._column(leaf),)
        }
        turn = np.tile(np.arange(length, dtype=np.int32), self.count)
        columns |= {leaf: Column(integers(values), turn) for leaf, values in leaves.items()}
        domain = Domain(columns, None, self.count * length)
        domain.facts = dict(self.facts)
        return domain, self.row_numbers()[parents]

    def contains(self, rows: np.ndarray) -> np.ndarray:
        """Which of some rows of the table the domain still has."""
        return np.ones(len(rows), bool) if self.rows is None else np.isin(rows, self.rows)

    # --------------------------------------------------------------------------------------- evaluation

    def _column(self, leaf: Node) -> Column:
        found = self._leaves.get(leaf)
        if found is None:
            found = self._leaves[leaf] = self.columns[leaf].rows(self.rows)
        return found

    def _evaluate(self, node: Node) -> tuple[Node | None, np.ndarray]:
        """Values by value of the leaf that is given, or by row (None)."""
        found = self._results.get(node)
        if found is None:
            if node.op == "leaf":
                found = node, self._column(node).values
            else:
                found = self._apply(node)
            self._results[node] = found
        return found

    def _apply(self, node: Node) -> tuple[Node | None, np.ndarray]:
        parts = [arg if isinstance(arg, int) else self._evaluate(arg) for arg in node.args]
        leaves = {part[0] for part in parts if not isinstance(part, int)}
        common = leaves.pop() if len(leaves) == 1 else None
        operands: list[Any] = []
        for part in parts:
            if isinstance(part, int):
                operands.append(part)
            elif common is None and part[0] is not None:
                operands.append(part[1][self._column(part[0]).index])
            else:
                operands.append(part[1])
        return common, compute(node.op, operands)


# ------------------------------------------------------------------------------------------ arithmetic

OPERATIONS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv,
    "mod": operator.mod, "and": operator.and_, "or": operator.or_, "xor": operator.xor, "lshift": operator.lshift,
    "rshift": operator.rshift, "neg": operator.neg, "invert": operator.invert, "abs": operator.abs,
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip
"""Operations of nodes; divisors are never 0 and shift counts never negative where a node exists."""

COMPARISONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge"))


def compute(op: str, operands: list[Any]) -> np.ndarray:
    """An operation on arrays and integers."""
    if not _fits(op, operands):
        operands = [part.astype(object) if isinstance(part, np.ndarray) else part for part in operands]
    result = OPERATIONS[op](*operands)
    return np.asarray(result, bool) if op in COMPARISONS else exact(result)


def _fits(op: str, operands: list[Any]) -> bool:
    """Can an operation be done in 64 bits?"""
    if any(isinstance(part, np.ndarray) and part.dtype == object for part in operands):
        return False
    sizes = [_magnitude(part) for part in operands]
    if max(sizes) >= SAFE:
        return False
    if op == "mul":
        return sizes[0] * sizes[1] < SAFE
    if op == "lshift":
        return sizes[1] < 62 and sizes[0] << sizes[1] < SAFE
    if op == "rshift":
        return sizes[1] < 62
    return sum(sizes) < SAFE


def _magnitude(part: Any) -> int:
    if isinstance(part, int):
        return abs(part)
    return max(abs(int(part.min())), abs(int(part.max()))) if part.size else 0
