"""DSD operations on every kind of operand, synchronous and asynchronous."""

import numpy as np
import pytest
from engine.build import F32, I16, NO_OPERAND, U16, U32, Prog, Wafer, run, words

from wafersim.ir import dsd as dsds
from wafersim.ir.dsd import DsdKind
from wafersim.ir.ops import Ty
from wafersim.ir.program import AsyncOptions, Dir, DsrLoad, FifoAction, MapOp, OperandKind, Shape, VecOperand


def put(mesh, address, values, dtype):
    mesh.write(0, 0, address, np.asarray(values, dtype).view("u2"))


def one_pe(prog):
    return Wafer().program(0, 0, prog).mesh()


def test_memory_to_memory_with_strides():
    prog = Prog()
    code = prog.start()
    code.vec("fmacs", code.mem(0, 4), code.mem(0, 4), code.mem(100, 4, 2), code.scalar(int(np.float32(2).view("u4"))))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, [1, 2, 3, 4], "f4")
    put(mesh, 100, np.arange(8), "f4")
    assert run(mesh) == "idle"
    assert list(words(mesh, 0, 0, 0, 4, "f4")) == [1, 6, 11, 16]


def test_negative_stride_reverses():
    prog = Prog()
    code = prog.start()
    code.vec("mov16", code.mem(20, 4), code.mem(3, 4, -1))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, [1, 2, 3, 4], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 20, 4)) == [4, 3, 2, 1]


def test_fill_from_scalar_and_read_through_pointer():
    prog = Prog()
    code = prog.start()
    code.vec("fmovh", code.mem(0, 5), code.scalar(0x3C00))
    code.vec("add16", code.mem(10, 3), code.mem(10, 3), code.pointer(50))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 10, [1, 2, 3], "i2")
    put(mesh, 50, [100], "i2")
    run(mesh)
    assert list(words(mesh, 0, 0, 0, 5, "f2")) == [1] * 5
    assert list(words(mesh, 0, 0, 10, 3, "i2")) == [101, 102, 103]


def test_reduction_accumulates_in_the_scalar():
    prog = Prog()
    code = prog.start()
    code.vec("fadds", code.pointer(0), code.pointer(0), code.mem(10, 4))
    code.vec("fmacs", code.pointer(2), code.scalar(0), code.mem(10, 4), code.mem(10, 4))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, [0.5], "f4")
    put(mesh, 10, [1, 2, 3, 4], "f4")
    run(mesh)
    assert list(words(mesh, 0, 0, 0, 2, "f4")) == [10.5, 30]


def test_mem4d_walks_a_transposed_block():
    prog = Prog()
    prog.ir.shapes.append(Shape([2, 3], [1, 4]))
    code = prog.start()
    code.vec("mov16", code.mem(50, 6), code.dsd(dsds.pack(DsdKind.MEM4D, 0, 6, 0)))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, np.arange(12), "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 50, 6)) == [0, 4, 8, 1, 5, 9]


def load_dsr(code, file, index, packed, **options):
    save = options.pop("save_address", False)
    load = DsrLoad(file * 64 + index, code.k(packed), AsyncOptions(**options), save_address=save)
    code.prog.ir.dsr_loads.append(load)
    code.op("dsrload", imm=len(code.prog.ir.dsr_loads) - 1)


def test_circular_buffer_wraps_and_save_address_goes_on():
    prog = Prog()
    prog.ir.shapes.append(Shape(start=0, words=3))
    code = prog.start()
    load_dsr(code, 2, 1, dsds.pack(DsdKind.CIRCBUF, 1, 4, 0), save_address=True)
    code.vec("mov16", code.mem(50, 4), code.dsr(2, 1))
    code.vec("mov16", code.mem(54, 4), code.dsr(2, 1))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, [10, 11, 12], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 50, 8)) == [11, 12, 10, 11, 12, 10, 11, 12]


