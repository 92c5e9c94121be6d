"""Threads and windows of blocks: whatever their numbers, the result is that of the reference engine, to the byte."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from engine.build import I16, U16, Prog, Wafer
from engine.random_programs import mesh as random_mesh
from kernels import gemm_case
from stdlib import test_collectives, test_message_passing

from wafersim import _engine, bench, driver, machine
from wafersim.ir import codec
from wafersim.ir.program import Dir, PrintFormat, SwitchPosition, TaskKind
from wafersim.runtime.paired import PairedMesh
from wafersim.settings import CompileSettings

RAMP, EAST, WEST, NORTH, SOUTH = Dir.RAMP, Dir.EAST, Dir.WEST, Dir.NORTH, Dir.SOUTH
VARIANTS = ("1:1x1x2", "2:1x1x2", "1:2x2x4", "2:3x3x6", "3:3x3x6", "2:5x2x13", "2:2x7x9", "1:16x16x32")
"""Threads, and the rows, columns and cycles of their blocks."""
Mesh = _engine.Mesh


def variant(image: Any, settings: Any, name: str) -> Any:
    if name == "reference":
        return Mesh(image, settings, "reference")
    threads, block = name.split(":")
    rows, columns, cycles = (int(part) for part in block.split("x"))
    return Mesh(image, settings, "fast", threads=int(threads), block=(rows, columns, cycles), eager=True)


@pytest.fixture
def all_variants(monkeypatch):
    """Each mesh that is made is the reference engine and all variants of the fast one, compared after each run, which
    raises where they differ. Gives the list of those made."""
    made: list[PairedMesh] = []

    def make(image: Any, settings: Any, engine: str = "fast", **options: int) -> PairedMesh:
        made.append(PairedMesh(lambda name: variant(image, settings, name), ("reference", *VARIANTS)))
        return made[-1]

    monkeypatch.setattr(_engine, "Mesh", make)
    monkeypatch.setenv("WAFERSIM_ENGINE", "fast")
    return made


@pytest.fixture
def one_variant(monkeypatch):
    """A function that says which variant is made from now on."""
    monkeypatch.setenv("WAFERSIM_ENGINE", "fast")

    def choose(name: str) -> None:
        def make(image: Any, settings: Any, engine: str = "fast", **options: int) -> Any:
            return variant(image, settings, name)

        monkeypatch.setattr(_engine, "Mesh", make)

    return choose


def everything(mesh: Any, cycles: int, slice_cycles: int, most: int = 2000) -> list[Any]:
    """How a run ends and all that can be seen of it; last, what after a fault differs from the reference engine."""
    result = "budget"
    while result == "budget" and mesh.cycle < most:
        result = mesh.run(min(slice_cycles, most - mesh.cycle), [])
    pes = [(x, y) for y in range(cycles) for x in range(mesh.width)]
    states = [mesh.pe_state(x, y) for x, y in pes]
    memory = [mesh.read(x, y, 0, 1024).tobytes() for x, y in pes]
    seen = [result, mesh.cycle, mesh.fault(), mesh.log(), mesh.warnings()]
    return [seen, [mesh.stats(), mesh.deadlock(), states, memory]]


# ------------------------------------------------------------------------------------------- random programs


def check_random(seed: int, one_variant, strict: bool) -> str:
    height = 1 + seed % 6

    def run(name: str, slice_cycles: int) -> list[Any]:
        one_variant(name)
        mesh = random_mesh(seed, 3, height)
        mesh.set_strict(strict)
        return everything(mesh, height, slice_cycles)

    expected, first = run("reference", 2000), run("1:1x1x2", 2000)
    assert first[0] == expected[0]
    if first[0][0] != "fault":
        assert first == expected
    for name in VARIANTS[1:]:
        assert run(name, 2000) == first, name
    cut = run("2:3x3x6", 7)  # after a fault, who had run ahead depends on where the run was cut
    assert cut[0] == first[0] and (cut == first or first[0][0] == "fault")
    return first[0][0]


@pytest.mark.parametrize("block", range(3))
def test_random_programs(block, one_variant):
    results = {check_random(seed, one_variant, strict=seed % 2 == 0) for seed in range(block * 20, block * 20 + 20)}
    assert len(results) >= 2


@pytest.mark.long
def test_many_random_programs(one_variant):
    for seed in range(1000, 3000):
        check_random(seed, one_variant, strict=seed % 2 == 0)


def test_traces(one_variant, tmp_path):
    for seed in range(12):
        traces = {}
        for name in ("reference", *VARIANTS):
            one_variant(name)
            mesh = random_mesh(seed, 2, 5)
            mesh.run(seed % 3 * 40, [])  # before it, threads work
            mesh.trace(str(tmp_path / name))
            mesh.run(300, [])
            mesh.trace("")
            traces[name] = (tmp_path / name).read_text()
            if mesh.fault():  # the others go on to the end of its cycle
                traces[name] = [line for line in traces[name].splitlines() if int(line.split()[0]) < mesh.cycle]
        for name in VARIANTS:
            assert traces[name] == traces["reference"], (seed, name)


# ------------------------------------------------------------------------------------------ over the borders


def column(height: int, payloads: list[int], pause: int = 0, **options: Any) -> Any:
    """The first PE sends south, all others take what comes by and may be slow with it; reads back what they got."""
    wafer = Wafer(1, height)
    sender = Prog("sender")
    sender.output(3, 2)
    code = sender.start()
    for payload in payloads:
        code.vec("mov32", code.fabout(3, 1, control=payload >= 1 << 16), code.scalar(payload))
    code.ret()
    taker = Prog("taker")
    taker.input(2, 2)
    task = taker.task(2, TaskKind.DATA, (U16,))
    count = task.load(U16, 100)
    slot = task.binary("add", U16, count, task.k(101))
    task.op("store", U16, a=slot, b=0)
    task.store(U16, 100, task.binary("add", U16, count, task.k(1)))
    for _ in range(pause):
        task.op("add", I16, dst=slot, a=slot, b=task.k(1))
    task.ret()
    wafer.program(0, 0, sender).route(0, 0, 2, RAMP, SOUTH)
    for y in range(1, height):
        wafer.program(0, y, taker).route(0, y, 2, NORTH, RAMP | (SOUTH if y + 1 < height else 0), **options)
    return wafer.mesh()


def taken(mesh: Any, y: int) -> list[int]:
    count, *values = mesh.read(0, y, 100, 100).tolist()
    return values[:count]


@pytest.mark.parametrize("pause", [0, 30])
def test_multicast_down_a_column_with_back_pressure(pause, all_variants):
    mesh = column(7, list(range(1, 60)), pause)
    while mesh.run(13, []) == "budget":
        pass
    assert all(taken(mesh, y) == list(range(1, 60)) for y in range(1, 7))


def test_switches_turn_beyond_the_border(all_variants):
    advance = 31 << 16 | 1 << 22
    positions = (SwitchPosition(0, int(RAMP)),)
    mesh = column(5, [1, 2, advance, 3, advance, 4], positions=positions, ring_mode=True)
    mesh.run(2000, [])
    assert taken(mesh, 1)[:2] == [1, 2]


def test_color_swap_beyond_the_border(all_variants):
    wafer = Wafer(1, 4)
    for y in range(4):
        for color in (4, 5):
            wafer.route(0, y, color, NORTH, SOUTH, swap_y=True)
    mesh = wafer.mesh()
    out = [mesh.edge_receive(0, 3, SOUTH, color, 2) for color in (4, 5)]
    mesh.edge_send(0, 0, NORTH, 4, np.array([1, 2], "u4"))
    mesh.edge_send(0, 0, NORTH, 5, np.array([3, 4], "u4"))
    assert mesh.run(500, out) == "done"
    assert [mesh.result(ticket).ravel().tolist() for ticket in out] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(("wait", "passed"), [(0, 24), (200, 20), (201, 20), (202, 20)])
def test_wavelets_that_wait_for_their_pe_go_elsewhere(wait, passed, all_variants):
    """Nobody takes the first wavelets from the queue of the middle PE; then it sends all that wait further down."""
    wafer = Wafer(1, 3)
    sender = Prog("sender")
    sender.output(3, 2)
    code = sender.start()
    for payload in range(1, 25):
        code.vec("mov32", code.fabout(3, 1), code.scalar(payload))
    code.ret()
    middle = Prog("middle")
    middle.input(2, 2)
    code = middle.start()
    for _ in range(wait):
        code.op("add", I16, dst=code.reg(), a=code.k(1), b=code.k(1))
    code.op("setcfg", a=code.k(0x7F22), b=code.k(0x4 | 0x100))  # NORTH to SOUTH
    code.ret()
    last = Prog("last")
    last.input(2, 2)
    task = last.task(2, TaskKind.DATA, (U16,))
    count = task.load(U16, 100)
    task.op("store", U16, a=task.binary("add", U16, count, task.k(101)), b=0)
    task.store(U16, 100, task.binary("add", U16, count, task.k(1)))
    task.ret()
    wafer.program(0, 0, sender).route(0, 0, 2, RAMP, SOUTH)
    wafer.program(0, 1, middle).route(0, 1, 2, NORTH, RAMP)
    wafer.program(0, 2, last).route(0, 2, 2, NORTH, RAMP)
    mesh = wafer.mesh()
    while mesh.run(17, []) == "budget":
        pass
    assert taken(mesh, 2) == list(range(25 - passed, 25))


def rerouted(register: int) -> Any:
    """The PE below writes the register that gives its color 2 a route, while the one above sends."""
    wafer = Wafer(1, 2)
    above = Prog("above")
    above.output(3, 2)
    code = above.start()
    for _ in range(register):
        code.op("add", I16, dst=code.reg(), a=code.k(1), b=code.k(1))
    code.vec("mov16", code.fabout(3, 1), code.scalar(9))
    code.ret()
    below = Prog("below")
    below.input(2, 2)
    code = below.start()
    for _ in range(6):
        code.op("add", I16, dst=code.reg(), a=code.k(1), b=code.k(1))
    code.op("setcfg", a=code.k(0x7F22), b=code.k(0x10 | 0x100))  # NORTH to RAMP
    code.ret()
    wafer.program(0, 0, above).route(0, 0, 2, RAMP, SOUTH).program(0, 1, below)
    return wafer.mesh()


@pytest.mark.parametrize("wait", range(12))
def test_route_that_appears_beyond_the_border(wait, one_variant):
    """Too early a wavelet faults; from the cycle after the register was written there is a route."""
    results = []
    for name in ("reference", *VARIANTS):
        one_variant(name)
        results.append(everything(rerouted(wait), 2, 1000)[0])
    assert all(result == results[0] for result in results)


# ------------------------------------------------------------------------------------------- faults and logs


def faulty(height: int, faults: dict[int, int]) -> Any:
    """Each PE prints its row in each round; those in `faults` divide by zero in the round that is told."""
    wafer = Wafer(1, height)
    for y in range(height):
        prog = Prog(f"pe{y}")
        prog.ir.prints.append(PrintFormat([f"{y}: ", "\n"], ["d"], [I16]))
        code = prog.start()
        divisor = code.set(I16, faults.get(y, -1))
        top = code.op("sub", I16, dst=divisor, a=divisor, b=code.k(1))
        code.op("print", a=divisor, c=1, imm=0)
        code.op("div", I16, dst=code.reg(), a=code.k(7), b=divisor)
        code.op("jmp", imm=top)
        code.ret()
        wafer.program(0, y, prog)
    return wafer.mesh()


@pytest.mark.parametrize("faults", [{4: 3}, {1: 4, 5: 4}, {5: 2, 0: 3}, {2: 5, 3: 5, 4: 5}])
def test_first_fault_ends_the_run_and_nothing_after_it_is_told(faults, one_variant):
    results = []
    for name in ("reference", *VARIANTS):
        one_variant(name)
        results.append(everything(faulty(6, faults), 6, 1000))
    seen = results[0][0]
    first = min(faults, key=lambda y: (faults[y], y))
    assert seen[0] == "fault" and (seen[2]["y"], seen[2]["message"]) == (first, "division by zero")
    assert len(seen[3]) > 6 and [result[0] for result in results] == [seen] * len(results)
    by_block = dict(zip(VARIANTS, results[1:], strict=True))  # who is ahead depends on blocks
    assert by_block["1:1x1x2"] == by_block["2:1x1x2"] and by_block["2:3x3x6"] == by_block["3:3x3x6"]


# --------------------------------------------------------------------------------------- whole programs


@pytest.mark.parametrize("name", ["exchange", "reduce", "broadcast", "compute", "idle"])
def test_benchmarks(name, all_variants):
    image = bench.compiled(name, 4, 6, bench.Plan(words=5, rounds=3))
    mesh = _engine.Mesh(codec.image_to_plain(image), machine.load(image.arch).settings)
    functions = [next(export.target for export in program.exports if export.is_function) for program in image.programs]
    ticket = mesh.launch(0, 0, 4, 6, functions, [])
    assert mesh.run(100_000, [ticket]) == "done"
    mesh.run(1000, [])


def test_meshgemm(all_variants):
    case = gemm_case.Case("meshgemm", "wse3", (3, 5), (15, 9, 15))
    source = gemm_case.ROOT / "kernels_csl" / "meshgemm" / "layout.csl"
    params = {"width": 3, "height": 5, **case.tiles, "acc": 16}
    image = driver.compile_image(CompileSettings(source, memcpy=True, channels=1, params=params))
    mesh = _engine.Mesh(codec.image_to_plain(image), machine.load(image.arch).settings)
    for name in [export.name for export in image.programs[0].exports if export.is_function]:
        functions = [
            next((export.target for export in program.exports if export.name == name), -1)
            for program in image.programs
        ]
        mesh.launch(0, 0, 3, 5, functions, [])
        mesh.run(20_000, [])
    assert mesh.stats()["wavelet_moves"] > 1000


def test_messages(all_variants, tmp_path):
    test_message_passing.test_random_traffic((2, 5), "u32", 3, tmp_path)  # asserts which messages arrive
    assert_ran(all_variants)


def test_collective_operations(all_variants, tmp_path, monkeypatch):
    test_collectives.test_random_sequences("wse3", 2, 4, 7, 3, tmp_path, monkeypatch)  # asserts every vector
    assert_ran(all_variants)


def assert_ran(meshes: list[PairedMesh]) -> None:
    """They sent something, and in the end are as the reference engine's still."""
    assert len(meshes) == 1
    assert meshes[0].cycle > 0 and meshes[0].stats()["wavelet_moves"] > 100 and meshes[0].fault() is None


