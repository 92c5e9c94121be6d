"""Builds the code of one function: instructions and labels go in, an `ir.program.Function` comes out.

Code is collected in a list of `Instr` and `Label`; jumps name labels until `finish` resolves them, so that
pieces can be captured and put in place later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from wafersim.csl.analyse.code import Code, Jump, Label, flat
from wafersim.csl.analyse.program import ProgramBuilder
from wafersim.csl.analyse.tidy import tidy
from wafersim.csl.source import Span
from wafersim.ir.ops import Ty
from wafersim.ir.program import NONE, Function, Instr


@dataclass(slots=True)
class FunctionBuilder:
    """`params` are in registers 0 .. len(params)-1 from the start."""

    program: ProgramBuilder
    name: str
    params: list[Ty]
    result: Ty
    loc: int
    registers: int = 0
    frame_words: int = 0
    code: Code = field(default_factory=list)
    broken: bool = False
    """A statement had an error: the code may jump to labels that it lacks."""

    def __post_init__(self) -> None:
        self.registers = len(self.params)

    # ------------------------------------------------------------------------------------- instructions

    def new_register(self) -> int:
        self.registers += 1
        return self.registers - 1

    def consecutive(self, count: int) -> int:
        """The first of `count` new registers in a row, for the arguments of calls and prints."""
        self.registers += count
        return self.registers - count

    def emit(
        self, span: Span, op: str, ty: Ty = Ty.VOID, *, dst: int = NONE, a: int = NONE, b: int = NONE,
        c: int = NONE, imm: int = 0,
    ) -> Instr:  # fmt: skip
        instr = Instr(op, ty, dst, a, b, c, imm, self.program.location(span))
        self.code.append(instr)
        self.program.emitted += 1
        return instr

    def move(self, span: Span, ty: Ty, dst: int, source: int, temporary: bool = False) -> None:
        """dst = source; the result of the last instruction is written to `dst` directly if it is a temporary."""
        if dst == source:
            return
        last = self.code[-1] if self.code else None
        if temporary and source >= 0 and isinstance(last, Instr) and last.dst == source:
            last.dst = dst
        else:
            self.emit(span, "mov", ty, dst=dst, a=source)

    def constant(self, ty: Ty, bits: int) -> int:
        return self.program.constant(bits)

    # ---------------------------------------------------------------------------------------- structure

    def bind(self, label: Label) -> None:
        self.code.append(label)

    def jump(self, span: Span, target: Label) -> None:
        self._jump(span, "jmp", NONE, target)

    def branch(self, span: Span, condition: int, target: Label, *, when: bool) -> None:
        """Continue at `target` if the bool operand `condition` equals `when`."""
        self._jump(span, "brt" if when else "brf", condition, target)

    def _jump(self, span: Span, op: str, condition: int, target: Label) -> None:
        target.used = True
        self.code.append(Jump(Instr(op, a=condition, loc=self.program.location(span)), target))

    @contextmanager
    def captured(self) -> Iterator[Code]:
        """Code emitted inside goes to the list given, to be put in place with `splice`."""
        outer, self.code = self.code, []
        try:
            yield self.code
        finally:
            self.code = outer

    def splice(self, code: Code) -> None:
        self.code.extend(code)

    def ends_with(self, code: Code, piece: Code, target: Label) -> bool:
        """Are the last two items of some code this piece and a jump to `target`?"""
        if len(code) < 2 or code[-2] is not piece:
            return False
        last = code[-1]
        return isinstance(last, Jump) and last.target is target

    def reserve_frame(self, words: int) -> int:
        """Offset of `words` new words in the stack frame."""
        offset = self.frame_words
        self.frame_words += words
        return offset

    def finish(self) -> Function:
        """Resolve labels to instruction numbers. The code must not run off its end."""
        positions: dict[int, int] = {}
        kept: list[Instr | Jump] = []
        for item in tidy(list(flat(self.code)), len(self.params), self.program.ir):
            if isinstance(item, Label):
                positions[id(item)] = len(kept)
            else:
                kept.append(item)
        instrs = []
        for item in kept:
            if isinstance(item, Jump):
                item.instr.imm = positions[id(item.target)]
                item = item.instr
            instrs.append(item)
        return Function(self.name, self.params, self.result, self.registers, self.frame_words, instrs, self.loc)
