"""What `PairedMesh` cannot see in passing: traces, runs that end while PEs are ahead, memory read in the middle."""

import numpy as np
import pytest
from engine.build import F32, I16, U16, Prog, Wafer, words

from wafersim import machine
from wafersim.ir.program import Dir
from wafersim.runtime.paired import PairedMesh

RAMP, EAST, WEST = Dir.RAMP, Dir.EAST, Dir.WEST


def busy_program(rounds, send_every_round):
    """Sums over memory in a scalar loop, and sends the sums east."""
    prog = Prog()
    prog.output(2, 3)
    code = prog.start()
    counter = code.set(I16, 0)
    top = code.op("add", I16, dst=counter, a=counter, b=code.k(1))
    code.vec("fadds", code.mem(100, 16), code.mem(100, 16), code.mem(200, 16))
    if send_every_round:
        code.vec("fmovs", code.fabout(2, 16), code.mem(100, 16))
    more = code.binary("lt", I16, counter, code.k(rounds))
    code.op("brt", a=more, imm=top)
    code.vec("fmovs", code.fabout(2, 16), code.mem(100, 16))
    code.ret()
    return prog


def reader(elements):
    prog = Prog()
    prog.input(2, 3)
    code = prog.start()
    code.vec("fmovs", code.mem(300, elements, stride=0), code.fabin(2, elements))
    code.ret()
    return prog


def pair(rounds=6, send_every_round=True):
    wafer = Wafer(2, 1)
    elements = 16 * (rounds + 1 if send_every_round else 1)
    wafer.program(0, 0, busy_program(rounds, send_every_round)).program(1, 0, reader(elements))
    wafer.route(0, 0, 3, RAMP, EAST).route(1, 0, 3, WEST, RAMP)
    mesh = wafer.mesh()
    for x in range(2):
        mesh.write(x, 0, 200, np.arange(16, dtype="f4").view("u2"))
    return mesh


def test_traces_are_equal(tmp_path, monkeypatch):
    monkeypatch.setenv("WAFERSIM_ENGINE", "both")
    mesh = pair()
    mesh.trace(str(tmp_path / "trace"))
    assert mesh.run(5000, []) == "idle"
    mesh.trace("")
    fast, reference = (tmp_path / name for name in ("trace", "trace.reference"))
    assert "wavelet 3 RAMP -> EAST" in reference.read_text()
    assert fast.read_text() == reference.read_text()


@pytest.mark.parametrize("send_every_round", [True, False])
def test_every_prefix_of_a_run_is_equal(send_every_round, monkeypatch):
    monkeypatch.setenv("WAFERSIM_ENGINE", "both")
    for cycles in range(1, 160):
        mesh = pair(send_every_round=send_every_round)
        assert isinstance(mesh, PairedMesh)  # `run` raises where memory, state or counters of the two differ
        assert (mesh.run(cycles, []), mesh.cycle) == ("budget", cycles)


def test_a_run_that_waits_for_another_pe_finds_a_busy_one_in_its_cycle(monkeypatch):
    """The copy ends while PE (0, 0) is in its loop: nothing of it may be further than the clock."""
    monkeypatch.setenv("WAFERSIM_ENGINE", "both")
    idle = Prog()
    idle.start().ret()
    wafer = Wafer(2, 1).program(0, 0, busy_program(2000, False)).program(1, 0, idle).route(0, 0, 3, RAMP, EAST)
    mesh = wafer.mesh()
    mesh.write(0, 0, 200, np.arange(16, dtype="f4").view("u2"))
    ticket = mesh.copy_out(1, 0, 1, 1, [-1, 300], 2)
    assert mesh.run(100_000, [ticket]) == "done"
    assert mesh.cycle < 200
    assert 0 < words(mesh, 0, 0, 100, 16, "f4")[1] < 100
    assert mesh.run(37, []) == "budget"


@pytest.mark.parametrize("slice_", [1, 7, 1000])
def test_a_loop_that_waits_for_the_clock_ends_in_its_cycle(slice_, monkeypatch):
    monkeypatch.setenv("WAFERSIM_ENGINE", "both")
    clock = machine.load("wse3").settings["registers"]["TIMESTAMP_COUNTER"][0]
    prog = Prog()
    code = prog.start()
    now, high = code.reg(), code.reg()
    code.op("clockctl", a=code.k(0), imm=1)
    top = code.op("getcfg", U16, dst=now, a=code.k(clock))
    code.op("getcfg", U16, dst=high, a=code.k(clock + 1))
    early = code.binary("lt", U16, now, code.k(300))
    code.op("brt", a=early, imm=top)
    code.store(U16, 100, now)
    code.store(U16, 101, high)
    code.ret()
    mesh = Wafer(1, 1).program(0, 0, prog).mesh()
    while mesh.run(slice_, []) == "budget":
        pass
    assert 300 <= words(mesh, 0, 0, 100, 1)[0] < 330 and words(mesh, 0, 0, 101, 1)[0] == 0


def test_a_fault_of_a_pe_that_ran_ahead_comes_in_its_cycle(monkeypatch):
    monkeypatch.setenv("WAFERSIM_ENGINE", "both")
    prog = Prog()
    code = prog.start()
    value = code.set(F32, 0)
    for _ in range(50):
        code.op("add", F32, dst=value, a=value, b=prog.f32(1.0))
    code.op("div", I16, dst=value, a=value, b=code.k(0))
    code.ret()
    early, late = Wafer(1, 1).program(0, 0, prog).mesh(), Wafer(1, 1).program(0, 0, prog).mesh()
    assert early.run(60, []) == "budget" and early.fault() is None
    assert late.run(5000, []) == "fault"
    assert late.fault()["message"] == "division by zero" and late.cycle > 60
