"""Random PE programs and routes for the engine's robustness tests: legal to load, senseless to run."""

from __future__ import annotations

from random import Random

import numpy as np
from engine.build import NO_OPERAND, U16, U32, Code, Prog, Wafer

from wafersim.ir import dsd as dsds
from wafersim.ir.dsd import DsdKind
from wafersim.ir.ops import VECOPS, IdSpace, Ty
from wafersim.ir.program import (
    NONE,
    AsyncOptions,
    DsrLoad,
    Filter,
    FilterKind,
    MapOp,
    OnControl,
    OperandKind,
    PopMode,
    Shape,
    SwitchPosition,
    TaskKind,
    VecOp,
    VecOperand,
)

COLORS = 4
_SCALAR = ("add", "sub", "mul", "and", "xor", "shl", "lt", "mov", "neg")
_DIRECTIONS = {True: [DsdKind.FABOUT], False: [DsdKind.FABIN]}


def packed_dsd(r: Random, is_destination: bool) -> int:
    kind = r.choice(
        [DsdKind.MEM1D] * 8 + [DsdKind.MEM4D, DsdKind.CIRCBUF] + _DIRECTIONS[is_destination] * 6 + [DsdKind.FIFO]
    )
    address = {DsdKind.FIFO: r.randrange(2), DsdKind.FABIN: r.randrange(6), DsdKind.FABOUT: r.randrange(6)}
    extra = {DsdKind.MEM1D: r.choice([0, 1, 2, 3, 0xFFFF]), DsdKind.MEM4D: 0, DsdKind.CIRCBUF: 1}
    length = r.choice([4] * 9 + [0x7FFF])
    flags = r.choice([0, 0, 0, 1 << r.randrange(51, 61)])
    return dsds.pack(
        kind, address.get(kind, r.randrange(40, 900)), length, extra.get(kind, r.choice([dsds.NO_COLOR, 1])), flags
    )


def operand(r: Random, code: Code, is_destination: bool) -> VecOperand:
    kind = r.choice(
        [OperandKind.POINTER, OperandKind.DSR] + [OperandKind.DSD] * 4 + [OperandKind.SCALAR] * (not is_destination)
    )
    if kind is OperandKind.DSR:
        return VecOperand(kind, 0 if is_destination else 64)
    bits = packed_dsd(r, is_destination) if kind is OperandKind.DSD else r.randrange(900)
    return VecOperand(kind, code.k(bits))


def options(r: Random, code: Code) -> AsyncOptions:
    return AsyncOptions(
        is_async=r.random() < 0.5,
        activate=r.choice([NONE, code.k(r.choice([8, 9]))]),
        unblock=r.choice([NONE, code.k(r.randrange(16))]),
        microthread=r.choice([NONE, NONE, code.k(r.randrange(8))]),
        on_control=r.choice(list(OnControl)),
        on_control_task=code.k(9),
        priority=r.randrange(4),
        index=r.choice([NONE, code.k(r.randrange(6))]),
    )


def load_dsr(r: Random, code: Code, is_destination: bool) -> None:
    load = DsrLoad(
        0 if is_destination else 64, code.k(packed_dsd(r, is_destination)), options(r, code), r.random() < 0.3
    )
    code.prog.ir.dsr_loads.append(load)
    code.op("dsrload", imm=len(code.prog.ir.dsr_loads) - 1)


