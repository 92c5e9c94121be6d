"""<message_passing>: each PE sends messages of random length to random PEs while it receives those of others."""

from __future__ import annotations

import numpy as np
import pytest

from wafersim.cli import cslc

LAYOUT = """
param width: u16;
param height: u16;
param program: u16;
const memcpy = @import_module("<memcpy/get_params>", .{ .width = width, .height = height });
layout {
  @set_rectangle(width, height);
  for (@range(u16, width)) |x| {
    for (@range(u16, height)) |y| {
      const file = if (program == 0) "pe.csl" else "task.csl";
      @set_tile_code(x, y, file, .{ .memcpy_params = memcpy.get_params(x) });
    }
  }
  @export_name("plan", [*]u32, true);
  @export_name("got", [*]u32, true);
  @export_name("run", fn()void);
}
"""

PE = """
param memcpy_params;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
const layout_module = @import_module("<layout>");
const mp = @import_module("<message_passing>", .{
  .enable_asserts = true, .input_queue_id = 2, .output_queue_id = 3
});
const send_id = @get_local_task_id(8);
const recv_id = @get_local_task_id(9);

// For each message out: column, row, length; then the number of messages in.
var plan = @zeros([3 * SENDS + 1]u32);
// For each sender: the elements of its message and their number.
var got = @zeros([PES * (LONGEST + 1)]u32);
var plan_ptr: [*]u32 = &plan;
var got_ptr: [*]u32 = &got;
var out: [LONGEST]TYPE;
var in: [LONGEST]TYPE;
var sent: u16 = 0;
var received: u32 = 0;

fn done() void {
  if (sent == SENDS and received == plan[3 * SENDS]) {
    sys_mod.unblock_cmd_stream();
  }
}

fn me() u16 {
  return layout_module.get_y_coord() * WIDTH + layout_module.get_x_coord();
}

// The first element says who sends, the second how many elements there are.
fn send_next() void {
  const length = @as(u16, plan[3 * sent + 2]);
  for (@range(u16, length)) |i| {
    out[i] = @as(TYPE, me() * 7 + sent * 3 + i);
  }
  out[0] = @as(TYPE, me());
  out[1] = @as(TYPE, length);
  mp.send_message(@as(u16, plan[3 * sent]), @as(u16, plan[3 * sent + 1]), &out, length, .{ .activate = send_id });
}

task one_sent() void {
  sent += 1;
  if (sent < SENDS) {
    send_next();
  } else {
    done();
  }
}

task one_received() void {
  const from = @as(u16, in[0]) * (LONGEST + 1);
  const length = @as(u16, in[1]);
  for (@range(u16, length)) |i| {
    got[from + 1 + i] += @as(u32, in[i]);
  }
  got[from] += 1;
  received += 1;
  @block(recv_id);
  @activate(recv_id);
  if (received < plan[3 * SENDS]) {
    mp.recv_message(&in, .{ .unblock = recv_id });
  } else {
    done();
  }
}

fn run() void {
  mp.init();
  if (plan[3 * SENDS] > 0) {
    mp.recv_message(&in, .{ .activate = recv_id });
  }
  send_next();
}

comptime {
  @bind_local_task(one_sent, send_id);
  @bind_local_task(one_received, recv_id);
  @export_symbol(plan_ptr, "plan");
  @export_symbol(got_ptr, "got");
  @export_symbol(run);
}
"""

TASK = """
param memcpy_params;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
const mp = @import_module("<message_passing>", .{ .input_queue_id = 2, .output_queue_id = 3 });
const exit_id = @get_local_task_id(8);
var plan = @zeros([3]u32);
var got = @zeros([8]u32);
var plan_ptr: [*]u32 = &plan;
var got_ptr: [*]u32 = &got;
var out = [4]u32{ 10, 20, 30, 0 };

task receive(word: u32) void {
  got[0] += 1;
  got[got[0]] = word;
}

task exit() void {
  sys_mod.unblock_cmd_stream();
}

fn run() void {
  mp.init();
  if (plan[2] > 0) {
    mp.send_message(@as(u16, plan[0]), @as(u16, plan[1]), &out, 4, .{ .activate = exit_id });
  } else {
    @activate(exit_id);
  }
}

comptime {
  @bind_data_task(receive, @get_data_task_id(mp.mp_input_queue));
  @bind_local_task(exit, exit_id);
  @export_symbol(plan_ptr, "plan");
  @export_symbol(got_ptr, "got");
  @export_symbol(run);
}
"""


