"""Each rule of the verifier trips on a program that breaks it, and on nothing else."""

import pytest

from wafersim.errors import VerifyError
from wafersim.ir import verify
from wafersim.ir.dsd import DsdKind, pack
from wafersim.ir.ops import Ty
from wafersim.ir.program import (
    AsyncOptions,
    ColorConfig,
    DataSegment,
    DsrLoad,
    Export,
    Fifo,
    Function,
    Image,
    Instr,
    MapOp,
    OperandKind,
    PrintFormat,
    Program,
    QueueBinding,
    Symbol,
    Task,
    TaskKind,
    VecOp,
    VecOperand,
    const_operand,
)

K0 = const_operand(0)


def make(*code: Instr, **fields) -> Program:
    """A correct program whose first function is `code`; `fields` replace tables."""
    functions = [
        Function("f", [], Ty.VOID, 4, 2, [*code, Instr("ret")]),
        Function("g", [Ty.I16], Ty.I16, 1, 0, [Instr("ret", a=0)]),
    ]
    program = Program("p", functions, constants=[pack(DsdKind.MEM1D, 0, 1, 1)], data_end=10, memory_end=100)
    program.prints = [PrintFormat(["", ""], ["d"], [Ty.I16])]
    for name, value in fields.items():
        setattr(program, name, value)
    return program


def dsd(constant: int) -> VecOperand:
    return VecOperand(OperandKind.DSD, const_operand(constant))


def vec(dst: VecOperand, *sources: VecOperand, name: str = "fmovs", constants=None, **options) -> Program:
    operation = VecOp(name, dst, list(sources), AsyncOptions(**options))
    return make(vecops=[operation], constants=constants or [pack(DsdKind.MEM1D, 0, 1, 1)])


GOOD = [
    make(),
    make(Instr("add", Ty.I16, dst=0, a=1, b=K0), Instr("call", dst=0, a=1, c=1, imm=1), Instr("jmp", imm=0)),
    vec(dsd(0), dsd(0)),
    make(tasks=[Task(8, TaskKind.LOCAL, 0)], exports=[Export("f", True, 0, "fn()void")]),
]


@pytest.mark.parametrize("program", GOOD)
def test_correct_programs_pass(program):
    verify.verify(program)


CODE = [
    (Instr("nop"), "no such operation"),
    (Instr("add", dst=0, a=1, b=1), "needs a type"),
    (Instr("ret", loc=5), "location 5 does not exist"),
    (Instr("add", Ty.I16, dst=4, a=0, b=0), "field dst: register 4 of 4"),
    (Instr("add", Ty.I16, dst=K0, a=0, b=0), "the destination is a constant"),
    (Instr("add", Ty.I16, dst=0, a=const_operand(9), b=0), "field a: constant 9 does not exist"),
    (Instr("add", Ty.I16, dst=0, a=0), "field b is missing"),
    (Instr("neg", Ty.I16, dst=0, a=0, b=0), "field b is not in use"),
    (Instr("jmp", imm=9), "target 9 is outside"),
    (Instr("call", imm=7, c=0), "function 7 does not exist"),
    (Instr("call", imm=1, c=0), "0 arguments for 'g', which takes 1"),
    (Instr("call", dst=0, imm=0, c=0), "takes the result of 'f', which has none"),
    (Instr("call", a=3, c=2, imm=1), "last argument: register 4 of 4"),
    (Instr("call", a=0, c=-1, imm=1), "argument count -1"),
    (Instr("frame", dst=0, imm=2), "word 2 of a frame of 2"),
    (Instr("cvt", Ty.I16, dst=0, a=0, imm=77), "no source type 77"),
    (Instr("block", a=0, imm=9), "no name space 9"),
    (Instr("copy", a=0, b=0, imm=-1), "copies -1 words"),
    (Instr("print", a=0, c=1, imm=3), "print format 3 does not exist"),
    (Instr("print", a=0, c=2, imm=0), "2 values for 1 formats"),
    (Instr("vec", imm=0), "vector operation 0 does not exist"),
    (Instr("map", imm=0), "map 0 does not exist"),
    (Instr("dsrload", imm=0), "DSR load 0 does not exist"),
    (Instr("trap", imm=0), "message 0 does not exist"),
    (Instr("clockctl", imm=5), "immediate 5, expected one of 0, 1, 2"),
]


@pytest.mark.parametrize(("instr", "message"), CODE, ids=[message for _, message in CODE])
def test_instruction_rules(instr, message):
    with pytest.raises(VerifyError, match=f"function 'f': 0 {instr.op}: .*{message}"):
        verify.verify(make(instr))