def statement(r: Random, code: Code) -> None:
    program = code.prog.ir
    match r.choice(["vec"] * 6 + ["scalar"] * 4 + ["dsr", "map", "block", "activate", "register", "jump", "flush"]):
        case "vec":
            name = r.choice(list(VECOPS))
            sources = [operand(r, code, False) for _ in VECOPS[name].sources]
            program.vecops.append(VecOp(name, operand(r, code, True), sources, options(r, code)))
            code.op("vec", imm=len(program.vecops) - 1)
        case "scalar":
            fields = {"a": r.randrange(4), "dst": r.randrange(4)}
            name = r.choice(_SCALAR)
            if name not in ("mov", "neg"):
                fields["b"] = code.k(r.choice([0, 1, 2, 65535]))
            code.op(name, Ty(r.randrange(2, 10)), **fields)
        case "dsr":
            load_dsr(r, code, r.random() < 0.5)
        case "map":
            output = r.choice([NO_OPERAND, operand(r, code, True)])
            program.maps.append(MapOp(0, [operand(r, code, False)], [U16], output, U16, [False]))
            code.op("map", imm=len(program.maps) - 1)
        case "block":
            space = r.choice([IdSpace.TASK, IdSpace.MICROTHREAD])
            code.op(r.choice(["block", "unblock", "unblock"]), a=code.k(r.randrange(12)), imm=int(space))
        case "activate":
            code.activate(r.choice([8, 9]))
        case "register":
            address = code.k(0x7800 + r.randrange(0x760))
            code.op("setcfg", a=address, b=code.k(r.randrange(1 << 16))) if r.random() < 0.2 else code.op(
                "getcfg", dst=r.randrange(4), a=address
            )
        case "jump":
            code.op("brf", a=r.randrange(4), imm=r.randrange(len(code.ir.code) + 1))
        case "flush":
            code.op("qflush", a=code.k(r.randrange(16)), imm=r.randrange(2))


def program(r: Random) -> Prog:
    prog = Prog()
    prog.ir.shapes = [Shape([2, 2], [1, 2]), Shape([4], [1], start=5, words=7)]
    for number in range(2):
        prog.fifo(900 + 50 * number, r.randrange(2, 20), 2, empty_action=r.randrange(4), full_action=r.randrange(4))
    for queue in range(6):
        prog.input(queue, r.randrange(COLORS))
        prog.output(queue, r.randrange(COLORS))
    function = prog.function("mapped", (U16,), U16)
    function.ret(0)
    for id in (8, 9):
        code = prog.start() if id == 8 else prog.task(9)
        code.reg(4)
        load_dsr(r, code, True)
        load_dsr(r, code, False)
        for _ in range(r.randrange(2, 25)):
            statement(r, code)
        code.ret()
    data = prog.task(r.choice([0, 1, 2, 3]), TaskKind.DATA, r.choice([(U16,), (U16, U16), (U32,)]))
    data.reg(4)
    statement(r, data)
    data.ret()
    return prog


def route_options(r: Random) -> dict:
    return {
        "positions": tuple(
            SwitchPosition(r.randrange(64), r.randrange(64), r.random() < 0.2) for _ in range(r.randrange(4))
        ),
        "position": r.randrange(4),
        "ring_mode": r.random() < 0.5,
        "pop_mode": r.choice(list(PopMode)),
        "swap_x": r.random() < 0.1,
        "swap_y": r.random() < 0.1,
        "teardown": r.random() < 0.1,
        "filter": Filter(r.choice(list(FilterKind)), 0, 5, r.random() < 0.5, r.random() < 0.5, 0, 2, 3, 2),
    }


def mesh(seed: int, width: int = 2, height: int = 2):
    """A mesh of random tiles with wavelets from the host and over two edges."""
    r = Random(seed)
    wafer = Wafer(width, height, arch=r.choice(["wse2", "wse3"]))
    programs = [program(r) for _ in range(2)]
    for y in range(height):
        for x in range(width):
            if r.random() < 0.9:
                wafer.program(x, y, r.choice(programs))
            for color in range(COLORS):
                wafer.route(x, y, color, r.randrange(64), r.randrange(64), **route_options(r))
    result = wafer.mesh()
    wavelets = np.array([r.randrange(1 << 32) for _ in range(5 * width * height)], "u4").reshape(height, width, 5)
    for _ in range(2):
        result.stream_in(0, 0, width, height, r.randrange(COLORS), wavelets)
    result.edge_send(0, 0, 4, 1, np.array([1, 2, 0x1DF0000], "u4"), [0, 1, 1])
    result.edge_send(width - 1, 0, 2, 1, np.array([1, 0x5DF0000, 0x2DF0000], "u4"), [0, 1, 1])
    return result
