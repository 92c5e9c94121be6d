"""<collectives_2d>: random sequences of operations with changing roots, along rows and columns at once.

PEs start each operation after delays of their own, so that neighbours are up to several operations apart.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from wafersim.cli import cslc

OPERATIONS = ("broadcast", "scatter", "gather", "reduce_fadds")

LAYOUT = """
param width: u16;
param height: u16;
const c2d = @import_module("<collectives_2d/params>");
const memcpy = @import_module("<memcpy/get_params>", .{ .width = width, .height = height });
layout {
  @set_rectangle(width, height);
  for (@range(u16, width)) |x| {
    for (@range(u16, height)) |y| {
      const c2d_params = c2d.get_params(x, y, .{
        .x_colors = .{ @get_color(0), @get_color(1) },
        .x_entrypoints = .{ @get_local_task_id(8), @get_local_task_id(9) },
        .y_colors = .{ @get_color(4), @get_color(5) },
        .y_entrypoints = .{ @get_local_task_id(10), @get_local_task_id(11) }
      });
      @set_tile_code(x, y, "pe.csl", .{ .memcpy_params = memcpy.get_params(x), .c2d_params = c2d_params });
    }
  }
  @export_name("plan_x", [*]u32, true);
  @export_name("plan_y", [*]u32, true);
  @export_name("delay", [*]u32, true);
  @export_name("send_x", [*]u32, true);
  @export_name("send_y", [*]u32, true);
  @export_name("log_x", [*]u32, true);
  @export_name("log_y", [*]u32, true);
  @export_name("run", fn()void);
}
"""

PE = """
param memcpy_params;
param c2d_params;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
const done_x = @get_local_task_id(12);
const done_y = @get_local_task_id(13);
const task_x = @get_local_task_id(15);
const task_y = @get_local_task_id(16);
const axis_x = @import_module("axis.csl", .{ .axis = c2d_params.x, .task_id = task_x, .done_id = done_x });
const axis_y = @import_module("axis.csl", .{ .axis = c2d_params.y, .task_id = task_y, .done_id = done_y });
var delay: [OPS]u32;
var plan_x_ptr: [*]u32 = &axis_x.plan;
var plan_y_ptr: [*]u32 = &axis_y.plan;
var delay_ptr: [*]u32 = &delay;
var send_x_ptr: [*]u32 = &axis_x.send;
var send_y_ptr: [*]u32 = &axis_y.send;
var log_x_ptr: [*]u32 = &axis_x.log;
var log_y_ptr: [*]u32 = &axis_y.log;
var finished: u16 = 0;
fn one_axis_done() void {
  finished += 1;
  if (finished == 2) {
    sys_mod.unblock_cmd_stream();
  }
}
task x_is_done() void {
  one_axis_done();
}
task y_is_done() void {
  one_axis_done();
}
fn run() void {
  axis_x.start(&delay);
  axis_y.start(&delay);
}
comptime {
  @bind_local_task(x_is_done, done_x);
  @bind_local_task(y_is_done, done_y);
  @export_symbol(plan_x_ptr, "plan_x");
  @export_symbol(plan_y_ptr, "plan_y");
  @export_symbol(delay_ptr, "delay");
  @export_symbol(send_x_ptr, "send_x");
  @export_symbol(send_y_ptr, "send_y");
  @export_symbol(log_x_ptr, "log_x");
  @export_symbol(log_y_ptr, "log_y");
  @export_symbol(run);
}
"""

AXIS = """
param axis;
param task_id: local_task_id;
param done_id: local_task_id;
const c2d = @import_module("<collectives_2d/pe>", .{ .dim_params = axis });
const total = c2d.size * COUNT;
// plan: operation + 4 * root, one entry an operation; send: total elements; log: total elements an operation
var plan: [OPS]u32;
var send: [total]u32;
var recv: [total]u32;
var log: [OPS * total]u32;
var delays: [*]u32 = &plan;
var waited: u32 = 0;
var at: u16 = 0;
fn start(delay: [*]u32) void {
  delays = delay;
  c2d.init();
  @activate(task_id);
}
fn keep() void {
  for (@range(u16, total)) |i| {
    log[(at - 1) * total + i] = recv[i];
    recv[i] = 0;
  }
}
task next() void {
  if (at > 0) {
    keep();
  }
  if (at == OPS) {
    @activate(done_id);
    return;
  }
  for (@range(u32, delays[at])) |i| {
    waited += i;
  }
  const kind = plan[at] & 3;
  const root = @as(u16, plan[at] >> 2);
  at += 1;
  if (kind == 0) {
    if (c2d.pe_id == root) {
      for (@range(u16, total)) |i| {
        recv[i] = send[i];
      }
    }
    c2d.broadcast(root, &recv, total, task_id);
  } else if (kind == 1) {
    c2d.scatter(root, &send, &recv, COUNT, task_id);
  } else if (kind == 2) {
    c2d.gather(root, &send, &recv, COUNT, task_id);
  } else {
    c2d.reduce_fadds(root, @ptrcast([*]f32, &send), @ptrcast([*]f32, &recv), COUNT, task_id);
  }
}
comptime {
  @bind_local_task(next, task_id);
}
"""


def expected(kind: int, root: int, me: int, sends: np.ndarray, count: int) -> np.ndarray:
    """What one PE of a line finds in its receive buffer; `sends` is [PE, elements] of f32."""
    size = len(sends)
    recv = np.zeros(size * count, dtype=np.float32)
    if kind == 0:
        recv[:] = sends[root]
    elif kind == 1:
        recv[:count] = sends[root][me * count : (me + 1) * count]
    elif kind == 2 and me == root:
        recv[:] = sends[:, :count].reshape(-1)
    elif kind == 3 and me == root:
        recv[:count] = sends[:, :count].sum(axis=0)
    return recv


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(
    ("width", "height", "count", "seed"), [(3, 2, 3, 57), (7, 1, 3, 12), (4, 3, 2, 2), (2, 4, 7, 3)]
)
def test_random_sequences(arch, width, height, count, seed, tmp_path, monkeypatch):
    rng = random.Random(seed)
    operations = 14
    replace = {"OPS": str(operations), "COUNT": str(count)}
    for name, text in (("layout.csl", LAYOUT), ("pe.csl", PE), ("axis.csl", AXIS)):
        for word, value in replace.items():
            text = text.replace(word, value)
        (tmp_path / name).write_text(text)
    options = [f"--params=width:{width},height:{height}", f"--fabric-dims={width + 7},{height + 2}"]
    memcpy = ["--fabric-offsets=4,1", "--memcpy", "--channels=1", f"--arch={arch}"]
    assert cslc.main([str(tmp_path / "layout.csl"), *options, *memcpy, "-o", str(tmp_path / "out")]) == 0

    from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
    from wafersim.runtime.sdkruntime import SdkRuntime

    how = {
        "streaming": False,
        "order": MemcpyOrder.ROW_MAJOR,
        "data_type": MemcpyDataType.MEMCPY_32BIT,
        "nonblock": False,
    }
    monkeypatch.chdir(tmp_path)
    runtime = SdkRuntime(tmp_path / "out")
    runtime.load()
    runtime.run()

    def put(name: str, data: np.ndarray) -> None:
        each = data.shape[2]
        runtime.memcpy_h2d(runtime.get_id(name), data.reshape(-1), 0, 0, width, height, each, **how)

    plans, sends = {}, {}
    for name, size in (("x", width), ("y", height)):
        plans[name] = [(rng.randrange(4), rng.randrange(size)) for _ in range(operations)]
        numbers = np.array([kind + 4 * root for kind, root in plans[name]], dtype=np.uint32)
        put(f"plan_{name}", np.tile(numbers, (height, width, 1)))
        values = np.random.default_rng(seed).integers(-50, 50, (height, width, size * count)).astype(np.float32)
        sends[name] = values
        put(f"send_{name}", values.view(np.uint32))
    delays = [rng.choice([0, 0, 5, 60]) for _ in range(width * height * operations)]
    put("delay", np.array(delays, dtype=np.uint32).reshape(height, width, operations))
    runtime.launch("run", nonblock=False)
    logs = {}
    for name, size in (("x", width), ("y", height)):
        each = operations * size * count
        flat = np.zeros(width * height * each, dtype=np.float32)
        runtime.memcpy_d2h(flat, runtime.get_id(f"log_{name}"), 0, 0, width, height, each, **how)
        logs[name] = flat.reshape(height, width, operations, size * count)
    runtime.stop()

    for y in range(height):
        for x in range(width):
            for at in range(operations):
                kind, root = plans["x"][at]
                want = expected(kind, root, x, sends["x"][y], count)
                np.testing.assert_array_equal(logs["x"][y, x, at], want, f"row {y}, PE {x}: {OPERATIONS[kind]} {at}")
                kind, root = plans["y"][at]
                want = expected(kind, root, y, sends["y"][:, x], count)
                np.testing.assert_array_equal(logs["y"][y, x, at], want, f"column {x}, PE {y}: {OPERATIONS[kind]} {at}")
