"""A unit becomes a `Program`: data and code are given their places in PE memory, or the program is refused."""

from __future__ import annotations

from wafersim.csl.analyse.unit import Unit
from wafersim.csl.diagnostics import Note
from wafersim.csl.source import NO_SPAN, Span
from wafersim.ir.program import NONE, Program
from wafersim.machine import Machine

BYTES = 2
"""Bytes a word."""
_TABLE_ROWS = 12


def lower(unit: Unit, machine: Machine, span: Span) -> Program:
    """The finished program of an analysed unit; `span` is what placed it, for the error when it does not fit."""
    program = unit.program.finish()
    data = unit.program.next_word
    code = _code_words(program, unit.program.instruction_count, machine)
    stack = machine.number("memory.stack_words") + max((item.frame_words for item in program.functions), default=0)
    words = machine.number("memory.words")
    if data + code + stack > words:
        message = (
            f"program '{program.name}' does not fit into the memory of a PE: "
            f"it needs {(data + code + stack) * BYTES} of {words * BYTES} bytes"
        )
        unit.diagnostics.error(span, message, *(Note(NO_SPAN, row) for row in _memory_table(program, code, stack)))
    program.data_end, program.memory_end = data + code, words
    return program


def _code_words(program: Program, instructions: int, machine: Machine) -> int:
    """Words that the code of a program takes."""
    operations = len(program.vecops) + len(program.maps)
    words = instructions * machine.number("memory.code_words_per_instruction")
    words += operations * machine.number("memory.code_words_per_vector_operation")
    if program.command_task != NONE:
        words += machine.number("memory.memcpy_code_words")
    return words


def _memory_table(program: Program, code: int, stack: int) -> list[str]:
    """Bytes by symbol, the largest first."""
    rows = [(symbol.words, f"{symbol.name}: {symbol.type}") for symbol in program.symbols]
    rows += [(code, "code"), (stack, "stack")]
    rows.sort(key=lambda row: (-row[0], row[1]))
    lines = [f"{words * BYTES:6} bytes: {name}" for words, name in rows[:_TABLE_ROWS] if words]
    if len(rows) > _TABLE_ROWS:
        rest = sum(words for words, _ in rows[_TABLE_ROWS:])
        lines.append(f"{rest * BYTES:6} bytes: {len(rows) - _TABLE_ROWS} smaller ones")
    return lines
