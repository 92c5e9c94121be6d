"""Tasks: activation, blocking, data and control tasks, priorities, microthreads, teardown and queue flush."""

import numpy as np
import pytest
from engine.build import U16, U32, Prog, Wafer, run, words

from wafersim.ir.ops import IdSpace
from wafersim.ir.program import Dir, TaskKind

NO_TASK = 31


def control(task=NO_TASK, commands=(), data=0):
    """Payload of a control wavelet (docs/registers.md)."""
    string = 0
    for i in range(8):
        string |= (commands[i] if i < len(commands) else 4) << (3 * i)
    if data:
        string &= 0xFF
    return (string & 0xFF) << 22 | (string >> 8) | task << 16 | data


def append(code, value, cursor=100):
    """Appends a value to the list that starts after the counter at `cursor`."""
    at = code.load(U16, cursor)
    slot = code.binary("add", U16, at, code.k(cursor + 1))
    code.op("store", U16, a=slot, b=value)
    code.store(U16, cursor, code.binary("add", U16, at, code.k(1)))


def listed(mesh, x=0, y=0, cursor=100):
    count = words(mesh, x, y, cursor, 1)[0]
    return list(words(mesh, x, y, cursor + 1, count)) if count else []


def test_activation_is_remembered_once_and_tasks_run_to_completion():
    prog = Prog()
    code = prog.start()
    code.activate(10)
    code.activate(10)
    append(code, code.k(1))
    code.ret()
    other = prog.task(10)
    append(other, other.k(2))
    other.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    run(mesh)
    assert listed(mesh) == [1, 2]


def test_blocked_task_waits_and_program_may_start_blocked():
    prog = Prog()
    prog.ir.blocked = [(IdSpace.TASK, 10)]
    code = prog.start()
    code.activate(10)
    code.activate(11)
    code.ret()
    for id in (10, 11):
        task = prog.task(id)
        append(task, task.k(id))
        if id == 11:
            task.unblock(10)
        task.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    run(mesh)
    assert listed(mesh) == [11, 10]


def test_high_priority_goes_first():
    prog = Prog()
    code = prog.start()
    address = 0x79A0  # TASK_PRIORITY, ids 0 to 15
    code.op("setcfg", a=code.k(address), b=code.k(1 << 12))
    for id in (10, 11, 12):
        code.activate(id)
    code.ret()
    for id in (10, 11, 12):
        task = prog.task(id)
        append(task, task.k(id))
        task.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    run(mesh)
    assert listed(mesh) == [12, 10, 11]


def receiver(arch, color=2):
    prog = Prog("receiver")
    if arch == "wse3":
        prog.input(2, color)
    return prog, 2 if arch == "wse3" else color


def sent(wafer_prog, payloads, arch, controls=None):
    mesh = Wafer(arch=arch).program(0, 0, wafer_prog).route(0, 0, 2, Dir.HOST | Dir.WEST, Dir.RAMP).mesh()
    mesh.edge_send(0, 0, Dir.WEST, 2, np.array(payloads, "u4"), controls or [])
    return mesh


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_data_task_gets_each_wavelet_cut_into_parameters(arch):
    prog, id = receiver(arch)
    task = prog.task(id, TaskKind.DATA, (U16, U16))
    append(task, 0)
    append(task, 1)
    task.ret()
    mesh = sent(prog, [0x00020001, 0x00040003, 0x00060005], arch)
    run(mesh)
    assert listed(mesh) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_data_task_that_blocks_itself_runs_again_after_unblock(arch):
    prog, id = receiver(arch)
    task = prog.task(id, TaskKind.DATA, (U32,))
    value = task.reg()
    task.op("cvt", U16, dst=value, a=0, imm=int(U32))
    task.block(id)
    append(task, value)
    task.activate(10)
    task.ret()
    local = prog.task(10)
    append(local, local.k(99))
    local.unblock(id)
    local.ret()
    mesh = sent(prog, [1, 2, 3], arch)
    run(mesh)
    assert listed(mesh) == [1, 99, 2, 99, 3, 99]


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("unblocked", [True, False])
def test_control_task_needs_an_unblocked_channel(arch, unblocked):
    prog, id = receiver(arch)
    if unblocked:
        prog.ir.unblocked = [(IdSpace.INPUT_QUEUE if arch == "wse3" else IdSpace.COLOR, id)]
    task = prog.task(40, TaskKind.CONTROL, (U16,))
    append(task, 0)
    task.ret()
    mesh = sent(prog, [control(40, data=7, commands=[0]), control(40, data=8, commands=[0])], arch, [1, 1])
    run(mesh)
    assert listed(mesh) == ([7, 8] if unblocked else [])


def test_control_wavelets_among_data_keep_their_order():
    prog, id = receiver("wse3")
    data = prog.task(id, TaskKind.DATA, (U16,))
    append(data, 0)
    data.ret()
    task = prog.task(43, TaskKind.CONTROL)
    append(task, task.k(1000))
    task.ret()
    payloads = [1, control(43, [0]), 2, control(NO_TASK, [0]), 3]
    mesh = sent(prog, payloads, "wse3", [0, 1, 0, 1, 0])
    run(mesh)
    assert listed(mesh) == [1, 1000, 2, 3]
    assert mesh.stats()["dropped_controls"] == 1


def test_control_wavelet_for_an_unbound_task_is_a_fault():
    prog, id = receiver("wse3")
    data = prog.task(id, TaskKind.DATA, (U16,))
    data.ret()
    mesh = sent(prog, [control(40, [0])], "wse3", [1])
    assert mesh.run(1000, []) == "fault"
    assert "task id 40 on color 2" in mesh.fault()["message"]


