"""Cycle counts of small programs against published ones, with the tolerance each rule is known to.

Published figures: docs/timing-model.md and the sources of the machine tables. Every count is the difference of two
time stamps in the program, as it was measured.
"""

from __future__ import annotations

import numpy as np
import pytest
from support.run_csl import OnePe

COUNT = 256
LOOPS = {
    "saxpy": ("y[i] = s * x[i] + y[i];", 22.0, 0.1),
    "dot": ("acc += x[i] * y[i];", 20.0, 0.1),
    "sum": ("acc += x[i];", 15.0, 0.1),
    "prefix": ("acc += x[i]; y[i] = acc;", 18.0, 0.1),
    "mse": ("const d = x[i] - y[i]; acc += d * d;", 22.0, 0.1),
    "relu": ("y[i] = if (x[i] > 0.0) x[i] else 0.0;", 23.0, 0.35),
    "max": ("if (x[i] > acc) { acc = x[i]; }", 16.0, 0.35),
    "sigmoid": ("y[i] = 1.0 / (1.0 + math.exp(-x[i]));", 210.0, 0.35),
    "silu": ("y[i] = x[i] / (1.0 + math.exp(-x[i]));", 204.0, 0.35),
    "gelu": (
        "y[i] = 0.5 * x[i] * (1.0 + math.tanh(0.79788456 * (x[i] + 0.044715 * x[i] * x[i] * x[i])));",
        217.0,
        0.35,
    ),
}
"""Name: loop body, published cycles an element, tolerance."""

HEAD = f"""
const math = @import_module("<math>");
const timer = @import_module("<time>");
var x = @zeros([{COUNT}]f32);
var y = @zeros([{COUNT}]f32);
var z = @zeros([1]f32);
var first = @zeros([3]u16);
var last = @zeros([3]u16);
var stamps = @zeros([6]u16);
fn stop() void {{
  timer.get_timestamp(&last);
  for (@range(i16, 3)) |i| {{
    stamps[i] = first[i];
    stamps[i + 3] = last[i];
  }}
  sys_mod.unblock_cmd_stream();
}}
fn empty() void {{
  timer.enable_tsc();
  timer.get_timestamp(&first);
  stop();
}}
"""


def cycles(pe: OnePe, function: str) -> int:
    pe.call(function)
    words = pe.read("stamps", 6).astype(np.int64)
    return int((words[3] + (words[4] << 16)) - (words[0] + (words[1] << 16)))


def loop(name: str, body: str) -> str:
    return f"""
fn {name}() void {{
  timer.enable_tsc();
  var acc: f32 = 0.0;
  const s: f32 = z[0];
  timer.get_timestamp(&first);
  for (@range(i16, {COUNT})) |i| {{ {body} }}
  z[0] = acc;
  stop();
}}
"""


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    program = HEAD + "".join(loop(name, body) for name, (body, _, _) in LOOPS.items())
    arrays = {"z": "f32", "x": "f32", "y": "f32", "stamps": "u16"}  # x behind z: no array of a real program is at 0
    with OnePe(tmp_path_factory.mktemp("loops"), "wse3", program, arrays, ["empty", *LOOPS]) as pe:
        rng = np.random.default_rng(3)
        for name in ("x", "y"):
            pe.write(name, rng.normal(size=COUNT).astype(np.float32).view(np.uint32))
        yield pe


@pytest.mark.parametrize("name", LOOPS)
def test_scalar_loop(loops, name):
    _, published, tolerance = LOOPS[name]
    measured = (cycles(loops, name) - cycles(loops, "empty")) / COUNT
    assert abs(measured - published) <= tolerance * published, measured


def test_two_stamps_in_a_row_take_at_most_what_was_measured_on_a_machine(loops):
    assert 1 <= cycles(loops, "empty") <= 18


VECTORS = """
var a = @zeros([4100]f16);
var b = @zeros([4100]f16);
var p = @zeros([1024]f32);
var q = @zeros([1032]f32);
const a_all = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{4096} -> a[i] });
const b_all = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{4096} -> b[i] });
const p_all = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{1024} -> p[i] });
const q_same = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{1024} -> q[i] });
const q_other = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{1024} -> q[i + 1] });
fn one_fmach() void {
  timer.enable_tsc();
  timer.get_timestamp(&first);
  @fmach(a_all, a_all, b_all, 2.0);
  stop();
}
fn fmacs_same() void {
  timer.enable_tsc();
  timer.get_timestamp(&first);
  @fmacs(p_all, p_all, q_same, 2.0);
  stop();
}
fn fmacs_other() void {
  timer.enable_tsc();
  timer.get_timestamp(&first);
  @fmacs(p_all, p_all, q_other, 2.0);
  stop();
}
"""
VECTOR_FUNCTIONS = ["one_fmach", "fmacs_same", "fmacs_other"]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    def run(arch: str) -> OnePe:
        folder = tmp_path_factory.mktemp(arch)
        return OnePe(folder, arch, HEAD + VECTORS, {"stamps": "u16"}, VECTOR_FUNCTIONS)

    return run


def test_one_fmach_of_4096_elements_on_the_wse3(vectors):
    with vectors("wse3") as pe:
        assert abs(cycles(pe, "one_fmach") - 1040) <= 10


def test_fmacs_with_and_without_bank_conflict_on_the_wse2(vectors):
    """Measured for 1028 elements: 1034 and 2062, n + 6 and 2 n + 6."""
    with vectors("wse2") as pe:
        counts = sorted((cycles(pe, "fmacs_same"), cycles(pe, "fmacs_other")))
    assert abs(counts[0] - (1024 + 6)) <= 10
    assert abs(counts[1] - (2 * 1024 + 6)) <= 10
