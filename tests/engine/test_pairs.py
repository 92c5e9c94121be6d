"""Pairs of 16-bit elements a wavelet: from memory, through a PE that passes them on, into memory; both engines."""

import numpy as np
import pytest
from engine.build import Prog, Wafer, run, words

from wafersim.ir.dsd import SIMD_SHIFT
from wafersim.ir.ops import Ty
from wafersim.ir.program import Dir, Symbol

RAMP, EAST, WEST = Dir.RAMP, Dir.EAST, Dir.WEST
SIMD = {32: 1 << SIMD_SHIFT, 64: 2 << SIMD_SHIFT}


def line(length, width, through="fmovh", chunk=None):
    """Three PEs; the one in the middle passes `chunk` elements an operation."""
    flags = SIMD[width]
    sender, middle, receiver = Prog(), Prog(), Prog()
    sender.output(2, 3)
    code = sender.start()
    code.vec("fmovh", code.fabout(2, length, flags=flags), code.mem(100, length), is_async=True)
    code.ret()
    middle.input(2, 3)
    middle.output(3, 4)
    code = middle.start()
    for _ in range(length // (chunk or length)):
        code.vec(through, code.fabout(3, chunk or length, flags=flags), code.fabin(2, chunk or length, flags=flags))
    code.ret()
    receiver.input(2, 4)
    code = receiver.start()
    code.vec("fmovh", code.mem(300, length), code.fabin(2, length, flags=flags), is_async=True)
    code.ret()
    wafer = Wafer(3, 1)
    wafer.program(0, 0, sender).program(1, 0, middle).program(2, 0, receiver)
    wafer.route(0, 0, 3, RAMP, EAST).route(1, 0, 3, WEST, RAMP)
    wafer.route(1, 0, 4, RAMP, EAST).route(2, 0, 4, WEST, RAMP)
    return wafer, receiver


def sent(mesh, length):
    values = np.arange(1, length + 1, dtype="f2")
    mesh.write(0, 0, 100, values.view("u2"))
    return values


@pytest.mark.parametrize("width", SIMD)
@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 40, 41])
def test_pairs_pass_through(length, width):
    mesh = line(length, width)[0].mesh()
    values = sent(mesh, length)
    assert run(mesh) == "idle"
    np.testing.assert_array_equal(words(mesh, 2, 0, 300, length, "f2"), values)


def test_what_passes_may_be_computed():
    mesh = line(24, 64, through="fnegh", chunk=8)[0].mesh()
    values = sent(mesh, 24)
    assert run(mesh) == "idle"
    np.testing.assert_array_equal(words(mesh, 2, 0, 300, 24, "f2"), -values)


def test_every_prefix_of_a_run_is_equal():
    mesh = line(40, 64, chunk=10)[0].mesh()
    sent(mesh, 40)
    for _ in range(200):
        if mesh.run(1, []) == "idle":
            break
    assert words(mesh, 2, 0, 300, 40, "f2")[-1] == 40


@pytest.mark.parametrize("room", [0, 1, 2, 7, 38])
def test_a_receive_faults_where_it_leaves_its_variable(room):
    wafer, receiver = line(40, 64)
    receiver.ir.symbols.append(Symbol("short", 300, room + 1, "[]f16", Ty.F16, [room + 1]))
    mesh = wafer.mesh()
    sent(mesh, 40)
    assert mesh.run(1000, []) == "fault"
    assert f"runs out of 'short' after {room + 1} elements" in mesh.fault()["message"]
    assert mesh.read(2, 0, 300, room + 1).view("f2").tolist() == list(range(1, room + 2))
