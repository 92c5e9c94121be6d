"""Cycles of a reduction along a line of PEs with the broadcast after it: line, tree and rows in, cycles out.

Steps of the kernels in `kernels_csl/lib/gemv`, nothing fitted: a sum of n elements leaves a PE at one element a cycle,
needs `ramps` cycles to the next member's queue besides `hop` a PE, and what arrives is added and passed on at once. A
root hears one side of its group (ahead) first, then the other, n cycles each. All PEs begin together. Left out is what
is the same on all lines: the local product, the starts of operations, the time stamps.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from waferllm.kernels import group_size
from waferllm.perfmodel.costs import costs


@dataclass(frozen=True)
class Group:
    """First and last member and the root, counted in members of the phase."""

    first: int
    last: int
    root: int


def groups(members: int, size: int, final: int) -> list[Group]:
    """Groups of one phase, laid out so that member `final` stands in the middle of its own one (lib/gemv/tree.csl)."""
    missing = 0 if size == members else -(final - size // 2) % size
    found = []
    for begin in range(-missing, members, size):
        first, last = max(begin, 0), min(begin + size, members) - 1
        found.append(Group(first, last, final if first <= final <= last else first + (last - first + 1) // 2))
    return found


def tree(line: int, phases: int, final: int) -> list[list[Group]]:
    """The groups of each phase of a K-tree over `line` PEs; the sum ends at position `final`."""
    found, members = [], line
    for left in range(phases, 0, -1):
        size = members if left == 1 else min(members, group_size(members, left))
        found.append(groups(members, size, final))
        final = next(number for number, group in enumerate(found[-1]) if group.first <= final <= group.last)
        members = len(found[-1])
    return found


@dataclass(frozen=True)
class Fabric:
    hop: int
    ramps: int
    """Queue to router and router to queue."""


@dataclass(frozen=True)
class Sum:
    """A partial sum: the place of its PE and the cycle from which all its elements are there."""

    place: int
    ready: int

    def from_(self, farther: Iterable[Sum], fabric: Fabric) -> int | None:
        """When the first element is here that the others, the farthest one first, added up; None: there are none."""
        begin, before = None, None
        for sender in farther:
            arrival = None if begin is None else begin + transfer(before, sender, fabric)
            begin = max(sender.ready, arrival or 0)
            before = sender
        return None if begin is None else begin + transfer(before, self, fabric)


def transfer(sender: Sum | None, receiver: Sum, fabric: Fabric) -> int:
    return fabric.ramps + fabric.hop * abs(sender.place - receiver.place) if sender else 0


def reduced(sums: list[Sum], group: Group, rows: int, fabric: Fabric) -> Sum:
    """The group's sum at its root."""
    root = sums[group.root]
    done = root.ready
    for side in (sums[group.root + 1 : group.last + 1][::-1], sums[group.first : group.root]):
        arrival = root.from_(side, fabric)
        if arrival is not None:
            done = max(done, arrival) + rows
    return Sum(root.place, done)


@functools.cache
def reduction_cycles(arch: str, line: int, phases: int, rows: int) -> int:
    """All-reduce of `rows` elements by a K-tree with so many phases; 0: by the pipeline, which ends at the last PE."""
    fabric = Fabric(costs(arch).hop, costs(arch).ramps)
    sums = [Sum(place, 0) for place in range(line)]
    final = line // 2 if phases else line - 1
    for phase in tree(line, phases or 1, final):
        sums = [reduced(sums, group, rows, fabric) for group in phase]
    farthest = Sum(0 if final >= line - final else line - 1, 0)
    return sums[0].ready + transfer(sums[0], farthest, fabric) + rows
