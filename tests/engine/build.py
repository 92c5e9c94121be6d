"""A small assembler for engine tests: PE programs and meshes written by hand, without the compiler.

    code = Code(); v = code.reg(); code.op("load", F32, dst=v, a=code.const(addr)); ...
    mesh = Wafer(1, 1).program(0, 0, Prog().function("main", code)).mesh()
"""

from __future__ import annotations

import os
from array import array
from typing import Any

import numpy as np

from wafersim import _engine, machine
from wafersim.ir import dsd as dsds
from wafersim.ir.codec import image_to_plain
from wafersim.ir.dsd import DsdKind
from wafersim.ir.ops import VECOPS, IdSpace, Ty
from wafersim.ir.program import (
    NO_OPERAND,
    NONE,
    AsyncOptions,
    ColorConfig,
    Fifo,
    Function,
    Image,
    Instr,
    OperandKind,
    Program,
    QueueBinding,
    Task,
    TaskKind,
    VecOp,
    VecOperand,
    const_operand,
)
from wafersim.runtime.paired import PairedMesh

F16, F32, I16, U16, I32, U32, U64, DSD, BOOL = (
    Ty.F16,
    Ty.F32,
    Ty.I16,
    Ty.U16,
    Ty.I32,
    Ty.U32,
    Ty.U64,
    Ty.DSD,
    Ty.BOOL,
)


class Prog:
    """One PE program under construction."""

    def __init__(self, name: str = "test") -> None:
        self.ir = Program(name, data_end=1024, memory_end=24576, locations=[(0, 0, 0)], files=["test.csl"])

    def const(self, bits: int) -> int:
        """Operand for a constant; `bits` is the 64-bit pattern."""
        self.ir.constants.append(bits if bits < 1 << 63 else bits - (1 << 64))
        return const_operand(len(self.ir.constants) - 1)

    def f32(self, value: float) -> int:
        return self.const(int(np.float32(value).view(np.uint32)))

    def function(self, name: str = "main", params: tuple[Ty, ...] = (), result: Ty = Ty.VOID, frame: int = 0) -> Code:
        code = Code(self, name, params, result, frame)
        self.ir.functions.append(code.ir)
        return code

    def task(self, id: int, kind: TaskKind = TaskKind.LOCAL, params: tuple[Ty, ...] = (), name: str = "") -> Code:
        code = self.function(name or f"task{id}", params)
        self.ir.tasks.append(Task(id, kind, code.index))
        return code

    def start(self, id: int = 8) -> Code:
        """The task that runs first."""
        self.ir.activated.append(id)
        return self.task(id, name="start")

    def input(self, queue: int, color: int) -> None:
        self.ir.input_queues.append(QueueBinding(queue, color))

    def output(self, queue: int, color: int) -> None:
        self.ir.output_queues.append(QueueBinding(queue, color))

    def fifo(self, address: int, words: int, element_words: int = 2, **options: Any) -> int:
        """Packed DSD of a new FIFO."""
        self.ir.fifos.append(Fifo(f"fifo{len(self.ir.fifos)}", address, words, element_words, **options))
        return dsds.pack(DsdKind.FIFO, len(self.ir.fifos) - 1, 0, 0)

    def loc(self, line: int) -> int:
        self.ir.locations.append((0, line, 1))
        return len(self.ir.locations) - 1


class Code:
    """One function under construction."""

    def __init__(self, prog: Prog, name: str, params: tuple[Ty, ...], result: Ty, frame: int) -> None:
        self.prog = prog
        self.index = len(prog.ir.functions)
        self.ir = Function(name, list(params), result, len(params), frame, [])
        self.line = 0

    def reg(self, count: int = 1) -> int:
        self.ir.registers += count
        return self.ir.registers - count

    def op(self, name: str, ty: Ty = Ty.VOID, **fields: int) -> int:
        """Appends an operation; gives its index."""
        self.ir.code.append(Instr(name, ty, loc=self.prog.loc(self.line) if self.line else 0, **fields))
        return len(self.ir.code) - 1

    def k(self, bits: int) -> int:
        return self.prog.const(bits)

    def set(self, ty: Ty, bits: int) -> int:
        register = self.reg()
        self.op("mov", ty, dst=register, a=self.k(bits))
        return register

    def load(self, ty: Ty, address: int) -> int:
        register = self.reg()
        self.op("load", ty, dst=register, a=self.k(address))
        return register

    def store(self, ty: Ty, address: int, value: int) -> None:
        self.op("store", ty, a=self.k(address), b=value)

    def binary(self, name: str, ty: Ty, a: int, b: int) -> int:
        register = self.reg()
        self.op(name, ty, dst=register, a=a, b=b)
        return register

    def vec(self, name: str, dst: VecOperand, *sources: VecOperand, **options: Any) -> None:
        self.prog.ir.vecops.append(VecOp(name, dst, list(sources), AsyncOptions(**options)))
        assert len(sources) == len(VECOPS[name].sources)
        self.op("vec", imm=len(self.prog.ir.vecops) - 1)

    def dsd(self, packed: int) -> VecOperand:
        return VecOperand(OperandKind.DSD, self.k(packed))

    def mem(self, address: int, length: int, stride: int = 1, flags: int = 0) -> VecOperand:
        return self.dsd(dsds.pack(DsdKind.MEM1D, address, length, stride, flags))

    def fabin(self, queue: int, length: int, color: int = dsds.NO_COLOR, flags: int = 0) -> VecOperand:
        return self.dsd(dsds.pack(DsdKind.FABIN, queue, length, color, flags))

    def fabout(
        self, queue: int, length: int, color: int = dsds.NO_COLOR, control: bool = False, flags: int = 0
    ) -> VecOperand:
        flags |= dsds.FLAGS["control"] if control else 0
        return self.dsd(dsds.pack(DsdKind.FABOUT, queue, length, color, flags))

    def scalar(self, bits: int) -> VecOperand:
        return VecOperand(OperandKind.SCALAR, self.k(bits))

    def pointer(self, address: int) -> VecOperand:
        return VecOperand(OperandKind.POINTER, self.k(address))

    def dsr(self, file: int, index: int) -> VecOperand:
        return VecOperand(OperandKind.DSR, file * 64 + index)

    def activate(self, id: int) -> None:
        self.op("activate", a=self.k(id))

    def block(self, id: int, space: IdSpace = IdSpace.TASK) -> None:
        self.op("block", a=self.k(id), imm=int(space))

    def unblock(self, id: int, space: IdSpace = IdSpace.TASK) -> None:
        self.op("unblock", a=self.k(id), imm=int(space))

    def ret(self, value: int = NONE) -> None:
        self.op("ret", a=value)