def test_dsr_without_save_address_starts_again():
    prog = Prog()
    code = prog.start()
    load_dsr(code, 1, 0, dsds.pack(DsdKind.MEM1D, 0, 2, 1))
    code.vec("mov16", code.mem(50, 2), code.dsr(1, 0))
    code.vec("mov16", code.mem(52, 2), code.dsr(1, 0))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, [7, 8, 9], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 50, 4)) == [7, 8, 7, 8]


def loopback(prog, color=2, in_queue=2, out_queue=3):
    prog.input(in_queue, color)
    prog.output(out_queue, color)
    return Wafer().program(0, 0, prog).route(0, 0, color, Dir.RAMP, Dir.RAMP).mesh()


def test_fabric_both_ways_with_asynchronous_send_and_activation():
    prog = Prog()
    code = prog.start()
    code.vec("mov32", code.fabout(3, 20), code.mem(0, 20), is_async=True, activate=code.k(10))
    code.vec("mov32", code.mem(100, 20), code.fabin(2, 20))
    code.store(U16, 200, code.k(1))
    code.ret()
    sent = prog.task(10)
    sent.store(U16, 201, sent.k(1))
    sent.ret()
    mesh = loopback(prog)
    put(mesh, 0, np.arange(20), "u4")
    assert run(mesh) == "idle"
    assert list(words(mesh, 0, 0, 100, 20, "u4")) == list(range(20))
    assert list(words(mesh, 0, 0, 200, 2)) == [1, 1]


def test_sixteen_bit_elements_travel_in_the_low_half():
    prog = Prog()
    code = prog.start()
    code.vec("fmovh", code.fabout(3, 2), code.mem(0, 2), is_async=True)
    code.vec("mov32", code.mem(10, 2), code.fabin(2, 2))
    code.ret()
    mesh = loopback(prog)
    put(mesh, 0, [0x3C00, 0xBC00], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 10, 2, "u4")) == [0x3C00, 0xBC00]


def test_index_travels_in_the_high_half_and_offsets_addresses():
    prog = Prog()
    code = prog.start()
    flag = dsds.FLAGS["wavelet_index_offset"]
    code.vec("add16", code.fabout(3, 1, flags=flag), code.mem(0, 1), code.scalar(0), is_async=True, index=code.k(5))
    code.vec("mov16", code.mem(100, 1, flags=flag), code.fabin(2, 1))
    code.vec("mov16", code.mem(200, 1, flags=flag), code.mem(0, 1), index=code.k(3))
    code.ret()
    mesh = loopback(prog)
    put(mesh, 0, [42], "u2")
    run(mesh)
    assert words(mesh, 0, 0, 105, 1)[0] == 42
    assert words(mesh, 0, 0, 203, 1)[0] == 42


def test_simd_mode_packs_two_elements_a_wavelet():
    prog = Prog()
    code = prog.start()
    code.vec("mov16", code.fabout(3, 4, flags=1 << dsds.SIMD_SHIFT), code.mem(0, 4), is_async=True)
    code.vec("mov32", code.mem(10, 2), code.fabin(2, 2))
    code.ret()
    mesh = loopback(prog)
    put(mesh, 0, [1, 2, 3, 4], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 10, 2, "u4")) == [0x20001, 0x40003]


def test_microthread_in_use_holds_back_the_next_operation_on_it():
    prog = Prog()
    prog.output(3, 2)
    prog.input(2, 2)
    code = prog.start()
    code.vec("mov32", code.fabout(3, 30), code.mem(0, 30), is_async=True)
    code.vec("mov32", code.fabout(3, 2), code.mem(90, 2), is_async=True)
    code.store(U16, 400, code.k(1))
    code.vec("mov32", code.mem(200, 32), code.fabin(2, 32))
    code.ret()
    mesh = loopback(prog)
    put(mesh, 0, np.arange(30), "u4")
    put(mesh, 90, [77, 78], "u4")
    # the first operation fills all queues and is never finished while nobody reads
    assert run(mesh) == "idle"
    assert words(mesh, 0, 0, 400, 1)[0] == 0
    assert "waits for microthread 3" in mesh.deadlock()["groups"][0]["reason"]


