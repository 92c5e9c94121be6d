"""Routing: multicast, arbitration, back-pressure, switches, filters, color swap, faults. All timing is tight."""

import numpy as np
import pytest
from engine.build import U16, Prog, Wafer, run, words
from engine.test_tasks import NO_TASK, append, control, listed

from wafersim.ir.program import Dir, Filter, FilterKind, PopMode, SwitchPosition, TaskKind

E, W, S, N, RAMP = Dir.EAST, Dir.WEST, Dir.SOUTH, Dir.NORTH, Dir.RAMP
ADV, RST = 1, 2
KEEP = 4
"""Bit of a command: not for the PE."""


def sender(payloads, color=2, controls=()):
    """Sends the payloads one after the other."""
    prog = Prog("sender")
    prog.output(3, color)
    code = prog.start()
    for i, payload in enumerate(payloads):
        code.vec("mov32", code.fabout(3, 1, control=i in controls), code.scalar(payload))
    code.ret()
    return prog


def collector(color=2, queue=2):
    """Lists the low half of what arrives."""
    prog = Prog("collector")
    prog.input(queue, color)
    task = prog.task(queue, TaskKind.DATA, (U16,))
    append(task, 0)
    task.ret()
    return prog


def test_line_with_multicast_reaches_everybody():
    wafer = Wafer(4, 1).program(0, 0, sender([1, 2, 3])).route(0, 0, 2, RAMP, E)
    got = collector()
    for x in range(1, 4):
        wafer.program(x, 0, got).route(x, 0, 2, W, RAMP | E if x < 3 else RAMP)
    mesh = wafer.mesh()
    run(mesh)
    assert [listed(mesh, x) for x in range(1, 4)] == [[1, 2, 3]] * 3


def test_corner_turn_and_all_four_directions():
    wafer = Wafer(3, 3).program(1, 1, sender([5])).route(1, 1, 2, RAMP, E | W | S | N)
    got = collector()
    for x, y, rx in ((2, 1, W), (0, 1, E), (1, 2, N), (1, 0, S)):
        wafer.program(x, y, got).route(x, y, 2, rx, RAMP)
    mesh = wafer.mesh()
    run(mesh)
    assert [listed(mesh, x, y) for x, y in ((2, 1), (0, 1), (1, 2), (1, 0))] == [[5]] * 4


def arrival(hops, **rows):
    """Cycle at which a wavelet sent at once leaves at the east edge after `hops` routers."""
    wafer = Wafer(hops, 1, **rows).program(0, 0, sender([1]))
    for x in range(hops):
        wafer.route(x, 0, 2, W if x else RAMP, E)
    mesh = wafer.mesh()
    ticket = mesh.edge_receive(hops - 1, 0, E, 2, 1)
    run(mesh, tickets=(ticket,))
    return mesh.cycle


@pytest.mark.parametrize("hop", [1, 2, 5])
def test_each_router_adds_one_hop(hop):
    assert arrival(7, fabric__hop=hop) - arrival(3, fabric__hop=hop) == 4 * hop


def test_ramps_take_what_the_table_says():
    assert arrival(2, fabric__ramp_out=9) - arrival(2, fabric__ramp_out=2) == 7

    def received(ramp_in):
        wafer = Wafer(2, 1, fabric__ramp_in=ramp_in).program(0, 0, sender([1])).route(0, 0, 2, RAMP, E)
        mesh = wafer.program(1, 0, collector()).route(1, 0, 2, W, RAMP).mesh()
        while not listed(mesh, 1):
            mesh.run(1, [])
        return mesh.cycle

    assert received(6) - received(2) == 4