def test_host_streams(all_variants):
    """Streams in and out of all PEs at once, with copies between them."""
    prog = Prog()
    prog.input(2, 4)
    prog.output(3, 5)
    code = prog.start()
    code.vec("mov32", code.fabout(3, 10), code.fabin(2, 10))
    code.ret()
    wafer = Wafer(2, 5)
    for y in range(5):
        for x in range(2):
            wafer.program(x, y, prog).route(x, y, 4, Dir.HOST, RAMP).route(x, y, 5, RAMP, Dir.HOST)
    mesh = wafer.mesh()
    data = np.arange(100, dtype="u4").reshape(5, 2, 10)
    tickets = [mesh.stream_out(0, 0, 2, 5, 5, 6), mesh.stream_in(0, 0, 2, 5, 4, data)]
    tickets.append(mesh.stream_out(0, 0, 2, 5, 5, 4))
    copy = mesh.copy_in(0, 0, 2, 5, [500], 3, np.arange(30, dtype="u2").reshape(5, 2, 3))
    back = mesh.copy_out(0, 1, 2, 3, [500], 3)
    assert mesh.run(5000, [*tickets, copy, back]) == "done"
    assert mesh.result(back).ravel().tolist() == list(range(6, 24))
    assert (np.concatenate([mesh.result(tickets[0]), mesh.result(tickets[2])], axis=2) == data).all()