FABIN = [pack(DsdKind.FABIN, 2, 1, 0)]
FABOUT = [pack(DsdKind.FABOUT, 2, 1, 0)]
SCALAR = VecOperand(OperandKind.SCALAR, 0)
TABLES = [
    (make(functions=[Function("f", [], Ty.VOID, 0, 0, [])]), "control runs off the end"),
    (make(functions=[Function("f", [Ty.I16], Ty.VOID, 0, 0, [Instr("ret")])]), "1 parameters in 0 registers"),
    (vec(dsd(0), dsd(0), name="nop"), "no operation 'nop'"),
    (vec(dsd(0)), "fmovs takes 1 sources, has 0"),
    (vec(SCALAR, dsd(0)), "the destination must be a pointer"),
    (vec(dsd(0), dsd(0), constants=FABIN), "destination: a FABIN DSD"),
    (vec(VecOperand(OperandKind.POINTER, 0), dsd(0), constants=FABOUT), "source 0: a FABOUT DSD"),
    (vec(dsd(0), VecOperand(OperandKind.NONE, -1)), "source 0 is missing"),
    (vec(VecOperand(OperandKind.DSR, 128), dsd(0)), "destination: a DSR of file SRC1"),
    (vec(VecOperand(OperandKind.DSR, 999), dsd(0)), "DSR 999 is in no file"),
    (vec(dsd(0), VecOperand(OperandKind.SCALAR, -1)), "source 0 is missing"),
    (vec(dsd(0), dsd(4)), "source 0: constant 4 does not exist"),
    (vec(dsd(0), dsd(0), constants=[5]), "the constant is no DSD"),
    (vec(dsd(0), dsd(0), constants=[pack(DsdKind.MEM4D, 0, 1, 3)]), "shape 3 does not exist"),
    (vec(dsd(0), dsd(0), constants=[pack(DsdKind.FIFO, 2, 1, 0)]), "FIFO 2 does not exist"),
    (vec(dsd(0), dsd(0), activate=const_operand(3)), "activate: constant 3 does not exist"),
    (vec(dsd(0), dsd(0), priority=4), "priority 4"),
    (make(dsr_loads=[DsrLoad(500, K0)]), "DSR 500 is in no file"),
    (make(dsr_loads=[DsrLoad(0, -1)]), "dsd is missing"),
    (make(maps=[MapOp(9, [], [], dsd(0), Ty.VOID)]), "function 9 does not exist"),
    (make(maps=[MapOp(1, [], [], dsd(0), Ty.I16)]), "0 inputs for 1 parameters"),
    (make(maps=[MapOp(1, [SCALAR], [Ty.I16], dsd(0), Ty.I16, [True, True])]), "pointer_inputs and inputs differ"),
    (make(data_end=200), "data ends at word 200, memory at 100"),
    (make(symbols=[Symbol("a", 0, 2, "", Ty.U16, []), Symbol("b", 1, 1, "", Ty.U16, [])]), "'a' and 'b' overlap"),
    (make(symbols=[Symbol("a", 9, 2, "", Ty.U16, [])]), "symbol 'a' lies outside the data"),
    (make(data=[DataSegment(9, [1, 2])]), "segment at word 9 lies outside the data"),
    (make(data=[DataSegment(0, [70000])]), "a word that is no u16"),
    (make(fifos=[Fifo("q", 8, 4, 1)]), "FIFO 'q' lies outside the data"),
    (make(tasks=[Task(8, TaskKind.LOCAL, 0)] * 2), "2 local tasks with id 8"),
    (make(tasks=[Task(8, TaskKind.LOCAL, 5)]), "task 8 runs function 5"),
    (make(tasks=[Task(8, TaskKind.LOCAL, 1)]), "function 'g' cannot be a local task"),
    (make(input_queues=[QueueBinding(2, 1)] * 2), "input_queues: queue 2 is bound 2 times"),
    (make(output_queues=[QueueBinding(2, 1)] * 2), "output_queues: queue 2 is bound 2 times"),
    (make(teardown_handlers={3: 8}), "handlers: 3 runs function 8"),
    (make(exports=[Export("f", True, 0, "")] * 2), "'f' is exported 2 times"),
    (make(exports=[Export("f", False, 0, "")]), "'f' names entry 0"),
    (make(prints=[PrintFormat([""], ["d"], [Ty.I16])]), "literals, formats and types do not fit"),
    (make(prints=[PrintFormat(["", ""], ["q"], [Ty.I16])]), "print format 0: unknown format"),
    (make(traces={"k": 3}), "'k' names symbol 3"),
    (make(locations=[(0, 0, 0), (4, 1, 1)]), "locations: file 4 does not exist"),
]


@pytest.mark.parametrize(("program", "message"), TABLES, ids=[message for _, message in TABLES])
def test_table_rules(program, message):
    with pytest.raises(VerifyError, match=message):
        verify.verify(program)


@pytest.mark.parametrize(
    ("tiles", "routings", "message"),
    [
        ([(0, 0)], [()], "1 tiles for 2 x 1 PEs"),
        ([(0, 0), (1, 0)], [()], "a tile names program 1"),
        ([(0, 0), (-1, 1)], [()], "a tile names routing 1"),
        ([(0, 0), (0, 0)], [(ColorConfig(3), ColorConfig(3))], "routing 0 configures color 3 2 times"),
    ],
)
def test_image_rules(tiles, routings, message):
    with pytest.raises(VerifyError, match=message):
        verify.verify_image(Image("wse3", 2, 1, 9, 3, 4, 1, [make()], routings, tiles))
