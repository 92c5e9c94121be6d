"""PE programs and the mesh they run on: plain data, what the compiler hands to the engine.

A `Program` is everything PEs with equal (file, parameters) share. An `Image` is a rectangle of tiles,
each with a program and a routing configuration. Addresses and sizes are in 16-bit words, coordinates
are (x, y) = (column, row) within the program rectangle.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from wafersim.ir.ops import IdSpace, Ty

NONE = -1
"""Operand that is not used."""


def const_operand(index: int) -> int:
    """Operand that reads entry `index` of the constant pool."""
    return -2 - index


# ------------------------------------------------------------------------------------------------ code


@dataclass(slots=True)
class Instr:
    """One scalar operation; which fields count is in `ops.def`."""

    op: str
    ty: Ty = Ty.VOID
    dst: int = NONE
    a: int = NONE
    b: int = NONE
    c: int = NONE
    imm: int = 0
    loc: int = 0
    """Index into `Program.locations`."""


@dataclass(slots=True)
class Function:
    """Instructions of one function or task; `code` is indexed by jump targets.

    The parameters arrive in registers 0 .. params-1. `frame_words` words of stack hold local arrays and
    locals whose address is taken.
    """

    name: str
    params: list[Ty]
    result: Ty
    registers: int
    frame_words: int
    code: list[Instr]
    loc: int = 0


class OperandKind(IntEnum):
    """What an operand of a vector operation is."""

    NONE = 0
    SCALAR = 1
    """`value` is an operand (register or constant)."""
    POINTER = 2
    """`value` is an operand with the address of a scalar in memory: a destination of length one or a
    reduction, or a source read once when the operation starts."""
    DSD = 3
    """`value` is an operand holding a packed DSD."""
    DSR = 4
    """`value` is a number: file * 64 + index, files as in `DsrFile`."""


class DsrFile(IntEnum):
    DEST = 0
    SRC0 = 1
    SRC1 = 2


@dataclass(slots=True)
class VecOperand:
    kind: OperandKind
    value: int


NO_OPERAND = VecOperand(OperandKind.NONE, NONE)


class OnControl(IntEnum):
    """What a control wavelet does to an operation that reads from the fabric."""

    IGNORE = 0
    TERMINATE = 1
    ACTIVATE = 2


@dataclass(slots=True)
class AsyncOptions:
    """Options of a vector operation or of a DSR load; operands are registers or constants."""

    is_async: bool = False
    activate: int = NONE
    """Operand: local task to activate on completion."""
    unblock: int = NONE
    """Operand: id to unblock on completion."""
    unblock_space: IdSpace = IdSpace.TASK
    microthread: int = NONE
    """Operand: explicit microthread; without it the rule of the architecture applies."""
    on_control: OnControl = OnControl.IGNORE
    on_control_task: int = NONE
    """Operand: local task to activate, with `OnControl.ACTIVATE`."""
    priority: int = 0
    """0 not given, 1 low, 2 medium, 3 high."""
    index: int = NONE
    """Operand: explicit index (u16) for operands with `wavelet_index_offset`."""


@dataclass(slots=True)
class VecOp:
    """One use of a DSD operation builtin; `name` is a row of `vecops.def`."""

    name: str
    dst: VecOperand
    sources: list[VecOperand]
    options: AsyncOptions = field(default_factory=AsyncOptions)


@dataclass(slots=True)
class MapOp:
    """One `@map`: calls `function` for each element.

    Each argument is an input operand; scalars are passed unchanged, pointers and DSDs give an element a
    call. `output` is written with the function's result and may be absent.
    """

    function: int
    inputs: list[VecOperand]
    input_types: list[Ty]
    output: VecOperand
    output_type: Ty
    pointer_inputs: list[bool] = field(default_factory=list)
    """True where the function takes a pointer to the element instead of its value."""


@dataclass(slots=True)
class DsrLoad:
    """One `@load_to_dsr`: the options are kept in the DSR and used by the operations that name it."""

    dsr: int
    """file * 64 + index"""
    dsd: int
    """Operand with the packed DSD."""
    options: AsyncOptions = field(default_factory=AsyncOptions)
    save_address: bool = False
    single_step: bool = False


@dataclass(slots=True)
class Shape:
    """What does not fit into 64 bits of a `mem4d_dsd` or `circbuf_dsd`.

    mem4d: `extents` and `strides` (words are counted in elements) from the outermost dimension inwards.
    circbuf: `start` and `words` of the buffer.
    """

    extents: list[int] = field(default_factory=list)
    strides: list[int] = field(default_factory=list)
    start: int = 0
    words: int = 0


class FifoAction(IntEnum):
    """What an operation does on an empty or a full FIFO."""

    TEST_OR_SUSPEND = 0
    SUSPEND = 1
    TERMINATE = 2
    FAULT = 3


@dataclass(slots=True)
class Fifo:
    """A FIFO over a buffer in PE memory."""

    name: str
    address: int
    words: int
    element_words: int
    empty_action: FifoAction = FifoAction.TEST_OR_SUSPEND
    full_action: FifoAction = FifoAction.TEST_OR_SUSPEND
    activate_push: int = NONE
    """Local task id, or NONE."""
    activate_pop: int = NONE
    priority: int = 0


# ------------------------------------------------------------------------------------------- PE program


@dataclass(slots=True)
class Symbol:
    """A variable in PE memory, for host access, the memory table and core dumps.

    `type` is the CSL type as text; `element` and `shape` describe arrays (shape [] for scalars).
    """

    name: str
    address: int
    words: int
    type: str
    element: Ty
    shape: list[int]
    section: str = "data"


@dataclass(slots=True)
class DataSegment:
    """Initial content of memory; what no segment covers is zero."""

    address: int
    words: list[int]


class TaskKind(IntEnum):
    DATA = 0
    LOCAL = 1
    CONTROL = 2


@dataclass(slots=True)
class Task:
    """A task bound to an id.

    Data tasks: `id` is the color (WSE-2) or input queue (WSE-3). `params` are cut from the wavelet,
    low bits first.
    """

    id: int
    kind: TaskKind
    function: int


@dataclass(slots=True)
class QueueBinding:
    """Color of an input or output queue; None where `@initialize_queue` gave none."""

    queue: int
    color: int | None
    priority: int = 0


@dataclass(slots=True)
class PrintFormat:
    """Pieces of a `print` instruction: literal text around one value each.

    `formats[i]` is one of `d X b f s c` with `types[i]` the register type of the value.
    """

    literals: list[str]
    formats: list[str]
    types: list[Ty]


@dataclass(slots=True)
class Export:
    """A name the host may use: `target` is an entry of `symbols` or of `functions`.

    A variable export of pointer type `[*]T` names the pointer variable: the host follows it.
    """

    name: str
    is_function: bool
    target: int
    type: str
    mutable: bool = False


class PatchKind(IntEnum):
    """What of a program a tile replaces."""

    CONSTANT = 0
    """Entry `index` of `constants`."""
    WORD = 1
    """The initial word at address `index`."""
    INPUT_COLOR = 2
    """The color of entry `index` of `input_queues`."""
    OUTPUT_COLOR = 3


@dataclass(slots=True)
class Patch:
    """A number in which tiles of one program differ; their values are a row of `Image.patches`."""

    kind: PatchKind
    index: int


@dataclass(slots=True)
class Program:
    """Everything shared by the PEs that run the same code. What `patches` names is that of the first tile."""

    name: str
    functions: list[Function] = field(default_factory=list)
    constants: list[int] = field(default_factory=list)
    """Values as 64-bit patterns: integers sign- or zero-extended by their type, floats by their bits."""
    vecops: list[VecOp] = field(default_factory=list)
    maps: list[MapOp] = field(default_factory=list)
    dsr_loads: list[DsrLoad] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    fifos: list[Fifo] = field(default_factory=list)
    prints: list[PrintFormat] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)
    data: list[DataSegment] = field(default_factory=list)
    data_end: int = 0
    """First word after data and code: the stack grows from here."""
    memory_end: int = 0
    tasks: list[Task] = field(default_factory=list)
    initial_loads: list[int] = field(default_factory=list)
    """DSR loads done before the program starts; their operands are constants."""
    activated: list[int] = field(default_factory=list)
    """Local task ids activated at start."""
    blocked: list[tuple[IdSpace, int]] = field(default_factory=list)
    unblocked: list[tuple[IdSpace, int]] = field(default_factory=list)
    input_queues: list[QueueBinding] = field(default_factory=list)
    output_queues: list[QueueBinding] = field(default_factory=list)
    teardown_handlers: dict[int, int] = field(default_factory=dict)
    """Color -> function."""
    empty_queue_handlers: dict[int, int] = field(default_factory=dict)
    """Output queue -> function (input queues are numbered from 16)."""
    command_task: int = NONE
    """Task id whose blocking holds back the host's command stream; NONE without `<memcpy/memcpy>`."""
    exports: list[Export] = field(default_factory=list)
    traces: dict[str, int] = field(default_factory=dict)
    """`<debug>` key -> symbol of its buffer."""
    locations: list[tuple[int, int, int]] = field(default_factory=list)
    """(file, line, column) of instructions; files index `files`. Entry 0 is "nowhere"."""
    files: list[str] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)