# ------------------------------------------------------------------------------------------------- threads


def test_threads_come_and_go(one_variant):
    """Not in each cycle: some begin with all threads and some with one."""
    image = codec.image_to_plain(bench.compiled("exchange", 32, 32, bench.Plan(rounds=4)))
    settings = machine.load("wse3").settings
    ends = []
    for threads in (1, 2, 3):
        mesh = Mesh(image, settings, "fast", threads=threads)
        ticket = mesh.launch(0, 0, 32, 32, [0] * len(image["programs"]), [])
        assert mesh.run(100_000, [ticket]) == "done"
        ends.append((mesh.cycle, mesh.stats(), [mesh.pe_state(x, 15) for x in range(32)]))
    assert ends[1:] == ends[:1] * 2


@pytest.mark.skipif("libtsan" in os.environ.get("LD_PRELOAD", ""), reason="not supported by the thread sanitizer")
def test_a_copy_of_the_process_has_threads_of_its_own():
    image = codec.image_to_plain(bench.compiled("exchange", 4, 4, bench.Plan(words=8, rounds=40)))
    settings = machine.load("wse3").settings
    mesh, same = (Mesh(image, settings, "fast", threads=threads, eager=True) for threads in (2, 1))
    for each in (mesh, same):
        each.launch(0, 0, 4, 4, [0] * len(image["programs"]), [])
        each.run(50, [])
    child = os.fork()
    if child == 0:
        mesh.run(100, [])
        same.run(100, [])
        os._exit(0 if mesh.stats() == same.stats() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    mesh.run(100, [])
    same.run(100, [])
    assert mesh.stats() == same.stats()


def test_numbers_that_make_no_sense_are_mended():
    image = codec.image_to_plain(bench.compiled("compute", 2, 2, bench.Plan(words=2, rounds=1)))
    settings = machine.load("wse3").settings
    for threads, block in ((-3, (0, 0, 0)), (50, (0, -1, 0)), (0, (50, 50, 500)), (2, (1, 1, 1))):
        mesh = Mesh(image, settings, "fast", threads=threads, block=block, eager=True)
        assert mesh.run(1000, []) == "idle"
