"""Rules that every PE program and every image must keep, checked before the engine sees them.

A program goes in, a `VerifyError` naming function, instruction and rule comes out, or nothing. The
engine trusts what passes: it does not check operand numbers again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from wafersim.errors import VerifyError
from wafersim.ir.dsd import DsdKind, kind_of
from wafersim.ir.ops import OPS, VECOPS, IdSpace, OpInfo, Ty
from wafersim.ir.program import (
    NONE,
    AsyncOptions,
    DsrFile,
    Function,
    Image,
    Instr,
    OperandKind,
    Program,
    TaskKind,
    VecOperand,
)

_TERMINATORS = {"jmp", "ret", "trap"}
_JUMPS = {"jmp", "brt", "brf", "skt", "skf", "sk"}
_FIELD_NAMES = ("dst", "a", "b", "c")
_FORMATS = set("dXbfsc")


def verify_image(image: Image) -> None:
    """Checks every program and what the tiles say about them."""
    if len(image.tiles) != image.width * image.height:
        raise VerifyError(f"image: {len(image.tiles)} tiles for {image.width} x {image.height} PEs")
    for program, routing in set(image.tiles):
        if program != NONE and not 0 <= program < len(image.programs):
            raise VerifyError(f"image: a tile names program {program}, there are {len(image.programs)}")
        if not 0 <= routing < len(image.routings):
            raise VerifyError(f"image: a tile names routing {routing}, there are {len(image.routings)}")
    for number, configs in enumerate(image.routings):
        for color, count in Counter(config.color for config in configs).items():
            if count > 1:
                raise VerifyError(f"image: routing {number} configures color {color} {count} times")
    for program in image.programs:
        verify(program)


def verify(program: Program) -> None:
    """Raises `VerifyError` for the first rule that `program` breaks."""
    for problem in problems(program):
        raise VerifyError(f"program '{program.name}': {problem}")


def problems(program: Program) -> Iterator[str]:
    """Every broken rule, in order."""
    for function in program.functions:
        for problem in _function_problems(program, function):
            yield f"function '{function.name}': {problem}"
    for number, vecop in enumerate(program.vecops):
        yield from (f"vecop {number}: {text}" for text in _vecop_problems(program, number))
        yield from (f"vecop {number}: {text}" for text in _option_problems(program, vecop.options))
    for number in range(len(program.maps)):
        yield from (f"map {number}: {text}" for text in _map_problems(program, number))
    for number, load in enumerate(program.dsr_loads):
        yield from (f"dsr load {number}: {text}" for text in _dsr_problems(load.dsr))
        yield from (f"dsr load {number}: {text}" for text in _operand_number_problems(program, load.dsd, "dsd"))
        yield from (f"dsr load {number}: {text}" for text in _option_problems(program, load.options))
    for number in program.initial_loads:
        yield from (f"initial load {number}: {text}" for text in _initial_load_problems(program, number))
    yield from _memory_problems(program)
    yield from _binding_problems(program)
    yield from _name_problems(program)


def _initial_load_problems(program: Program, number: int) -> Iterator[str]:
    if not 0 <= number < len(program.dsr_loads):
        yield "no such DSR load"
        return
    load = program.dsr_loads[number]
    options = load.options
    operands = (options.activate, options.unblock, options.microthread, options.on_control_task, options.index)
    if load.dsd >= 0 or any(operand >= 0 for operand in operands):
        yield "has an operand that is no constant"


# ------------------------------------------------------------------------------------------------ code


def _function_problems(program: Program, function: Function) -> Iterator[str]:
    if len(function.params) > function.registers:
        yield f"{len(function.params)} parameters in {function.registers} registers"
    if not function.code or function.code[-1].op not in _TERMINATORS:
        yield "control runs off the end of the code"
    for index, instr in enumerate(function.code):
        yield from (f"{index} {instr.op}: {text}" for text in _instr_problems(program, function, instr))


def _instr_problems(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    info = OPS.get(instr.op)
    if info is None:
        yield "no such operation"
        return
    if info.typed and instr.ty in (Ty.VOID,):
        yield "needs a type"
    if not 0 <= instr.loc < max(1, len(program.locations)):
        yield f"location {instr.loc} does not exist"
    for name in _FIELD_NAMES:
        yield from _field_problems(program, function, info, name, getattr(instr, name))
    if "args" in info.fields and instr.c > 0:
        yield from _register_problems(function, instr.a, "first argument")
        yield from _register_problems(function, instr.a + instr.c - 1, "last argument")
    check = _IMMEDIATES.get(instr.op)
    if check is not None:
        yield from check(program, function, instr)


def _field_problems(program: Program, function: Function, info: OpInfo, name: str, value: int) -> Iterator[str]:
    if "args" in info.fields and name in "ac":
        if name == "c" and value < 0:
            yield f"argument count {value}"
        return
    if name not in info.fields:
        if value != NONE:
            yield f"field {name} is not in use"
        return
    optional = info.mnemonic in ("ret", "call", "callp") and name != "b"
    if value == NONE:
        if not optional:
            yield f"field {name} is missing"
    elif value >= 0:
        yield from _register_problems(function, value, f"field {name}")
    elif name == "dst":
        yield "the destination is a constant"
    elif -2 - value >= len(program.constants):
        yield f"field {name}: constant {-2 - value} does not exist"


def _register_problems(function: Function, register: int, what: str) -> Iterator[str]:
    if not 0 <= register < function.registers:
        yield f"{what}: register {register} of {function.registers}"


def _jump(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    if not 0 <= instr.imm < len(function.code):
        yield f"target {instr.imm} is outside the {len(function.code)} instructions"


def _call(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    if not 0 <= instr.imm < len(program.functions):
        yield f"function {instr.imm} does not exist"
        return
    callee = program.functions[instr.imm]
    if instr.c != len(callee.params):
        yield f"{instr.c} arguments for '{callee.name}', which takes {len(callee.params)}"
    if instr.dst != NONE and callee.result is Ty.VOID:
        yield f"takes the result of '{callee.name}', which has none"


def _frame(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    if not 0 <= instr.imm < function.frame_words:
        yield f"word {instr.imm} of a frame of {function.frame_words}"


def _convert(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    if instr.imm not in {int(ty) for ty in Ty} - {Ty.VOID, Ty.DSD}:
        yield f"no source type {instr.imm}"


def _space(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    if instr.imm not in {int(space) for space in IdSpace}:
        yield f"no name space {instr.imm}"


def _copy(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    if instr.imm < 0:
        yield f"copies {instr.imm} words"


def _print(program: Program, function: Function, instr: Instr) -> Iterator[str]:
    if not 0 <= instr.imm < len(program.prints):
        yield f"print format {instr.imm} does not exist"
    elif instr.c != len(program.prints[instr.imm].formats):
        yield f"{instr.c} values for {len(program.prints[instr.imm].formats)} formats"


def _choice(*allowed: int) -> Callable[[Program, Function, Instr], Iterator[str]]:
    def check(program: Program, function: Function, instr: Instr) -> Iterator[str]:
        if instr.imm not in allowed:
            yield f"immediate {instr.imm}, expected one of {', '.join(map(str, allowed))}"

    return check


def _table(attribute: str, noun: str) -> Callable[[Program, Function, Instr], Iterator[str]]:
    def check(program: Program, function: Function, instr: Instr) -> Iterator[str]:
        if not 0 <= instr.imm < len(getattr(program, attribute)):
            yield f"{noun} {instr.imm} does not exist"

    return check


_IMMEDIATES: dict[str, Callable[[Program, Function, Instr], Iterator[str]]] = {
    **dict.fromkeys(_JUMPS, _jump),
    "call": _call,
    "frame": _frame,
    "cvt": _convert,
    "copy": _copy,
    "block": _space,
    "unblock": _space,
    "print": _print,
    "vec": _table("vecops", "vector operation"),
    "map": _table("maps", "map"),
    "dsrload": _table("dsr_loads", "DSR load"),
    "assert": _table("messages", "message"),
    "trap": _table("messages", "message"),
    "clockctl": _choice(0, 1, 2),
    "prng": _choice(0, 1),
    "qflush": _choice(0, 1),
    "fifolen": _choice(0, 1),
    "dsdinc": _choice(1, 2),
}
"""What the immediate of an operation must be."""


# ------------------------------------------------------------------------------------------- vector


def _vecop_problems(program: Program, number: int) -> Iterator[str]:
    vecop = program.vecops[number]
    info = VECOPS.get(vecop.name)
    if info is None:
        yield f"no operation '{vecop.name}'"
        return
    if len(vecop.sources) != len(info.sources):
        yield f"{vecop.name} takes {len(info.sources)} sources, has {len(vecop.sources)}"
    if vecop.dst.kind in (OperandKind.NONE, OperandKind.SCALAR):
        yield "the destination must be a pointer, a DSD or a DSR"
    yield from _operand_problems(program, vecop.dst, "destination", {DsdKind.FABIN}, DsrFile.SRC1)
    for index, source in enumerate(vecop.sources):
        if source.kind is OperandKind.NONE:
            yield f"source {index} is missing"
        yield from _operand_problems(program, source, f"source {index}", {DsdKind.FABOUT}, None)


def _operand_problems(
    program: Program, operand: VecOperand, what: str, wrong: set[DsdKind], wrong_file: DsrFile | None
) -> Iterator[str]:
    if operand.kind is OperandKind.NONE:
        return
    if operand.kind is OperandKind.DSR:
        yield from (f"{what}: {text}" for text in _dsr_problems(operand.value))
        if wrong_file is not None and operand.value // 64 == wrong_file:
            yield f"{what}: a DSR of file {wrong_file.name}"
        return
    yield from _operand_number_problems(program, operand.value, what)
    index = -2 - operand.value
    if operand.kind is OperandKind.DSD and 0 <= index < len(program.constants):
        yield from (f"{what}: {text}" for text in _dsd_problems(program, program.constants[index], wrong))


def _operand_number_problems(program: Program, value: int, what: str) -> Iterator[str]:
    if value == NONE:
        yield f"{what} is missing"
    elif value < NONE and -2 - value >= len(program.constants):
        yield f"{what}: constant {-2 - value} does not exist"


def _dsr_problems(number: int) -> Iterator[str]:
    if number // 64 not in {int(file) for file in DsrFile}:
        yield f"DSR {number} is in no file"


def _dsd_problems(program: Program, dsd: int, wrong: set[DsdKind]) -> Iterator[str]:
    if dsd >> 48 & 7 == 7 or kind_of(dsd) is DsdKind.NONE:
        yield "the constant is no DSD"
        return
    kind = kind_of(dsd)
    if kind in wrong:
        yield f"a {kind.name} DSD"
    if kind in (DsdKind.MEM4D, DsdKind.CIRCBUF) and dsd >> 32 & 0xFFFF >= len(program.shapes):
        yield f"shape {dsd >> 32 & 0xFFFF} does not exist"
    if kind is DsdKind.FIFO and dsd & 0xFFFF >= len(program.fifos):
        yield f"FIFO {dsd & 0xFFFF} does not exist"


def _option_problems(program: Program, options: AsyncOptions) -> Iterator[str]:
    for name in ("activate", "unblock", "microthread", "on_control_task", "index"):
        value = getattr(options, name)
        if value != NONE:
            yield from _operand_number_problems(program, value, name)
    if not 0 <= options.priority <= 3:
        yield f"priority {options.priority}"


def _map_problems(program: Program, number: int) -> Iterator[str]:
    mapping = program.maps[number]
    if not 0 <= mapping.function < len(program.functions):
        yield f"function {mapping.function} does not exist"
        return
    params = program.functions[mapping.function].params
    if not len(mapping.inputs) == len(mapping.input_types) == len(params):
        yield f"{len(mapping.inputs)} inputs for {len(params)} parameters"
    if mapping.pointer_inputs and len(mapping.pointer_inputs) != len(mapping.inputs):
        yield "pointer_inputs and inputs differ in length"
    for index, operand in enumerate(mapping.inputs):
        yield from _operand_problems(program, operand, f"input {index}", {DsdKind.FABOUT}, None)
    yield from _operand_problems(program, mapping.output, "output", {DsdKind.FABIN}, None)


# --------------------------------------------------------------------------------- memory, tasks, names


def _memory_problems(program: Program) -> Iterator[str]:
    if not 0 <= program.data_end <= program.memory_end:
        yield f"memory: data ends at word {program.data_end}, memory at {program.memory_end}"
    placed = sorted((item.address, item.words, item.name) for item in program.symbols if item.words)
    for (address, words, name), (after, _, other) in pairwise(placed):
        if address + words > after:
            yield f"memory: symbols '{name}' and '{other}' overlap"
    for address, words, name in placed:
        if address < 0 or address + words > program.data_end:
            yield f"memory: symbol '{name}' lies outside the data"
    for segment in program.data:
        if segment.address < 0 or segment.address + len(segment.words) > program.data_end:
            yield f"memory: the segment at word {segment.address} lies outside the data"
        if any(not 0 <= word <= 0xFFFF for word in segment.words):
            yield f"memory: the segment at word {segment.address} has a word that is no u16"
    for fifo in program.fifos:
        if fifo.address < 0 or fifo.address + fifo.words > program.data_end or fifo.element_words not in (1, 2):
            yield f"memory: FIFO '{fifo.name}' lies outside the data or has elements of {fifo.element_words} words"


def _binding_problems(program: Program) -> Iterator[str]:
    for (kind, number), count in Counter((task.kind, task.id) for task in program.tasks).items():
        if count > 1:
            yield f"tasks: {count} {kind.name.lower()} tasks with id {number}"
    for task in program.tasks:
        if not 0 <= task.function < len(program.functions):
            yield f"tasks: task {task.id} runs function {task.function}, which does not exist"
            continue
        function = program.functions[task.function]
        limit = 0 if task.kind is TaskKind.LOCAL else 2
        if len(function.params) > limit or function.result is not Ty.VOID:
            yield f"tasks: function '{function.name}' cannot be a {task.kind.name.lower()} task"
    for name in ("input_queues", "output_queues"):
        for queue, count in Counter(binding.queue for binding in getattr(program, name)).items():
            if count > 1:
                yield f"{name}: queue {queue} is bound {count} times"
    for table in (program.teardown_handlers, program.empty_queue_handlers):
        for key, function in table.items():
            if not 0 <= function < len(program.functions):
                yield f"handlers: {key} runs function {function}, which does not exist"


def _name_problems(program: Program) -> Iterator[str]:
    for name, count in Counter(export.name for export in program.exports).items():
        if count > 1:
            yield f"exports: '{name}' is exported {count} times"
    for export in program.exports:
        table = program.functions if export.is_function else program.symbols
        if not 0 <= export.target < len(table):
            yield f"exports: '{export.name}' names entry {export.target}, which does not exist"
    for number, text in enumerate(program.prints):
        if len(text.literals) != len(text.formats) + 1 or len(text.formats) != len(text.types):
            yield f"print format {number}: literals, formats and types do not fit together"
        if not set(text.formats) <= _FORMATS:
            yield f"print format {number}: unknown format"
    for key, symbol in program.traces.items():
        if not 0 <= symbol < len(program.symbols):
            yield f"traces: '{key}' names symbol {symbol}, which does not exist"
    for file, _, _ in program.locations[1:]:
        if not 0 <= file < len(program.files):
            yield f"locations: file {file} does not exist"