# ----------------------------------------------------------------------------------------------- mesh


class Dir(IntFlag):
    """Sides of a router. HOST is the host link of the memcpy library, which needs no route."""

    RAMP = 1
    EAST = 2
    WEST = 4
    SOUTH = 8
    NORTH = 16
    HOST = 32


class PopMode(IntEnum):
    """When a control wavelet loses its first command while passing a router."""

    NO_POP = 0
    ALWAYS_POP = 1
    POP_ON_ADVANCE = 2
    POP_ON_HEADER = 3


class FilterKind(IntEnum):
    NONE = 0
    RANGE = 1
    COUNTER = 2
    SPARSE_COUNTER = 3


@dataclass(frozen=True, slots=True)
class SwitchPosition:
    """Positions 1 to 3 replace the input or the output side; 0 keeps that of the position before."""

    rx: int = 0
    tx: int = 0
    invalid: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Which wavelets a router passes on to its ramp (language reference, `filter`)."""

    kind: FilterKind = FilterKind.NONE
    min_idx: int = 0
    max_idx: int = 0
    count_data: bool = False
    count_control: bool = False
    init_counter: int = 0
    max_counter: int = 0
    limit1: int = 0
    limit2: int = 0


@dataclass(frozen=True, slots=True)
class ColorConfig:
    """Routing of one color on one tile. Frozen: equal tiles share it."""

    color: int
    rx: int = 0
    tx: int = 0
    """Masks of `Dir`."""
    positions: tuple[SwitchPosition, ...] = ()
    position: int = 0
    ring_mode: bool = False
    pop_mode: PopMode = PopMode.NO_POP
    swap_x: bool = False
    swap_y: bool = False
    teardown: bool = False
    filter: Filter = field(default_factory=Filter)


@dataclass(slots=True)
class Image:
    """A compiled layout: what `cslc` writes and the engine loads.

    `tiles[y * width + x]` is (program or NONE, routing), each an index. Fabric size and offsets matter
    only for the coordinates that programs and host see.
    """

    arch: str
    width: int
    height: int
    fabric_width: int
    fabric_height: int
    offset_x: int
    offset_y: int
    programs: list[Program]
    routings: list[tuple[ColorConfig, ...]]
    tiles: list[tuple[int, int]]
    exports: list[tuple[str, str, bool]] = field(default_factory=list)
    """(name, type, mutable) of each `@export_name`, in order."""
    params: dict[str, str] = field(default_factory=dict)
    colors: dict[str, int] = field(default_factory=dict)
    channels: int = 0
    memcpy: bool = False
    rows: array = field(default_factory=lambda: array("i"))
    """For each tile the number of its row in the patches of its program; empty if no program has patches."""
    patches: list[array] = field(default_factory=list)
    """For each program its rows one after the other, a 64-bit number for each of `Program.patches`."""
