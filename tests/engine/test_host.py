"""The host link: commands in order, streams, ports, and what is refused."""

import numpy as np
import pytest
from engine.build import F32, U16, U32, Prog, Wafer, run, words
from engine.test_tasks import append, listed

from wafersim.ir.ops import IdSpace
from wafersim.ir.program import Dir, TaskKind

COMMAND = 27


def served(open_at_once=True):
    """A program with a command stream; function 0 notes its argument."""
    prog = Prog("served")
    prog.ir.command_task = COMMAND
    note = prog.function("note", (U16,))
    append(note, 0)
    if open_at_once:
        note.unblock(COMMAND)
    note.ret()
    return prog


def test_launches_and_copies_happen_in_order():
    prog = served()
    mesh = Wafer(2, 2).program(0, 0, prog).program(1, 0, prog).program(0, 1, prog).program(1, 1, prog).mesh()
    data = np.arange(12, dtype="u2").reshape(2, 2, 3)
    first = mesh.copy_in(0, 0, 2, 2, [50], 3, data)
    launch = mesh.launch(0, 0, 2, 2, [0], [7])
    back = mesh.copy_out(0, 0, 2, 2, [50], 3)
    log = mesh.copy_out(1, 0, 1, 2, [100], 2)
    assert run(mesh, tickets=(first, launch, back, log)) == "done"
    assert mesh.done(back) and (mesh.result(back) == data).all()
    assert mesh.result(log).tolist() == [[[1, 7]], [[1, 7]]]


def test_all_of_the_memory_is_there_though_variables_take_a_little():
    prog = served()
    mesh = Wafer(2, 1).program(0, 0, prog).program(1, 0, prog).mesh()
    everything, data = mesh.copy_out(0, 0, 2, 1, [0], 24576), np.arange(6, dtype="u2").reshape(1, 2, 3)
    last = mesh.copy_in(0, 0, 2, 1, [24573], 3, data)
    assert run(mesh, tickets=(everything, last)) == "done"
    assert not mesh.result(everything).any() and mesh.read(0, 0, 0, 24570).shape == (24570,)
    assert words(mesh, 1, 0, 24572, 4).tolist() == [0, 3, 4, 5]
    beyond = mesh.copy_in(0, 0, 1, 1, [24574], 3, data[:, :1])
    assert mesh.run(1000, [beyond]) == "fault" and "outside of memory" in mesh.fault()["message"]


def test_the_data_of_a_copy_are_handed_over_once():
    mesh = Wafer().program(0, 0, served()).mesh()
    data = np.arange(3, dtype="u2")
    there = mesh.copy_in(0, 0, 1, 1, [7], 3, data)
    back = mesh.copy_out(0, 0, 1, 1, [7], 3)
    with pytest.raises(ValueError, match="not done"):
        mesh.result(back)
    assert run(mesh, tickets=(there, back)) == "done" and mesh.done(there)
    data[:] = 9  # the copy is done: it reads no more
    assert mesh.result(back).tolist() == [[[0, 1, 2]]]
    with pytest.raises(ValueError, match="taken before"):
        mesh.result(back)


def test_next_command_waits_for_unblock():
    prog = served(open_at_once=False)
    prog.ir.activated = []
    opener = prog.task(12)
    opener.unblock(COMMAND)
    opener.ret()
    note = prog.ir.functions[0]
    note.code.insert(-1, note.code[0].__class__("activate", a=-2 - len(prog.ir.constants)))
    prog.ir.constants.append(12)
    mesh = Wafer().program(0, 0, prog).mesh()
    tickets = [mesh.launch(0, 0, 1, 1, [0], [i]) for i in range(3)]
    assert run(mesh, tickets=tuple(tickets)) == "done"
    assert listed(mesh) == [0, 1, 2]


