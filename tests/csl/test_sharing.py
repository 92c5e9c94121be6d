"""Tiles that share code: each gets the program that it would get alone, and work does not grow with the mesh."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from csl.case_compile import compile_case
from csl.case_files import Case, all_cases
from csl.tile_programs import tiles

from wafersim import machine, settings
from wafersim.cli import cslc
from wafersim.csl import layout
from wafersim.csl.diagnostics import Diagnostics
from wafersim.ir.program import Image, PatchKind

KERNELS = Path(__file__).parents[2] / "kernels_csl"
MANY_TILES = [
    case
    for case in all_cases()
    if case.kind in ("run", "comptime", "dump=mesh", "dump=program")
    and (case.options.get("size", "1x1") != "1x1" or "layout" in case.text)
]


def compiled(source: Path, params: dict[str, int], share: bool, arch: str = "wse3") -> Image:
    return compile_with_work(source, params, share, arch)[0]


def compile_with_work(
    source: Path, params: dict[str, int], share: bool = True, arch: str = "wse3"
) -> tuple[Image, tuple[int, int]]:
    """The image; programs compiled, and steps executed at compile time."""
    diagnostics = Diagnostics()
    compilation = layout.new_compilation(machine.load(arch), diagnostics)
    placed = layout.evaluate(compilation, source, params, {}, share=share)
    image = layout.compile_mesh(compilation, placed, share=share)
    assert not diagnostics.has_errors, diagnostics.render()
    return image, (len(image.programs), sum(unit.steps for unit in compilation.units))


def assert_same(shared: Image, alone: Image) -> None:
    for number, (this, other) in enumerate(zip(tiles(shared), tiles(alone), strict=True)):
        assert this == other, f"tile {number}"


@pytest.mark.parametrize("case", MANY_TILES, ids=lambda case: case.name)
def test_tiles_of_cases_get_the_programs_they_would_get_alone(case: Case) -> None:
    arch = case.arches[0]
    shared, alone = (compile_case(case, arch, share=share) for share in (True, False))
    assert shared.problems == alone.problems
    assert (shared.image is None) == (alone.image is None)
    if shared.image is not None and alone.image is not None:
        assert_same(shared.image, alone.image)


GEMM = {"width": 7, "height": 6, "Mt": 2, "Nt": 2, "Ks": 3, "acc": 32}


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_tiles_of_meshgemm_get_the_programs_they_would_get_alone(arch: str) -> None:
    source = KERNELS / "meshgemm/layout.csl"
    shared, alone = (compiled(source, GEMM, share, arch) for share in (True, False))
    assert len(shared.programs) < len(alone.programs)
    assert_same(shared, alone)


def test_work_does_not_grow_with_the_mesh() -> None:
    source = KERNELS / "meshgemm/layout.csl"
    meshes = [GEMM | {"width": size, "height": size} for size in (9, 45)]
    (programs, steps), large = (compile_with_work(source, mesh)[1] for mesh in meshes)
    assert large[0] == programs
    assert large[1] <= 2 * steps


LAYOUT = """
param n: i16;
const first = @get_color(1);
const second = @get_color(2);
layout {
  @set_rectangle(n, n);
  for (@range(i16, n)) |x| {
    const turn = x % 2;
    for (@range(i16, n)) |y| {
      @set_tile_code(x, y, "pe.csl", .{ .x = x, .y = y, .slack = n - x, .out = if (turn == 0) first else second });
      @set_color_config(x, y, first, .{ .routes = .{ .rx = .{ WEST }, .tx = .{ RAMP } } });
    }
    if (x > 2) {
      @set_color_config(x, 0, second, .{ .routes = .{ .rx = .{ RAMP }, .tx = .{ EAST } } });
    }
  }
}
"""
PE = """
param x: i16;
param y: i16;
param slack: i16;
param out: color;
const queue = @get_output_queue(2);
var place = [3]i16{ x, y, -slack };
var far: u32 = @as(u32, x) * 100000;
var n: i16 = 0;
fn main() void {
  n = slack * n + place[1];
  if (y == 3) { n += x; }
}
comptime {
  @initialize_queue(queue, .{ .color = out });
  @export_symbol(main);
  @export_symbol(place);
  @export_symbol(far);
}
"""


def write(folder: Path, pe: str = PE, text: str = LAYOUT) -> Path:
    (folder / "pe.csl").write_text(pe)
    (folder / "layout.csl").write_text(text)
    return folder / "layout.csl"


def test_numbers_that_nothing_looks_at_become_patches(tmp_path: Path) -> None:
    source = write(tmp_path)
    shared, alone = (compiled(source, {"n": 9}, share) for share in (True, False))
    assert len(shared.programs) == 2  # rows 3, and the others
    assert {patch.kind for patch in shared.programs[0].patches} == {
        PatchKind.CONSTANT, PatchKind.WORD, PatchKind.OUTPUT_COLOR
    }  # fmt: skip
    assert_same(shared, alone)


def test_work_of_a_layout_with_numbers_does_not_grow(tmp_path: Path) -> None:
    source = write(tmp_path)
    assert compile_with_work(source, {"n": 10})[1] == compile_with_work(source, {"n": 200})[1]


WHILE = """
param n: i16;
const first = @get_color(1);
const second = @get_color(2);
layout {
  @set_rectangle(n, n);
  var x: i16 = 0;
  while (x < n) : (x += 1) {
    var y: i16 = 0;
    while (y <= x) : (y += 1) {
      @set_tile_code(x, y, "pe.csl", .{ .x = x, .y = y, .slack = n - x, .out = if (x % 2 == 0) first else second });
    }
    while (y < n) : (y += 1) {
      @set_tile_code(x, y, "pe.csl", .{ .x = y, .y = x, .slack = y, .out = second });
      if (y == 5) { continue; }
      @set_color_config(x, y, first, .{ .routes = .{ .rx = .{ WEST }, .tx = .{ RAMP } } });
    }
    @comptime_assert(y == n);
  }
  @comptime_assert(x == n);
}
"""


def test_while_loops_that_count_are_evaluated_together(tmp_path: Path) -> None:
    source = write(tmp_path, text=WHILE)
    assert_same(*(compiled(source, {"n": 9}, share) for share in (True, False)))
    steps = [compile_with_work(source, {"n": 9}, share)[1][1] for share in (True, False)]
    assert steps[0] < steps[1]


@pytest.mark.parametrize(
    ("body", "least"),
    [
        ("n = @as(i16, x * 2) + @as(i16, y / 3) - (y % 4);", 1),
        ("n = if (x > y) 1 else 2;", 2),
        ("const a = @constants([x + 1]i16, 3); n = a[n];", 9),
        ("for (@range(i16, x)) |i| { n += i; }", 1),
        ("inline for (@range(i16, y)) |i| { n += i; }", 9),
        ("n = @as(i16, @bitcast(u16, x)) + @as(i16, -y);", 1),
        ("n += place[x % 3];", 3),
        ("switch (x) { 0 => { n = 1; }, 4 => { n = 2; }, else => { n = 3; } }", 3),
        ("@assert(n != x);", 1),
    ],
)
def test_programs_differ_only_where_something_looks(tmp_path: Path, body: str, least: int) -> None:
    source = write(tmp_path, PE.replace("if (y == 3) { n += x; }", body))
    shared, alone = (compiled(source, {"n": 9}, share) for share in (True, False))
    assert len(shared.programs) >= least
    assert_same(shared, alone)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@set_color_config(x, 0, second", "@set_color_config(x / 4, 0, second"),
        ("@set_tile_code(x, y,", "@set_tile_code(x / 2, y,"),
        ("@set_tile_code(x, y,", "@set_tile_code(x + y, y,"),
        ("const turn = x % 2;", "const turn = 6 / (x - 5);"),
    ],
)
def test_mistakes_are_those_of_the_first_iteration(tmp_path: Path, old: str, new: str) -> None:
    source = write(tmp_path, text=LAYOUT.replace(old, new))
    problems = []
    for share in (True, False):
        diagnostics = Diagnostics()
        layout.evaluate(layout.new_compilation(machine.load("wse3"), diagnostics), source, {"n": 9}, {}, share=share)
        problems.append([line for item in diagnostics.items for line in item.lines()])
    assert problems[0] == problems[1] != []


def example_layouts(checkout: Path) -> list[tuple[Path, list[str]]]:
    """Layouts and arguments of the `cslc` commands in the checkout's scripts."""
    found = []
    for script in sorted(checkout.rglob("commands_*.sh")):
        text = script.read_text().replace("\\\n", " ")
        found += [(script.parent, shlex.split(line)[1:]) for line in re.findall(r"^cslc .*", text, re.MULTILINE)]
    return found


def test_tiles_of_examples_get_the_programs_they_would_get_alone(
    examples_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, arguments in example_layouts(examples_path):
        monkeypatch.chdir(folder)
        options = settings.resolve(*cslc.parse(arguments), "")
        imports = tuple(map(str, options.import_paths))
        images = []
        for share in (True, False):
            diagnostics = Diagnostics()
            compilation = layout.new_compilation(machine.load(options.arch), diagnostics, imports)
            placed = layout.evaluate(compilation, options.source, options.params, options.colors, share=share)
            images.append(layout.compile_mesh(compilation, placed, share=share))
        assert_same(*images)