class Wafer:
    """A rectangle of tiles; `route` is (color, rx mask, tx mask) with keywords of `ColorConfig`."""

    def __init__(self, width: int = 1, height: int = 1, arch: str = "wse3", **rows: Any) -> None:
        self.width, self.height, self.arch = width, height, arch
        self.programs: list[Program] = []
        self.tiles = {(x, y): (NONE, []) for y in range(height) for x in range(width)}
        self.settings = machine_settings(arch, **rows)
        self.patches: dict[tuple[int, int], list[int]] = {}

    def patched(self, x: int, y: int, *numbers: int) -> Wafer:
        """The tile's numbers for the patches of its program; each tile with a program that has such needs them."""
        self.patches[x, y] = list(numbers)
        return self

    def program(self, x: int, y: int, prog: Prog) -> Wafer:
        if prog.ir not in self.programs:
            self.programs.append(prog.ir)
        self.tiles[x, y] = (self.programs.index(prog.ir), self.tiles[x, y][1])
        return self

    def route(self, x: int, y: int, color: int, rx: int, tx: int, **options: Any) -> Wafer:
        self.tiles[x, y][1].append(ColorConfig(color, int(rx), int(tx), **options))
        return self

    def mesh(self) -> Any:
        order = [self.tiles[x, y] for y in range(self.height) for x in range(self.width)]
        image = Image(
            self.arch,
            self.width,
            self.height,
            self.width + 8,
            self.height + 2,
            4,
            1,
            self.programs,
            [tuple(routes) for _, routes in order],
            [(program, i) for i, (program, _) in enumerate(order)],
        )
        self._add_patches(image)
        return make_mesh(plain_image(image), self.settings)

    def _add_patches(self, image: Image) -> None:
        if not self.patches:
            return
        image.patches = [array("q") for _ in self.programs]
        image.rows = array("i", [0] * len(self.tiles))
        for (x, y), numbers in self.patches.items():
            program = self.tiles[x, y][0]
            image.rows[y * self.width + x] = len(image.patches[program]) // len(numbers)
            image.patches[program].extend(numbers)


def make_mesh(image: dict[str, Any], settings: dict[str, Any]) -> Any:
    """A mesh of the engine that WAFERSIM_ENGINE names, or of both, compared at each step."""
    engine = os.environ.get("WAFERSIM_ENGINE", "both")
    if engine == "both":
        return PairedMesh(lambda name: _engine.Mesh(image, settings, name))
    return _engine.Mesh(image, settings, engine)


def plain_image(image: Image) -> dict[str, Any]:
    return image_to_plain(image)


def machine_settings(arch: str = "wse3", **rows: Any) -> dict[str, Any]:
    """The machine table with some rows replaced: `fabric__hop=3`."""
    settings = _copy(machine.load(arch).settings)
    for name, value in rows.items():
        *path, last = name.split("__")
        section = settings
        for part in path:
            section = section[part]
        assert last in section, f"no row {name}"
        section[last] = value
    return settings


def _copy(node: Any) -> Any:
    return {key: _copy(value) for key, value in node.items()} if isinstance(node, dict) else node


def run(mesh: Any, cycles: int = 100_000, tickets: tuple[int, ...] = ()) -> str:
    result = mesh.run(cycles, list(tickets))
    assert result != "fault", mesh.fault()
    return result


def words(mesh: Any, x: int, y: int, address: int, count: int, dtype: str = "u2") -> np.ndarray:
    """`count` values of `dtype` at a word address."""
    size = np.dtype(dtype).itemsize // 2
    return mesh.read(x, y, address, count * size).view(dtype)


__all__ = [
    "BOOL", "DSD", "F16", "F32", "I16", "I32", "NO_OPERAND", "U16",
    "U32", "U64", "Code", "Prog", "Wafer", "run", "words",
]