def test_command_stream_that_is_never_unblocked_is_reported():
    mesh = Wafer().program(0, 0, served(open_at_once=False)).mesh()
    launch, copy = mesh.launch(0, 0, 1, 1, [0], [1]), mesh.copy_out(0, 0, 1, 1, [0], 1)
    assert run(mesh, tickets=(launch,)) == "done"
    assert run(mesh, tickets=(copy,)) == "deadlock"
    assert mesh.deadlock()["groups"][0]["reason"] == "the host's next command waits for unblock_cmd_stream()"


def test_pointer_is_followed_when_the_copy_happens():
    prog = served()
    mesh = Wafer().program(0, 0, prog).mesh()
    mesh.write(0, 0, 5, np.array([60], "u2"))
    ticket = mesh.copy_in(0, 0, 1, 1, [5], 2, np.array([8, 9], "u2").reshape(1, 1, 2), indirect=True)
    run(mesh, tickets=(ticket,))
    assert list(words(mesh, 0, 0, 60, 2)) == [8, 9]


def test_programs_without_the_name_are_left_out():
    one, two = served(), Prog("other")
    mesh = Wafer(2, 1).program(0, 0, one).program(1, 0, two).mesh()
    ticket = mesh.launch(0, 0, 2, 1, [0, -1], [3])
    assert run(mesh, tickets=(ticket,)) == "done"
    assert listed(mesh) == [3]


def test_float_arguments_are_bit_patterns():
    prog = Prog()
    keep = prog.function("keep", (F32, U16))
    keep.store(F32, 0, 0)
    keep.store(U16, 2, 1)
    keep.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    ticket = mesh.launch(0, 0, 1, 1, [0], [int(np.float32(2.5).view("u4")), 7])
    run(mesh, tickets=(ticket,))
    assert words(mesh, 0, 0, 0, 1, "f4")[0] == 2.5 and words(mesh, 0, 0, 2, 1)[0] == 7


def test_streams_echo():
    prog = Prog()
    prog.input(2, 4)
    prog.output(3, 5)
    task = prog.task(2, TaskKind.DATA, (U32,))
    task.vec("mov32", task.fabout(3, 1), task.scalar(0))
    task.ir.code[-1:] = []
    prog.ir.vecops[-1].sources[0].value = 0
    task.op("vec", imm=0)
    task.ret()
    wafer = Wafer(2, 2)
    for y in range(2):
        for x in range(2):
            wafer.program(x, y, prog).route(x, y, 4, Dir.HOST, Dir.RAMP).route(x, y, 5, Dir.RAMP, Dir.HOST)
    mesh = wafer.mesh()
    data = np.arange(40, dtype="u4").reshape(2, 2, 10)
    out = mesh.stream_out(0, 0, 2, 2, 5, 6)
    sent = mesh.stream_in(0, 0, 2, 2, 4, data)
    rest = mesh.stream_out(0, 0, 2, 2, 5, 4)
    assert run(mesh, tickets=(sent, out, rest)) == "done"
    assert (np.concatenate([mesh.result(out), mesh.result(rest)], axis=2) == data).all()


def test_streams_of_one_color_keep_their_order():
    mesh = Wafer().route(0, 0, 4, Dir.HOST, Dir.WEST).mesh()
    a = mesh.stream_in(0, 0, 1, 1, 4, np.array([[[1, 2]]], "u4"))
    b = mesh.stream_in(0, 0, 1, 1, 4, np.array([[[3]]], "u4"))
    out = mesh.edge_receive(0, 0, Dir.WEST, 4, 3)
    run(mesh, tickets=(a, b, out))
    assert mesh.result(out).ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m: m.launch(0, 0, 3, 1, [0], []), "outside of the 2 x 1 PEs"),
        (lambda m: m.launch(0, 0, 1, 1, [9], []), "no such function"),
        (lambda m: m.launch(0, 0, 1, 1, [], []), "one entry for each program"),
        (lambda m: m.copy_in(0, 0, 1, 1, [0], 3, np.zeros(2, "u2")), "data do not fit"),
        (lambda m: m.stream_out(0, 0, 1, 1, 99, 1), "color 99 does not exist"),
        (lambda m: m.edge_receive(0, 0, Dir.EAST, 2, 1), "side at the edge"),
        (lambda m: m.result(17), "no ticket 17"),
        (lambda m: m.read(0, 0, 24570, 10), "outside of memory"),
        (lambda m: m.read(5, 0, 0, 1), r"PE\(5,0\) is outside"),
    ],
)
def test_refusals_name_the_value(ask, message):
    mesh = Wafer(2, 1).program(0, 0, served()).mesh()
    with pytest.raises((ValueError, IndexError), match=message):
        ask(mesh)