def run(tmp_path, size: tuple[int, int], program: int, plan: np.ndarray, words: int) -> np.ndarray:
    """Compiles, runs, and gives `got` of each PE as [row, column, words]."""
    from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
    from wafersim.runtime.sdkruntime import SdkRuntime

    width, height = size
    params = f"--params=width:{width},height:{height},program:{program}"
    fabric = [f"--fabric-dims={width + 7},{height + 2}", "--fabric-offsets=4,1", "--memcpy", "--channels=1"]
    out = str(tmp_path / "out")
    assert cslc.main([str(tmp_path / "layout.csl"), params, *fabric, "--arch=wse3", "-o", out]) == 0
    order, bits = MemcpyOrder.ROW_MAJOR, MemcpyDataType.MEMCPY_32BIT
    how = {"streaming": False, "order": order, "data_type": bits, "nonblock": False}
    runtime = SdkRuntime(out)
    runtime.load()
    runtime.run()
    runtime.memcpy_h2d(runtime.get_id("plan"), plan.reshape(-1), 0, 0, width, height, plan.shape[2], **how)
    runtime.launch("run", nonblock=False)
    got = np.zeros(width * height * words, dtype=np.uint32)
    for _ in range(10):
        runtime.memcpy_d2h(got, runtime.get_id("got"), 0, 0, width, height, words, **how)
    runtime.stop()
    return got.reshape(height, width, words)


@pytest.mark.parametrize(("size", "ty", "seed"), [((3, 3), "u32", 1), ((4, 2), "i16", 2), ((1, 5), "f32", 3)])
def test_random_traffic(size, ty, seed, tmp_path):
    width, height = size
    pes, sends, longest = width * height, 6, 40
    words = pes * (longest + 1)
    replace = {"SENDS": sends, "PES": pes, "LONGEST": longest, "WIDTH": width, "TYPE": ty}
    program = PE
    for name, value in replace.items():
        program = program.replace(name, str(value))
    for name, text in (("layout.csl", LAYOUT), ("pe.csl", program), ("task.csl", TASK)):
        (tmp_path / name).write_text(text)

    rng = np.random.default_rng(seed)
    plan = np.zeros((height, width, 3 * sends + 1), dtype=np.uint32)
    expected = np.zeros((height, width, pes, longest + 1), dtype=np.uint32)
    for sender in range(pes):
        y, x = divmod(sender, width)
        for message in range(sends):
            column, row, length = rng.integers(width), rng.integers(height), rng.integers(2, longest + 1)
            plan[y, x, 3 * message : 3 * message + 3] = column, row, length
            plan[row, column, 3 * sends] += 1
            elements = sender * 7 + message * 3 + np.arange(length, dtype=np.uint32)
            elements[:2] = sender, length
            expected[row, column, sender, 0] += 1
            expected[row, column, sender, 1 : 1 + length] += elements
    got = run(tmp_path, size, 0, plan, words)
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)


def test_data_task_gets_header_and_all_but_the_last_element(tmp_path):
    for name, text in (("layout.csl", LAYOUT), ("pe.csl", ""), ("task.csl", TASK)):
        (tmp_path / name).write_text(text)
    plan = np.zeros((2, 2, 3), dtype=np.uint32)
    plan[0, 0] = 1, 1, 1
    got = run(tmp_path, (2, 2), 1, plan, 8)
    assert got[1, 1, 0] == 4
    assert got[1, 1, 2:5].tolist() == [10, 20, 30]
    assert got[1, 1, 1] & 0x1FFFFF == 1 | 1 << 10
    assert not got[0].any() and not got[1, 0].any()


def test_wse2_is_refused(tmp_path, capsys):
    (tmp_path / "layout.csl").write_text(LAYOUT)
    (tmp_path / "task.csl").write_text(TASK)
    fabric = ["--fabric-dims=8,3", "--fabric-offsets=4,1", "--memcpy", "--channels=1"]
    options = ["--params=width:1,height:1,program:1", *fabric]
    assert cslc.main([str(tmp_path / "layout.csl"), *options, "--arch=wse2", "-o", str(tmp_path / "out")]) != 0
    assert "<message_passing> needs the WSE-3" in capsys.readouterr().err
