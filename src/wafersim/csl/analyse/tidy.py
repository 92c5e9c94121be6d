"""Makes the code of a function what a programmer would write: code with labels goes in, less of it comes out.

The analyser translates every expression on its own. Here a value that has been computed or read before is used again,
loops get their test at the end, and arms that only move a value lose their branch. Memory is read again after anything
that may have changed it; the order of stores, operations and calls stays.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator

from wafersim.csl.analyse.code import Item, Jump, Label
from wafersim.ir.ops import OPS, Ty
from wafersim.ir.program import NONE, AsyncOptions, Instr, MapOp, OperandKind, Program, VecOp, VecOperand

PURE = {"add", "sub", "mul", "and", "or", "xor", "shl", "shr", "neg", "not", "eq", "ne", "lt", "le", "cvt"}
"""Operations whose result depends on their operands alone."""
TESTS = {"eq", "ne", "lt", "le"}
QUIET = PURE | {"mov", "div", "rem", "load", "index", "frame", "dsdbase", "dsdlen", "dsdstride", "dsdinc", "dsrload"}
"""Operations that change no memory. What starts or wakes others may: nothing is remembered over it."""
MOST_TESTING = 6
"""Instructions of a loop's test that are worth a second copy."""
MOST_MOVES = 2
"""Moves of an arm that are executed under a predicate rather than jumped over."""
SKIPPING = {"brt": "skt", "brf": "skf", "jmp": "sk"}
INVERSE = {"brt": "brf", "brf": "brt"}
_MEMORY_WORDS = 24576


def tidy(items: list[Item], parameters: int, program: Program) -> list[Item]:
    return predicated(turned(reused(items, parameters, program)))


# --------------------------------------------------------------------------------------------- values


def reused(items: list[Item], parameters: int, program: Program) -> list[Item]:
    """What has been computed or loaded before is not computed or loaded again."""
    known = _Values(items, parameters, program)
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Label):
            if item.used:
                known.forget()
        elif isinstance(item, Jump):
            known.rename(item.instr)
        elif not known.replaces(item):
            known.learn(item)
        else:
            continue
        kept.append(item)
    return kept


class _Values:
    """What registers hold, along code that no jump enters.

    A register with one definition may stand for another one of that kind wherever that is used: whoever uses the second
    has come through its definition, and so through that of the first one.
    """

    def __init__(self, items: list[Item], parameters: int, program: Program) -> None:
        self.definitions: Counter[int] = Counter()
        self.fixed: set[int] = set()
        """Registers that tables of the program or lists of arguments name, or that are used before their definition."""
        self.constants = program.constants
        self.definitions.update(range(parameters))
        for instr in _instructions(items):
            self.fixed.update(_named_elsewhere(instr, program))
            self.fixed.update(
                r for r in (instr.a, instr.b) if r >= 0 and not self.definitions[r]
            )  # from a round before
            if instr.dst >= 0:
                self.definitions[instr.dst] += 1
        self.names: dict[int, int] = {}
        self.types: dict[int, Ty] = {}
        self.results: dict[tuple, int] = {}
        """Operation with its operands, or a place in memory: the register that holds it."""

    def forget(self) -> None:
        self.results.clear()

    def rename(self, instr: Instr) -> None:
        if "args" not in OPS[instr.op].fields:
            instr.a = self.names.get(instr.a, instr.a)
        instr.b = self.names.get(instr.b, instr.b)

    def replaces(self, instr: Instr) -> bool:
        """Is the result there already, or the index checked? A load into a variable becomes a move at least."""
        self.rename(instr)
        if instr.op not in PURE and instr.op not in ("load", "index"):
            return False
        found = self.results.get(_key(instr))
        if instr.op == "index":
            return found is not None
        if found is None or instr.ty is Ty.DSD:
            return False
        if self._single(instr.dst) and instr.dst not in self.fixed:
            self.names[instr.dst] = found
            return True
        if instr.op == "load" and instr.dst != found:
            instr.op, instr.a, instr.imm = "mov", found, 0
        return False

    def learn(self, instr: Instr) -> None:
        if instr.dst >= 0:
            self._forget_register(instr.dst)
            self.types[instr.dst] = Ty.BOOL if instr.op in TESTS else instr.ty
        if instr.op == "store":
            self._store(instr)
        elif instr.op not in QUIET:
            self._forget_memory()
        elif instr.op == "index":
            self.results[_key(instr)] = NONE
        elif (instr.op in PURE or (instr.op == "load" and not self._may_be_register(instr))) and self._single(
            instr.dst
        ):
            self.results[_key(instr)] = instr.dst

    def _store(self, instr: Instr) -> None:
        """The place holds the register now; other places may be the same unless both are known."""
        stored = self._words(instr)
        for key in [key for key in self.results if key[0] == "load"]:
            loaded = self._words(Instr("load", key[1], a=key[2], imm=key[5]))
            if stored is None or loaded is None or (stored.start < loaded.stop and loaded.start < stored.stop):
                del self.results[key]
        if self._single(instr.b) and self.types.get(instr.b) is instr.ty and not self._may_be_register(instr):
            self.results["load", instr.ty, instr.a, NONE, NONE, instr.imm] = instr.b

    def _words(self, instr: Instr) -> range | None:
        """The words that a load or store touches, if its address is known."""
        base = self.constants[-2 - instr.a] if instr.a < NONE else None
        return range(base + instr.imm, base + instr.imm + instr.ty.words) if type(base) is int else None

    def _may_be_register(self, instr: Instr) -> bool:
        """Configuration registers are read each time. Only constant addresses name them."""
        words = self._words(instr)
        return instr.a < NONE and (words is None or words.stop > _MEMORY_WORDS)

    def _forget_memory(self) -> None:
        self.results = {key: value for key, value in self.results.items() if key[0] != "load"}

    def _forget_register(self, register: int) -> None:
        if self.definitions[register] > 1:
            self.results = {key: value for key, value in self.results.items() if register not in key[2:5]}

    def _single(self, register: int) -> bool:
        return register >= 0 and self.definitions[register] == 1