def test_link_carries_one_wavelet_a_cycle():
    mesh = Wafer(2, 1).route(0, 0, 2, W, E).route(1, 0, 2, W, E).mesh()
    ticket = mesh.edge_receive(1, 0, E, 2, 50)
    mesh.edge_send(0, 0, W, 2, np.arange(50, dtype="u4"))
    run(mesh, tickets=(ticket,))
    first = Wafer(2, 1).route(0, 0, 2, W, E).route(1, 0, 2, W, E).mesh()
    one = first.edge_receive(1, 0, E, 2, 1)
    first.edge_send(0, 0, W, 2, np.arange(1, dtype="u4"))
    run(first, tickets=(one,))
    assert mesh.cycle - first.cycle == 49
    assert mesh.result(ticket).ravel().tolist() == list(range(50))


def test_colors_that_share_a_link_take_turns():
    wafer = Wafer(2, 1)
    for color in (2, 3, 4):
        wafer.route(0, 0, color, W, E).route(1, 0, color, W, E)
    mesh = wafer.mesh()
    tickets = [mesh.edge_receive(1, 0, E, color, 20) for color in (2, 3, 4)]
    for color in (2, 3, 4):
        mesh.edge_send(0, 0, W, color, np.arange(20, dtype="u4"))
    cycles = []
    for ticket in tickets:
        run(mesh, tickets=(ticket,))
        cycles.append(mesh.cycle)
    assert max(cycles) - min(cycles) == 2


def test_back_pressure_stops_exactly_when_all_queues_are_full():
    depth, input_depth = 3, 4
    prog = Prog()
    prog.input(2, 2)
    wafer = Wafer(2, 1, fabric__router_queue=depth).route(0, 0, 2, W, E).route(1, 0, 2, W, RAMP).program(1, 0, prog)
    mesh = wafer.mesh()
    ticket = mesh.edge_send(0, 0, W, 2, np.arange(100, dtype="u4"))
    assert run(mesh, tickets=(ticket,)) == "deadlock"
    state = mesh.pe_state(1, 0)
    assert state["inputs"][2]["size"] == input_depth
    assert [c["waiting"] for c in state["colors"]] == [depth]
    assert mesh.pe_state(0, 0)["colors"][0]["waiting"] == depth


def test_multicast_waits_until_all_outputs_have_room():
    prog = Prog()
    prog.input(2, 2)
    wafer = Wafer(2, 1).route(0, 0, 2, W, RAMP | E).route(1, 0, 2, W, E).program(0, 0, prog)
    mesh = wafer.mesh()
    ticket = mesh.edge_receive(1, 0, E, 2, 100)
    mesh.edge_send(0, 0, W, 2, np.arange(100, dtype="u4"))
    assert run(mesh, tickets=(ticket,)) == "deadlock"
    assert np.count_nonzero(mesh.result(ticket)) == 3  # 0 to 3 passed: as many as the input queue of PE(0,0) holds


def test_wavelet_without_route_is_a_fault():
    mesh = Wafer(2, 1).program(0, 0, sender([1])).mesh()
    assert mesh.run(1000, []) == "fault"
    assert (mesh.fault()["x"], mesh.fault()["y"]) == (0, 0)
    assert "color 2, which has no route here" in mesh.fault()["message"]
    mesh = Wafer(2, 1).program(0, 0, sender([1])).route(0, 0, 2, RAMP, E).mesh()
    assert mesh.run(1000, []) == "fault"
    assert "goes EAST to PE(1,0), which has no route" in mesh.fault()["message"]


# ---------------------------------------------------------------------------------------------- switches


def four_ways(payloads, controls, **options):
    positions = (SwitchPosition(tx=W), SwitchPosition(tx=E), SwitchPosition(tx=S))
    wafer = Wafer(3, 3).program(1, 1, sender(payloads, controls=controls))
    wafer.route(1, 1, 2, RAMP, N, positions=positions, **options)
    got = collector()
    for x, y, rx in ((1, 0, S), (0, 1, E), (2, 1, W), (1, 2, N)):
        wafer.program(x, y, got).route(x, y, 2, rx, RAMP)
    mesh = wafer.mesh()
    run(mesh)
    return [listed(mesh, x, y) for x, y in ((1, 0), (0, 1), (2, 1), (1, 2))]


