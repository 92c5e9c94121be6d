"""Collects what one PE program consists of while it is analysed; `finish` gives the `ir.program.Program`.

The analyser adds functions, variables and constants; builtins add tasks, queues, vector operations and the
other tables directly to `ir`, which is the program under construction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wafersim.csl import types as t
from wafersim.csl.comptime import encode
from wafersim.csl.comptime.traced import Traced
from wafersim.csl.comptime.values import UNDEFINED_VALUE
from wafersim.csl.diagnostics import InternalError
from wafersim.csl.source import NO_SPAN, Span
from wafersim.ir.ops import Ty
from wafersim.ir.program import DataSegment, Function, Program, Symbol, const_operand


@dataclass(slots=True, eq=False)
class GlobalVar:
    """A variable in PE memory; its address is given on first use (`ProgramBuilder.address_of`)."""

    name: str
    type: t.Type
    initial: Any
    span: Span
    const: bool = False
    align: int = 1
    """In words."""
    section: str = "data"
    address: int | None = None
    symbol: int | None = None
    """Index into `Program.symbols` once placed."""


@dataclass(slots=True)
class ProgramBuilder:
    """One PE program under construction. Data grows from word `data_base` on."""

    name: str
    data_base: int = 0
    ir: Program = field(init=False)
    variables: list[GlobalVar] = field(default_factory=list)
    """In order of placement."""
    function_index: Callable[[Any], int] = encode._no_functions
    """Number of a function whose pointer is stored; set by the unit."""
    _constants: dict[int, int] = field(default_factory=dict)
    _traced: dict[Any, int] = field(default_factory=dict)
    emitted: int = 0
    """Instructions made so far, in all functions."""
    _locations: dict[tuple[int, int], int] = field(default_factory=dict)
    _files: dict[str, int] = field(default_factory=dict)
    _pool: dict[tuple[t.Type, tuple[Any, ...]], GlobalVar] = field(default_factory=dict)
    _spans: list[Span] = field(default_factory=list)
    next_word: int = 0

    def __post_init__(self) -> None:
        self.ir = Program(self.name)
        self.ir.locations.append((0, 0, 0))
        self.ir.files.append("")
        self.next_word = self.data_base

    # -------------------------------------------------------------------------------------------- pools

    def constant(self, bits: int) -> int:
        """Operand that reads the 64-bit pattern `bits`."""
        if type(bits) is Traced:
            return self._traced_constant(bits)
        bits &= encode.MASK64
        index = self._constants.get(bits)
        if index is None:
            index = self._constants[bits] = len(self.ir.constants)
            self.ir.constants.append(bits)
        return const_operand(index)

    def _traced_constant(self, bits: Any) -> int:
        """Such constants have entries of their own: each tile puts its value there."""
        index = self._traced.get(bits.node)
        if index is None:
            index = self._traced[bits.node] = len(self.ir.constants)
            self.ir.constants.append(bits)
        return const_operand(index)

    def constant_of(self, ty: t.Type, value: Any) -> int:
        """Operand that reads a known register-sized value; `NotEncodable` if it has no run-time form."""
        return self.constant(encode.scalar_bits(ty, value, self.function_index))

    def location(self, span: Span) -> int:
        """Index of a source position in `Program.locations`."""
        if span is NO_SPAN:
            return 0
        key = (id(span.source), span.start)
        index = self._locations.get(key)
        if index is None:
            line, column = span.line_col
            name = span.source.name
            file = self._files.get(name)
            if file is None:
                file = self._files[name] = len(self.ir.files)
                self.ir.files.append(name)
            index = self._locations[key] = len(self.ir.locations)
            self.ir.locations.append((file, line, column))
            self._spans.append(span)
        return index

    def message(self, text: str) -> int:
        """Index of a fault message."""
        if text not in self.ir.messages:
            self.ir.messages.append(text)
        return self.ir.messages.index(text)

    # ------------------------------------------------------------------------------------------- memory

    def allocate(self, words: int, align: int = 1) -> int:
        """The address of `words` fresh words of data."""
        address = -(-self.next_word // align) * align
        self.next_word = address + words
        return address

    def address_of(self, variable: GlobalVar) -> int:
        """The word address of a variable; the first use places it and its initial value."""
        if variable.address is None:
            words = t.words(variable.type)
            variable.address = self.allocate(words, variable.align)
            variable.symbol = len(self.ir.symbols)
            self.variables.append(variable)
            self.ir.symbols.append(_symbol(variable, words))
        return variable.address

    def constant_data(self, ty: t.Type, value: Any, name: str, span: Span) -> GlobalVar:
        """A constant variable holding `value`, shared by equal values."""
        words = tuple(encode.value_words(ty, value, self.function_index))
        key = (ty, tuple(word.node if type(word) is Traced else word for word in words))
        found = self._pool.get(key)
        if found is None:
            found = self._pool[key] = GlobalVar(name, ty, value, span, const=True)
        return found

    # ---------------------------------------------------------------------------------------- functions

    def reserve_function(self, name: str) -> int:
        """Number of a function whose code follows with `define_function`."""
        self.ir.functions.append(Function(name, [], Ty.VOID, 0, 0, []))
        return len(self.ir.functions) - 1

    def define_function(self, index: int, function: Function) -> None:
        self.ir.functions[index] = function

    # ------------------------------------------------------------------------------------------- result

    def finish(self) -> Program:
        """Write the initial data; code size and memory limits are up to the caller (`csl.lower`)."""
        for variable in self.variables:
            segment = self._segment(variable)
            if segment is not None:
                self.ir.data.append(segment)
        return self.ir

    def _segment(self, variable: GlobalVar) -> DataSegment | None:
        if variable.initial is UNDEFINED_VALUE:
            return None
        if variable.address is None:
            raise InternalError(f"{variable.name} was never placed")
        words = encode.value_words(variable.type, variable.initial, self.function_index)
        filled = any(type(word) is Traced or word for word in words)
        return DataSegment(variable.address, words) if filled else None

    @property
    def instruction_count(self) -> int:
        return sum(instr.op != "index" for function in self.ir.functions for instr in function.code)


def _symbol(variable: GlobalVar, words: int) -> Symbol:
    element, shape = variable.type, []
    while isinstance(element, t.ArrayType):
        shape += element.dims
        element = element.element
    register = t.ir_type(element) if t.is_register_sized(element) else Ty.U16
    if isinstance(element, t.StructType):
        shape.append(t.words(element))
    section = "rodata" if variable.const and variable.section == "data" else variable.section
    return Symbol(variable.name, variable.address or 0, words, str(variable.type), register, shape, section)