@pytest.mark.parametrize("option", ["ignore", "terminate", "activate"])
def test_on_control(option):
    from wafersim.ir.program import OnControl

    prog, _ = receiver("wse3")
    code = prog.start()
    extra = {}
    if option != "ignore":
        extra = {"on_control": OnControl[option.upper()]}
    if option == "activate":
        extra["on_control_task"] = code.k(11)
    code.vec("mov32", code.mem(0, 3), code.fabin(2, 3), is_async=True, activate=code.k(10), **extra)
    code.ret()
    for id in (10, 11):
        task = prog.task(id)
        append(task, task.k(id))
        task.ret()
    mesh = sent(prog, [5, control(NO_TASK, [0]), 6, 7], "wse3", [0, 1, 0, 0])
    run(mesh)
    assert listed(mesh) == {"ignore": [10], "terminate": [10], "activate": [11, 10]}[option]
    assert list(words(mesh, 0, 0, 0, 3, "u4")) == ([5, 0, 0] if option == "terminate" else [5, 6, 7])


def test_blocked_microthread_waits():
    prog = Prog()
    prog.ir.blocked = [(IdSpace.MICROTHREAD, 4)]
    code = prog.start()
    code.vec("mov16", code.mem(0, 2), code.scalar(1), is_async=True, microthread=code.k(4), activate=code.k(10))
    code.activate(11)
    code.ret()
    done = prog.task(10)
    append(done, done.k(10))
    done.ret()
    later = prog.task(11)
    append(later, later.load(U16, 0))
    later.unblock(4, IdSpace.MICROTHREAD)
    later.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    run(mesh)
    assert listed(mesh) == [0, 10]
    assert list(words(mesh, 0, 0, 0, 2)) == [1, 1]


def test_completion_unblocks():
    prog = Prog()
    code = prog.start()
    code.block(10)
    code.activate(10)
    code.vec("mov16", code.mem(0, 2), code.scalar(1), is_async=True, unblock=code.k(10))
    code.ret()
    task = prog.task(10)
    append(task, task.load(U16, 1))
    task.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    run(mesh)
    assert listed(mesh) == [1]


def test_teardown_runs_the_handler_and_holds_the_color_until_exit():
    prog, id = receiver("wse3")
    data = prog.task(id, TaskKind.DATA, (U16,))
    append(data, 0)
    data.ret()
    handler = prog.function("torn_down")
    append(handler, handler.k(500))
    handler.activate(10)
    handler.ret()
    prog.ir.teardown_handlers = {2: handler.index}
    leave = prog.task(10)
    color_config = leave.reg()
    leave.op("getcfg", dst=color_config, a=leave.k(0x7F20 + 2))
    append(leave, leave.binary("shr", U16, color_config, leave.k(14)))
    leave.op("setcfg", a=leave.k(0x7F20 + 2), b=leave.binary("and", U16, color_config, leave.k(0xBFFF)))
    leave.ret()
    mesh = sent(prog, [1, control(NO_TASK, [7]), 2], "wse3", [0, 1, 0])
    run(mesh)
    assert listed(mesh) == [1, 500, 1, 2]


def test_color_may_start_in_teardown():
    prog, id = receiver("wse3")
    data = prog.task(id, TaskKind.DATA, (U16,))
    append(data, 0)
    data.ret()
    handler = prog.function("torn_down")
    append(handler, handler.k(500))
    handler.ret()
    prog.ir.teardown_handlers = {2: handler.index}
    mesh = Wafer().program(0, 0, prog).route(0, 0, 2, Dir.WEST, Dir.RAMP, teardown=True).mesh()
    mesh.edge_send(0, 0, Dir.WEST, 2, np.array([1], "u4"))
    run(mesh)
    assert listed(mesh) == []
    assert mesh.deadlock()["wavelets"][0]["why"] == "its color is in teardown"


def test_queue_flush_runs_the_handler_once_the_queue_is_empty():
    prog = Prog()
    prog.output(3, 2)
    handler = prog.function("drained")
    append(handler, handler.k(1))
    status = handler.reg()
    handler.op("getcfg", dst=status, a=handler.k(0x7991))
    append(handler, status)
    handler.op("setcfg", a=handler.k(0x7991), b=handler.k(0))
    handler.ret()
    prog.ir.empty_queue_handlers = {3: handler.index}
    prog.input(2, 2)
    code = prog.start()
    code.vec("mov16", code.fabout(3, 12), code.mem(0, 12), is_async=True, activate=code.k(10))
    code.ret()
    sent = prog.task(10)  # the router and the input queue hold 8 of the 12
    empty = sent.reg()
    sent.op("getcfg", dst=empty, a=sent.k(0x7993))
    append(sent, empty)
    sent.op("qflush", a=sent.k(3), imm=1)
    append(sent, sent.k(77))
    sent.vec("mov16", sent.mem(20, 12), sent.fabin(2, 12))
    sent.ret()
    mesh = Wafer().program(0, 0, prog).route(0, 0, 2, Dir.RAMP, Dir.RAMP).mesh()
    run(mesh)
    before, asked, first, flushed = listed(mesh)
    assert not before >> 3 & 1
    assert (asked, first, flushed) == (77, 1, 8)


def test_output_queue_is_given_another_color():
    prog = Prog()
    prog.output(3, 2)
    code = prog.start()
    code.op("setcfg", a=code.k(0x7B83), b=code.k(5 << 4))
    code.vec("mov16", code.fabout(3, 1), code.scalar(9))
    code.ret()
    mesh = Wafer().program(0, 0, prog).route(0, 0, 5, Dir.RAMP, Dir.WEST).mesh()
    ticket = mesh.edge_receive(0, 0, Dir.WEST, 5, 1)
    assert run(mesh, tickets=(ticket,)) == "done"
    assert mesh.result(ticket).tolist() == [[[9]]]