def test_budget_ends_a_run_and_it_goes_on_later():
    prog = Prog()
    code = prog.start()
    code.op("jmp", imm=0)
    code.ret()
    mesh = Wafer().program(0, 0, prog).mesh()
    assert run(mesh, 100) == "budget" and mesh.cycle == 100
    assert run(mesh, 50) == "budget" and mesh.cycle == 150


def test_blocked_data_task_is_named_in_the_deadlock_report():
    prog = Prog("stuck")
    prog.input(2, 4)
    prog.ir.blocked = [(IdSpace.TASK, 2)]
    task = prog.task(2, TaskKind.DATA, (U16,))
    task.ret()
    wafer = Wafer(3, 1)
    for x in range(3):
        wafer.program(x, 0, prog).route(x, 0, 4, Dir.HOST, Dir.RAMP)
    mesh = wafer.mesh()
    ticket = mesh.stream_in(0, 0, 3, 1, 4, np.zeros((1, 3, 20), "u4"))
    assert run(mesh, tickets=(ticket,)) == "deadlock"
    (group,), wavelets = mesh.deadlock()["groups"], mesh.deadlock()["wavelets"]
    assert (group["count"], group["pes"], group["program"]) == (3, [[0, 0], [1, 0], [2, 0]], "stuck")
    assert group["reason"] == "4 wavelets of color 4 wait at the PE: data task 2 is blocked"
    assert [w["x"] for w in wavelets] == [0, 1, 2]
    assert (wavelets[0]["color"], wavelets[0]["side"]) == (4, Dir.HOST)
    assert wavelets[0]["why"] == "an output has no room"


def test_deadlock_report_names_operation_line_and_what_it_waits_for():
    prog = Prog()
    prog.input(2, 4)
    code = prog.start()
    code.line = 33
    code.vec("fadds", code.mem(0, 8), code.mem(0, 8), code.fabin(2, 8))
    code.ret()
    mesh = Wafer().program(0, 0, prog).route(0, 0, 4, Dir.HOST, Dir.RAMP).mesh()
    mesh.stream_in(0, 0, 1, 1, 4, np.zeros((1, 1, 3), "u4"))
    assert run(mesh) == "idle"
    assert mesh.deadlock()["groups"][0]["reason"] == (
        "@fadds (test.csl:33) holds the main thread after 3 elements, waits for a wavelet of color 4 in input queue 2"
    )


def test_pe_without_program_reads_as_zero():
    assert Wafer().mesh().read(0, 0, 10, 3).tolist() == [0, 0, 0]


def test_wavelets_wait_for_longer_than_their_times_have_bits():
    prog = served()
    prog.input(2, 2)
    prog.ir.blocked = [(IdSpace.TASK, 2)]
    task = prog.task(2, TaskKind.DATA, (U16,))
    append(task, 0)
    task.ret()
    let_go = prog.function("let_go")
    let_go.unblock(2)
    let_go.unblock(COMMAND)
    let_go.ret()
    wafer = Wafer(host__command=1 << 30).program(0, 0, prog).route(0, 0, 2, Dir.WEST, Dir.RAMP)
    mesh = wafer.mesh()
    mesh.edge_send(0, 0, Dir.WEST, 2, np.arange(1, 11, dtype="u4"), [])
    last = [mesh.launch(0, 0, 1, 1, [function], arguments) for function, arguments in [*5 * [(0, [99])], (2, [])]][-1]
    assert run(mesh, 1 << 40, (last,)) == "done" and mesh.cycle > 6 << 30
    run(mesh, 1000)
    assert listed(mesh) == 5 * [99] + list(range(1, 11))