def test_switch_advances_after_the_control_wavelet_and_wraps_in_ring_mode():
    advance = control(NO_TASK, [ADV | KEEP])
    payloads = [advance, 1, advance, 2, advance, 3, advance, 4, advance, 5]
    controls = {0, 2, 4, 6, 8}
    assert four_ways(payloads, controls, ring_mode=True) == [[4], [1, 5], [2], [3]]
    assert four_ways(payloads, controls, ring_mode=False) == [[], [1], [2], [3, 4, 5]]
    assert four_ways(payloads, controls, ring_mode=True, position=2) == [[2], [3], [4], [1, 5]]


def test_switch_reset_and_invalid_positions():
    advance, reset = control(NO_TASK, [ADV | KEEP]), control(NO_TASK, [RST | KEEP])
    assert four_ways([advance, advance, 1, reset, 2], {0, 1, 3}) == [[2], [], [1], []]
    positions = (SwitchPosition(tx=W), SwitchPosition(invalid=True), SwitchPosition(tx=S))
    wafer = Wafer(3, 1).program(1, 0, sender([advance, 1, advance, 2], controls={0, 2}))
    wafer.route(1, 0, 2, RAMP, E, positions=positions, ring_mode=True)
    got = collector()
    mesh = wafer.program(0, 0, got).route(0, 0, 2, E, RAMP).program(2, 0, got).route(2, 0, 2, W, RAMP).mesh()
    run(mesh)
    assert (listed(mesh, 0), listed(mesh, 2)) == ([1], [2])


@pytest.mark.parametrize(
    ("mode", "commands", "positions"),
    [
        (PopMode.NO_POP, [ADV], [1, 1, 1]),
        (PopMode.ALWAYS_POP, [ADV], [1, 0, 0]),
        (PopMode.ALWAYS_POP, [0, ADV, ADV], [0, 1, 1]),
        (PopMode.POP_ON_ADVANCE, [ADV, ADV], [1, 1, 0]),
        (PopMode.POP_ON_ADVANCE, [RST, ADV], [0, 0, 0]),
        (PopMode.POP_ON_HEADER, [RST, ADV], [0, 1, 0]),
    ],
)
def test_pop_modes(mode, commands, positions):
    wafer = Wafer(3, 1)
    for x in range(3):
        wafer.route(x, 0, 2, W, E, positions=(SwitchPosition(rx=W),), pop_mode=mode)
    mesh = wafer.mesh()
    payload = control(NO_TASK, [c | KEEP for c in commands])
    mesh.edge_send(0, 0, W, 2, np.array([payload], "u4"), [1])
    assert run(mesh) == "idle"
    assert [mesh.pe_state(x, 0)["colors"][0]["position"] for x in range(3)] == positions


def test_switch_of_the_input_side_holds_back_the_other_side():
    wafer = Wafer(1, 1).route(0, 0, 2, W, E, positions=(SwitchPosition(rx=S),))
    mesh = wafer.mesh()
    ticket = mesh.edge_receive(0, 0, E, 2, 3)
    mesh.edge_send(0, 0, S, 2, np.array([10, 11], "u4"))
    mesh.edge_send(0, 0, W, 2, np.array([1, control(NO_TASK, [ADV | KEEP]), 2], "u4"), [0, 1, 0])
    run(mesh, tickets=(ticket,))
    assert mesh.result(ticket).ravel().tolist() == [1, 10, 11]  # the host does not see the control wavelet
    (stuck,) = mesh.deadlock()["wavelets"]
    assert stuck["side"] == W and "switch position" in stuck["why"]