def test_fifo_between_two_microthreads():
    prog = Prog()
    fifo = prog.fifo(500, 8, 2)
    prog.input(2, 2)
    prog.output(3, 2)
    code = prog.start()
    n = 25
    code.vec("mov32", code.fabout(3, n), code.mem(0, n), is_async=True)
    code.vec("fadds", code.dsd(fifo), code.fabin(2, n), code.scalar(int(np.float32(10).view("u4"))), is_async=True)
    code.vec("fnegs", code.mem(100, n), code.dsd(fifo), is_async=True, activate=code.k(10))
    code.ret()
    end = prog.task(10)
    end.store(U16, 400, end.k(1))
    end.ret()
    mesh = loopback(prog)
    put(mesh, 0, np.arange(n), "f4")
    assert run(mesh) == "idle"
    assert list(words(mesh, 0, 0, 100, n, "f4")) == list(-(np.arange(n) + 10.0))
    assert words(mesh, 0, 0, 400, 1)[0] == 1


def test_fifo_activates_tasks_and_ends_or_faults_operations():
    def result(action):
        prog = Prog()
        fifo = prog.fifo(500, 4, 1, full_action=action, activate_push=10)
        code = prog.start()
        code.vec("mov16", code.dsd(fifo), code.mem(0, 10))
        code.store(U16, 400, code.k(1))
        code.ret()
        pushed = prog.task(10)
        pushed.store(U16, 401, pushed.k(1))
        pushed.ret()
        mesh = one_pe(prog)
        return mesh, mesh.run(10_000, [])

    mesh, outcome = result(FifoAction.TERMINATE)
    assert outcome == "idle" and list(words(mesh, 0, 0, 400, 2)) == [1, 1]
    mesh, outcome = result(FifoAction.FAULT)
    assert outcome == "fault" and "full FIFO fifo0" in mesh.fault()["message"]
    mesh, outcome = result(FifoAction.SUSPEND)
    assert outcome == "idle" and words(mesh, 0, 0, 400, 1)[0] == 0
    assert "room in FIFO fifo0" in mesh.deadlock()["groups"][0]["reason"]


def test_shorter_operand_is_a_fault():
    prog = Prog()
    code = prog.start()
    code.line = 7
    code.vec("mov16", code.mem(0, 4), code.mem(10, 5))
    code.ret()
    mesh = one_pe(prog)
    assert mesh.run(1000, []) == "fault"
    expected = "operands differ in length: the destination has 4 elements, the operation 5"
    assert expected in mesh.fault()["message"]
    assert mesh.fault()["line"] == 7


def test_first_source_decides_the_length():
    prog = Prog()
    code = prog.start()
    code.vec("add16", code.mem(20, 9), code.mem(0, 2), code.mem(10, 5))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, [1, 2, 3], "u2")
    put(mesh, 10, [10, 20, 30], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 20, 3)) == [11, 22, 0]


def test_length_zero_does_nothing():
    prog = Prog()
    code = prog.start()
    code.vec("mov16", code.mem(0, 0), code.scalar(9))
    code.ret()
    mesh = one_pe(prog)
    run(mesh)
    assert words(mesh, 0, 0, 0, 1)[0] == 0


@pytest.mark.parametrize("length", [3, 10])
def test_out_of_bounds_element_is_a_fault_at_its_line(length):
    prog = Prog()
    code = prog.start()
    code.line = 9
    code.vec("mov16", code.mem(24574, length), code.scalar(1))
    code.ret()
    mesh = one_pe(prog)
    assert mesh.run(1000, []) == "fault"
    assert "address 24576 is outside" in mesh.fault()["message"] and mesh.fault()["line"] == 9


