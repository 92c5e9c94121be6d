"""<kernels/tally>: PEs signal and count in any order, one PE above the rectangle receives the result."""

from __future__ import annotations

import numpy as np
import pytest

from wafersim.cli import cslc

LAYOUT = """
param width: u16;
param height: u16;
param goal: u32;
const out = @get_color(4);
const tally = @import_module("<kernels/tally/layout>", .{
  .kernel_width = width,
  .kernel_height = height,
  .phase2_tally = goal,
  .colors = [3]color{ @get_color(1), @get_color(2), @get_color(3) },
  .output_color = out,
});
const memcpy = @import_module("<memcpy/get_params>", .{ .width = width, .height = height + 1 });
layout {
  @set_rectangle(width, height + 1);
  for (@range(u16, width)) |x| {
    @set_tile_code(x, 0, "reader.csl", .{ .memcpy_params = memcpy.get_params(x), .reads = x == width - 1, .out = out });
    for (@range(u16, height)) |y| {
      @set_tile_code(x, y + 1, "pe.csl", .{
        .memcpy_params = memcpy.get_params(x),
        .tally_params = tally.get_params(x, y)
      });
    }
  }
  @export_name("amounts", [*]u32, true);
  @export_name("result", [*]u32, true);
  @export_name("run", fn()void);
}
"""

READER = """
param memcpy_params;
param reads: bool;
param out: color;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
const queue = @get_input_queue(2);
var amounts = @zeros([3]u32);
// How often a result has come, and the last one.
var result = @zeros([2]u32);
var amounts_ptr: [*]u32 = &amounts;
var result_ptr: [*]u32 = &result;
task receive(total: u32) void {
  result[0] += 1;
  result[1] = total;
}
fn run() void {
  sys_mod.unblock_cmd_stream();
}
comptime {
  if (reads) {
    @set_local_color_config(out, .{ .routes = .{ .rx = .{ SOUTH }, .tx = .{ RAMP } } });
    @initialize_queue(queue, .{ .color = out });
    @bind_data_task(receive, @get_data_task_id(if (@is_arch("wse3")) queue else out));
  }
  @export_symbol(amounts_ptr, "amounts");
  @export_symbol(result_ptr, "result");
  @export_symbol(run);
}
"""

PE = """
param memcpy_params;
param tally_params: comptime_struct;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
const tally = @import_module("<kernels/tally/pe>", @concat_structs(tally_params, .{
  .input_queues = [2]u16{ 2, 3 },
  .output_queues = [2]u16{ 4, 5 },
}));
// Added before the signal, loops to wait, added after it.
var amounts = @zeros([3]u32);
var result = @zeros([2]u32);
var waited: u32 = 0;
var amounts_ptr: [*]u32 = &amounts;
var result_ptr: [*]u32 = &result;
fn run() void {
  tally.bump_tally(amounts[0]);
  for (@range(u32, amounts[1])) |i| {
    waited += i;
  }
  tally.signal_completion();
  tally.bump_tally(amounts[2]);
  sys_mod.unblock_cmd_stream();
}
comptime {
  @export_symbol(amounts_ptr, "amounts");
  @export_symbol(result_ptr, "result");
  @export_symbol(run);
}
"""


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 1), (4, 3)])
@pytest.mark.parametrize("phase2", [False, True])
def test_result_reaches_the_reader_once(arch, size, phase2, tmp_path):
    width, height = size
    amounts = np.random.default_rng(width * 10 + height).integers(0, 50, (height + 1, width, 3)).astype(np.uint32)
    amounts[0] = 0
    total = int(amounts[:, :, [0, 2]].sum())
    for name, text in (("layout.csl", LAYOUT), ("reader.csl", READER), ("pe.csl", PE)):
        (tmp_path / name).write_text(text)
    params = f"--params=width:{width},height:{height},goal:{total if phase2 else 0}"
    fabric = [f"--fabric-dims={width + 7},{height + 3}", "--fabric-offsets=4,1", "--memcpy", "--channels=1"]
    out = str(tmp_path / "out")
    assert cslc.main([str(tmp_path / "layout.csl"), params, *fabric, f"--arch={arch}", "-o", out]) == 0
    assert run(out, width, height, amounts) == [1, total if phase2 else 0]


def run(out: str, width: int, height: int, amounts: np.ndarray) -> list[int]:
    """The reader's count of results and the last of them."""
    from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
    from wafersim.runtime.sdkruntime import SdkRuntime

    order, size = MemcpyOrder.ROW_MAJOR, MemcpyDataType.MEMCPY_32BIT
    how = {"streaming": False, "order": order, "data_type": size, "nonblock": False}
    runtime = SdkRuntime(out)
    runtime.load()
    runtime.run()
    runtime.memcpy_h2d(runtime.get_id("amounts"), amounts.reshape(-1), 0, 0, width, height + 1, 3, **how)
    runtime.launch("run", nonblock=False)
    found = np.zeros(2, dtype=np.uint32)
    # The last wavelets may still be on their way: look several times.
    for _ in range(20):
        runtime.memcpy_d2h(found, runtime.get_id("result"), width - 1, 0, 1, 1, 2, **how)
    runtime.stop()
    return found.tolist()