def test_advance_switch_moves_the_switch_after_the_operation():
    from wafersim.ir import dsd

    prog = Prog()
    prog.output(3, 2)
    code = prog.start()
    for _ in range(2):
        code.vec("mov16", code.fabout(3, 3, flags=dsd.FLAGS["advance_switch"]), code.mem(0, 3))
    code.ret()
    wafer = Wafer().program(0, 0, prog).route(0, 0, 2, RAMP, E, positions=(SwitchPosition(tx=W),), ring_mode=True)
    mesh = wafer.mesh()
    mesh.write(0, 0, 0, np.array([1, 2, 3], "u2"))
    tickets = [mesh.edge_receive(0, 0, side, 2, 3) for side in (E, W)]
    assert run(mesh, tickets=tuple(tickets)) == "done"
    assert [mesh.result(t).ravel().tolist() for t in tickets] == [[1, 2, 3]] * 2


# ------------------------------------------------------------------------------------------------ filters


@pytest.mark.parametrize(
    ("filter", "passed"),
    [
        (Filter(FilterKind.RANGE, min_idx=2, max_idx=4), [2, 3, 4]),
        (Filter(FilterKind.COUNTER, count_data=True, max_counter=1, limit1=4), [0, 1, 5, 6, 10, 11]),
        (Filter(FilterKind.COUNTER, count_data=True, init_counter=3, max_counter=0, limit1=3), [1, 5, 9]),
        (Filter(FilterKind.SPARSE_COUNTER, count_data=True, limit1=2, limit2=3), [0, 1, 5, 6, 10, 11]),
        (Filter(FilterKind.COUNTER, count_control=True, max_counter=0, limit1=9), list(range(12))),
    ],
)
def test_filter_decides_what_the_pe_gets(filter, passed):
    wafer = Wafer(2, 1).program(0, 0, collector()).route(0, 0, 2, W, RAMP | E, filter=filter).route(1, 0, 2, W, E)
    mesh = wafer.mesh()
    ticket = mesh.edge_receive(1, 0, E, 2, 12)
    mesh.edge_send(0, 0, W, 2, np.array([i << 16 | i for i in range(12)], "u4"))
    assert run(mesh, tickets=(ticket,)) == "done"
    run(mesh)
    assert listed(mesh) == passed
    assert mesh.stats()["filtered_wavelets"] == 12 - len(passed)


def test_queue_may_switch_the_filter_off():
    prog = collector()
    code = prog.start()
    code.op("setcfg", a=code.k(0x7B02), b=code.k(2 << 4))
    code.ret()
    wafer = Wafer().program(0, 0, prog).route(0, 0, 2, W, RAMP, filter=Filter(FilterKind.RANGE, min_idx=9, max_idx=9))
    mesh = wafer.mesh()
    run(mesh)
    mesh.edge_send(0, 0, W, 2, np.array([1, 2], "u4"))
    run(mesh)
    assert listed(mesh) == [1, 2]


# --------------------------------------------------------------------------------------------------- swap


def test_color_swap_exchanges_the_colors_at_every_hop():
    wafer = Wafer(3, 1)
    for x in range(3):
        prog = Prog(f"pe{x}")
        prog.input(2, 4)
        prog.input(3, 5)
        for queue in (2, 3):
            task = prog.task(queue, TaskKind.DATA, (U16,))
            append(task, task.k(queue + 2))
            task.ret()
        if x == 0:
            prog.output(3, 5)
            code = prog.start()
            code.vec("mov16", code.fabout(3, 1), code.scalar(1))
            code.ret()
        wafer.program(x, 0, prog)
        for color in (4, 5):
            wafer.route(x, 0, color, W if x else RAMP, RAMP | E if x < 2 else RAMP, swap_x=True)
    mesh = wafer.mesh()
    run(mesh)
    assert [listed(mesh, x) for x in range(3)] == [[5], [4], [5]]


# --------------------------------------------------------------------------------------- routes at run time