def test_zero_resets_the_source():
    prog = Prog()
    prog.output(3, 2)
    code = prog.start()
    code.vec("mov16", code.fabout(3, 2, flags=dsds.FLAGS["zero_first_source"]), code.mem(0, 2))
    code.ret()
    mesh = loopback(prog)
    put(mesh, 0, [5, 6], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 0, 2)) == [0, 0]


def test_dsd_values_are_changed_at_run_time():
    prog = Prog()
    code = prog.start()
    d = code.reg()
    code.op("dsdlen", dst=d, a=code.k(dsds.pack(DsdKind.MEM1D, 0, 9, 1)), b=code.k(2))
    code.op("dsdstride", dst=d, a=d, b=code.k(3))
    code.op("dsdbase", dst=d, a=d, b=code.k(10))
    code.op("dsdinc", dst=d, a=d, b=code.k(2), imm=1)
    code.vec("mov16", code.mem(100, 2), VecOperand(OperandKind.DSD, d))
    code.ret()
    mesh = one_pe(prog)
    put(mesh, 0, np.arange(30), "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 100, 2)) == [12, 15]


def test_map_calls_a_function_for_each_element():
    prog = Prog()
    code = prog.start()
    prog.ir.maps.append(
        MapOp(
            1,
            [code.mem(0, 3), code.scalar(5), code.mem(20, 3)],
            [F32, I16, U16],
            code.mem(50, 3),
            F32,
            [False, False, True],
        )
    )
    code.op("map", imm=0)
    code.store(U16, 90, code.k(1))
    code.ret()
    f = prog.function("f", (F32, I16, U16), F32)
    counted = f.reg()
    f.op("load", U16, dst=counted, a=2)
    f.op("add", U16, dst=counted, a=counted, b=1)
    f.op("store", U16, a=2, b=counted)
    f.ret(f.binary("mul", F32, 0, 0))
    mesh = one_pe(prog)
    put(mesh, 0, [1, 2, 3], "f4")
    put(mesh, 20, [100, 200, 300], "u2")
    run(mesh)
    assert list(words(mesh, 0, 0, 50, 3, "f4")) == [1, 4, 9]
    assert list(words(mesh, 0, 0, 20, 3)) == [105, 205, 305]
    assert words(mesh, 0, 0, 90, 1)[0] == 1


def test_map_without_output_and_inside_a_map():
    prog = Prog()
    code = prog.start()
    prog.ir.maps.append(MapOp(1, [code.mem(0, 2)], [U16], NO_OPERAND, Ty.VOID))
    prog.ir.maps.append(MapOp(2, [code.mem(10, 3)], [U16], NO_OPERAND, Ty.VOID))
    code.op("map", imm=0)
    code.ret()
    outer = prog.function("outer", (U16,))
    outer.op("map", imm=1)
    outer.ret()
    inner = prog.function("inner", (U16,))
    total = inner.load(U32, 40)
    wide = inner.reg()
    inner.op("cvt", U32, dst=wide, a=0, imm=int(U16))
    inner.store(U32, 40, inner.binary("add", U32, total, wide))
    inner.ret()
    mesh = one_pe(prog)
    put(mesh, 10, [1, 2, 3], "u2")
    run(mesh)
    assert words(mesh, 0, 0, 40, 1, "u4")[0] == 12


def test_f16_rounds_once_in_fmach():
    prog = Prog()
    code = prog.start()
    code.vec("fmach", code.mem(0, 1), code.mem(0, 1), code.mem(1, 1), code.pointer(2))
    code.ret()
    mesh = one_pe(prog)
    a, b, c = np.float16(1.0), np.float16(0.3333), np.float16(0.00212)
    put(mesh, 0, [a, b, c], "f2")
    run(mesh)
    exact = float(a) + float(b) * float(c)
    assert words(mesh, 0, 0, 0, 1, "f2")[0] == np.float16(exact)