def _key(instr: Instr) -> tuple:
    return instr.op, instr.ty, instr.a, instr.b, instr.c, instr.imm


def _instructions(items: list[Item]) -> Iterator[Instr]:
    for item in items:
        if isinstance(item, Instr):
            yield item
        elif isinstance(item, Jump):
            yield item.instr


def _named_elsewhere(instr: Instr, program: Program) -> Iterator[int]:
    """Registers that an instruction uses without naming them in a field of one operand."""
    if "args" in OPS[instr.op].fields:
        yield from range(instr.a, instr.a + max(instr.c, 0))
    elif instr.op == "vec":
        row: VecOp = program.vecops[instr.imm]
        yield from _of_operands([row.dst, *row.sources])
        yield from _of_options(row.options)
    elif instr.op == "map":
        mapping: MapOp = program.maps[instr.imm]
        yield from _of_operands([mapping.output, *mapping.inputs])
    elif instr.op == "dsrload":
        load = program.dsr_loads[instr.imm]
        yield load.dsd
        yield from _of_options(load.options)


def _of_operands(operands: list[VecOperand]) -> Iterator[int]:
    return (operand.value for operand in operands if operand.kind not in (OperandKind.NONE, OperandKind.DSR))


def _of_options(options: AsyncOptions) -> Iterator[int]:
    yield from (options.activate, options.unblock, options.microthread, options.on_control_task, options.index)


# ---------------------------------------------------------------------------------------------- loops


def turned(items: list[Item]) -> list[Item]:
    """A jump back to a test becomes the test with a branch to what follows it."""
    places = {id(item): index for index, item in enumerate(items) if isinstance(item, Label)}
    bodies: dict[int, Label] = {}
    tests = {}
    for index, item in enumerate(items):
        if isinstance(item, Jump) and item.instr.op == "jmp" and places[id(item.target)] < index:
            test = _test_at(items, places[id(item.target)])
            if test is not None:
                tests[index] = test
                bodies.setdefault(test[1], Label(used=True))
    kept: list[Item] = []
    for index, item in enumerate(items):
        if index in tests:
            kept += _test_again(items, tests[index], bodies[tests[index][1]], index)
        else:
            kept.append(item)
        if index in bodies:
            kept.append(bodies[index])
    return kept


def _test_at(items: list[Item], start: int) -> tuple[int, int] | None:
    """First and last index of short code without effect that ends in a branch."""
    count = 0
    for index in range(start, len(items)):
        item = items[index]
        if isinstance(item, Jump):
            return (start, index) if item.instr.op in INVERSE and count <= MOST_TESTING else None
        if isinstance(item, Instr):
            count += 1
            if item.op not in PURE and item.op not in ("load", "mov", "index"):
                return None
        elif item.used and index > start:
            return None
    return None


def _test_again(items: list[Item], test: tuple[int, int], body: Label, jump: int) -> Iterator[Item]:
    start, end = test
    for item in items[start:end]:
        if isinstance(item, Instr):
            yield copy.copy(item)
    branch = items[end]
    assert isinstance(branch, Jump)
    yield Jump(Instr(INVERSE[branch.instr.op], a=branch.instr.a, loc=branch.instr.loc), body)
    if not _follows(items, jump, branch.target):
        branch.target.used = True
        yield Jump(Instr("jmp", loc=branch.instr.loc), branch.target)


def _follows(items: list[Item], index: int, label: Label) -> bool:
    """Does the label stand right behind an item?"""
    for item in items[index + 1 :]:
        if item is label:
            return True
        if not isinstance(item, Label):
            return False
    return False


# --------------------------------------------------------------------------------------------- arms


def predicated(items: list[Item]) -> list[Item]:
    """Branches over a few moves become predicates of these."""
    for index, item in enumerate(items):
        if isinstance(item, Jump) and item.instr.op in INVERSE:
            other = _arm_end(items, index, item.target)
            if other is not None:
                for jump in (item, *other):
                    jump.instr.op = SKIPPING[jump.instr.op]
    return items


def _arm_end(items: list[Item], branch: int, target: Label) -> list[Jump] | None:
    """Are the arms of a branch but moves? If so the jump at the end of the first, if there is one."""
    after = _moves(items, branch + 1)
    if _follows(items, after - 1, target):
        return []
    item = items[after] if after < len(items) else None
    if not isinstance(item, Jump) or item.instr.op != "jmp" or not _follows(items, after, target):
        return None
    start = items.index(target, after) + 1
    return [item] if _follows(items, _moves(items, start) - 1, item.target) else None


def _moves(items: list[Item], start: int) -> int:
    """Index of the first item from `start` on that is no move, `MOST_MOVES` at most."""
    for index in range(start, min(start + MOST_MOVES, len(items))):
        item = items[index]
        if not isinstance(item, Instr) or item.op != "mov":
            return index
    return min(start + MOST_MOVES, len(items))