def test_program_changes_its_own_route():
    prog = Prog()
    prog.output(3, 2)
    code = prog.start()
    code.op("setcfg", a=code.k(0x7F22), b=code.k(0x01 | 0x200))  # RAMP to WEST
    code.vec("mov16", code.fabout(3, 1), code.scalar(9))
    value = code.reg()
    code.op("getcfg", dst=value, a=code.k(0x7F22))
    code.store(U16, 0, value)
    code.ret()
    mesh = Wafer().program(0, 0, prog).route(0, 0, 2, RAMP, E).mesh()
    ticket = mesh.edge_receive(0, 0, W, 2, 1)
    assert run(mesh, tickets=(ticket,)) == "done"
    run(mesh)
    assert words(mesh, 0, 0, 0, 1)[0] == 0x201


def test_registers_through_pointers():
    """Public programs cast the byte address of a register to a pointer."""
    prog = Prog()
    prog.output(3, 2)
    code = prog.start()
    code.op("store", U16, a=code.k(2 * 0x7F22), b=code.k(0x01 | 0x200))
    code.store(U16, 0, code.load(U16, 2 * 0x7F22))
    code.store(U16, 1, code.load(U16, 2 * 0x7F42))
    code.ret()
    wafer = Wafer().program(0, 0, prog)
    wafer.route(0, 0, 2, RAMP, E, positions=(SwitchPosition(rx=RAMP), SwitchPosition(tx=N)), ring_mode=True, position=1)
    mesh = wafer.mesh()
    run(mesh)
    assert list(words(mesh, 0, 0, 0, 2)) == [0x201, 0xC | 0x30 | 0x500 | 1 << 12 | 1 << 13]


def test_switch_positions_are_set_by_register():
    prog = Prog()
    prog.output(3, 2)
    code = prog.start()
    code.op("setcfg", a=code.k(0x7F42), b=code.k(0x0 | 5 << 4 | 5 << 8 | 1 << 13))  # position 1: to WEST, and there now
    code.vec("mov16", code.fabout(3, 1), code.scalar(9))
    code.ret()
    mesh = Wafer().program(0, 0, prog).route(0, 0, 2, RAMP, E).mesh()
    ticket = mesh.edge_receive(0, 0, W, 2, 1)
    assert run(mesh, tickets=(ticket,)) == "done"


def test_position_keeps_the_other_side_of_the_position_before():
    positions = (SwitchPosition(rx=S), SwitchPosition(tx=N))
    mesh = Wafer().route(0, 0, 2, W, E, positions=positions, position=2).mesh()
    ticket = mesh.edge_receive(0, 0, N, 2, 1)
    mesh.edge_send(0, 0, S, 2, np.array([5], "u4"))
    assert run(mesh, tickets=(ticket,)) == "done"


def test_command_that_cannot_advance_the_switch_is_not_popped():
    wafer = Wafer(2, 1)
    wafer.route(0, 0, 2, W, E, pop_mode=PopMode.POP_ON_ADVANCE)
    wafer.route(1, 0, 2, W, E, positions=(SwitchPosition(tx=E),), pop_mode=PopMode.POP_ON_ADVANCE)
    mesh = wafer.mesh()
    mesh.edge_send(0, 0, W, 2, np.array([control(NO_TASK, [ADV | KEEP])], "u4"), [1])
    assert run(mesh) == "idle"
    assert mesh.pe_state(1, 0)["colors"][0]["position"] == 1


def test_invalid_position_remembers_which_side_it_selects():
    prog = Prog()
    code = prog.start()
    code.op("setcfg", a=code.k(0x7F42), b=code.k(0x55D))
    value = code.reg()
    code.op("getcfg", dst=value, a=code.k(0x7F42))
    code.store(U16, 0, value)
    code.ret()
    mesh = Wafer().program(0, 0, prog).route(0, 0, 2, RAMP, E).mesh()
    run(mesh)
    assert words(mesh, 0, 0, 0, 1)[0] == 0x55D
