"""The text form of PE programs: printing for people and tests, and reading it back.

    program "pe.csl"
    constant 0 0x0000000000000007
    symbol 0 name="y" address=0 words=4 type="[4]f32" element=11 shape=[4]
    vecop 0 name="fmacs" dst="dsd r3" sources=["dsd r3","dsd k0","scalar r4"]
    function 0 "compute"(i16, u16) void registers=5 frame=0 @3
        0  add.i16   dst=r2 a=r0 b=k0  @4

`r3` is a register, `k0` an entry of the constant pool. Fields that have their default are left out.
`parse_program(print_program(p)) == p`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterator
from typing import Any

from wafersim.errors import TextFormError
from wafersim.ir import codec
from wafersim.ir.ops import OPS, Ty
from wafersim.ir.program import NONE, Function, Image, Instr, OperandKind, Program

_OPERAND_FIELDS = ("dst", "a", "b", "c")
_SINGLE = ("data_end", "memory_end", "command_task", "initial_loads", "activated", "blocked", "unblocked", "traces")
_SINGLE += ("teardown_handlers", "empty_queue_handlers")
_ROWS = {
    "shape": "shapes",
    "fifo": "fifos",
    "print": "prints",
    "symbol": "symbols",
    "data": "data",
    "task": "tasks",
    "input_queue": "input_queues",
    "output_queue": "output_queues",
    "export": "exports",
    "vecop": "vecops",
    "map": "maps",
    "dsr_load": "dsr_loads",
    "patch": "patches",
}
"""Word that starts a line -> list of dataclasses in `Program`."""
_TEXTS = {"message": "messages", "file": "files"}
_HINTS = typing.get_type_hints(Program)


# ------------------------------------------------------------------------------------------- printing


def print_program(program: Program) -> str:
    return "\n".join(_program_lines(program)) + "\n"


def print_mesh(image: Image) -> str:
    """Tiles, programs by number and the routing of every color, for `--dump=mesh`."""
    lines = [f"mesh {image.width} x {image.height} arch {image.arch} at ({image.offset_x}, {image.offset_y})"]
    lines += [f"program {number} {json.dumps(program.name)}" for number, program in enumerate(image.programs)]
    for number, routing in enumerate(image.routings):
        lines.append(f"routing {number}")
        lines += [f"    {_fields(codec.to_plain(config))}" for config in routing]
    for y in range(image.height):
        row = image.tiles[y * image.width : (y + 1) * image.width]
        lines.append(f"row {y:4}  " + " ".join(f"{program}/{routing}" for program, routing in row))
    return "\n".join(lines) + "\n"


def _program_lines(program: Program) -> Iterator[str]:
    yield f"program {json.dumps(program.name)}"
    for name in _SINGLE:
        if (value := getattr(program, name)) not in (NONE, 0, [], {}):
            yield f"{name} {_compact(codec.to_plain(value))}"
    for word, name in _TEXTS.items():
        for number, text in enumerate(getattr(program, name)):
            yield f"{word} {number} {json.dumps(text)}"
    for number, value in enumerate(program.constants):
        yield f"constant {number} 0x{value & (1 << 64) - 1:016x}" + (" signed" if value < 0 else "")
    for number, (file, line, column) in enumerate(program.locations):
        yield f"location {number} {file}:{line}:{column}"
    for word, name in _ROWS.items():
        for number, row in enumerate(getattr(program, name)):
            yield f"{word} {number} {_fields(_sweeten(codec.to_plain(row)))}".rstrip()
    for number, function in enumerate(program.functions):
        yield from _function_lines(number, function)


def _function_lines(number: int, function: Function) -> Iterator[str]:
    params = ", ".join(ty.name.lower() for ty in function.params)
    head = f"function {number} {json.dumps(function.name)}({params}) {function.result.name.lower()}"
    yield f"{head} registers={function.registers} frame={function.frame_words} @{function.loc}"
    for index, instr in enumerate(function.code):
        yield f"  {index:4}  {_instr_text(instr)}"


def _instr_text(instr: Instr) -> str:
    head = instr.op if instr.ty is Ty.VOID else f"{instr.op}.{instr.ty.name.lower()}"
    counted = instr.op in OPS and "args" in OPS[instr.op].fields
    parts = [
        f"{name}={value if counted and name == 'c' else _operand_text(value)}"
        for name in _OPERAND_FIELDS
        if (value := getattr(instr, name)) != NONE
    ]
    if instr.imm:
        parts.append(f"imm={instr.imm}")
    return f"{head:9} {' '.join(parts)}  @{instr.loc}"


def _operand_text(value: int) -> str:
    if value == NONE:
        return "none"
    return f"r{value}" if value >= 0 else f"k{-2 - value}"


def _sweeten(plain: Any) -> Any:
    """Operands of vector operations as short strings."""
    if isinstance(plain, list):
        return [_sweeten(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if set(plain) == {"kind", "value"}:
        kind = OperandKind(plain["kind"])
        value = str(plain["value"]) if kind is OperandKind.DSR else _operand_text(plain["value"])
        return f"{kind.name.lower()} {value}"
    return {key: _sweeten(item) for key, item in plain.items()}


def _fields(plain: dict[str, Any]) -> str:
    return " ".join(f"{name}={_compact(value)}" for name, value in plain.items())


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


# -------------------------------------------------------------------------------------------- reading


def parse_program(text: str) -> Program:
    """The program whose text form is `text`; a `TextFormError` names the line that cannot be read."""
    program = Program("")
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.strip():
                _parse_line(program, line)
        except (ValueError, KeyError, IndexError) as error:
            raise TextFormError(f"line {number}: {error}: {line.strip():.60}") from error
    return program


def _parse_line(program: Program, line: str) -> None:
    if line.startswith(" "):
        program.functions[-1].code.append(_parse_instr(line))
        return
    word, rest = line.split(" ", 1)
    if word == "program":
        program.name = json.loads(rest)
    elif word in _SINGLE:
        setattr(program, word, codec.from_plain(_HINTS[word], json.loads(rest)))
    elif word == "function":
        program.functions.append(_parse_function(rest))
    else:
        _parse_row(program, word, rest.split(" ", 1)[1] if " " in rest else "")


def _parse_row(program: Program, word: str, rest: str) -> None:
    if word in _TEXTS:
        getattr(program, _TEXTS[word]).append(json.loads(rest))
    elif word == "constant":
        value = int(rest.split()[0], 16)
        program.constants.append(value - (1 << 64) if rest.endswith("signed") else value)
    elif word == "location":
        file, line, column = map(int, rest.split(":"))
        program.locations.append((file, line, column))
    elif word in _ROWS:
        (kind,) = typing.get_args(_HINTS[_ROWS[word]])
        getattr(program, _ROWS[word]).append(codec.from_plain(kind, _parse_fields(rest, kind)))
    else:
        raise ValueError(f"unknown word '{word}'")


def _parse_fields(text: str, kind: type) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    decoder, fields, at = json.JSONDecoder(), {}, 0
    while at < len(text):
        name, equals, _ = text[at:].partition("=")
        if not equals or name not in names:
            raise ValueError(f"expected a field of {kind.__name__}")
        value, at = decoder.raw_decode(text, at + len(name) + 1)
        fields[name] = _unsweeten(value) if name in ("dst", "sources", "inputs", "output") else value
        at += 1
    return fields


def _unsweeten(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_unsweeten(item) for item in plain]
    kind, value = plain.split(" ")
    dsr = kind == "dsr"
    return {"kind": int(OperandKind[kind.upper()]), "value": int(value) if dsr else _parse_operand(value)}


_FUNCTION = re.compile(r'\d+ ("(?:[^"\\]|\\.)*")\(([^)]*)\) (\w+) registers=(\d+) frame=(\d+) @(\d+)')


def _parse_function(text: str) -> Function:
    match = _FUNCTION.fullmatch(text)
    if match is None:
        raise ValueError("not the head of a function")
    name, params, result, registers, frame, loc = match.groups()
    types = [Ty[param.strip().upper()] for param in params.split(",") if param.strip()]
    return Function(json.loads(name), types, Ty[result.upper()], int(registers), int(frame), [], int(loc))


def _parse_instr(line: str) -> Instr:
    _, head, *parts = line.split()
    op, _, ty = head.partition(".")
    if op not in OPS:
        raise ValueError(f"unknown operation '{op}'")
    instr = Instr(op, Ty[ty.upper()] if ty else Ty.VOID)
    for part in parts:
        name, _, value = part.partition("=")
        if part.startswith("@"):
            instr.loc = int(part[1:])
        elif name == "imm":
            instr.imm = int(value)
        elif name in _OPERAND_FIELDS:
            setattr(instr, name, _parse_operand(value))
        else:
            raise ValueError(f"unknown field '{name}'")
    return instr


def _parse_operand(text: str) -> int:
    if text == "none":
        return NONE
    if text[0] in "rk":
        return int(text[1:]) if text[0] == "r" else -2 - int(text[1:])
    return int(text)
