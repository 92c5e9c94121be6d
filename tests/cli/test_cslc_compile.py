"""The command from a layout file to an `out` folder: outputs, dumps, errors and exit codes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import wafersim
from wafersim import image
from wafersim.cli import cslc

PROGRAM = """
param memcpy_params;
param n: u16;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
var y = @zeros([n]f32);
var y_ptr: [*]f32 = &y;

fn run() void {
  y[0] = 1.0;
  sys_mod.unblock_cmd_stream();
}

comptime {
  @export_symbol(y_ptr, "y");
  @export_symbol(run);
}
"""
LAYOUT = """
param n: u16;
param c: color;
const memcpy = @import_module("<memcpy/get_params>", .{ .width = 2, .height = 1 });

layout {
  @set_rectangle(2, 1);
  for (@range(u16, 2)) |x| {
    @set_tile_code(x, 0, "pe.csl", .{ .memcpy_params = memcpy.get_params(x), .n = n });
  }
  @set_color_config(0, 0, c, .{ .routes = .{ .rx = .{ RAMP }, .tx = .{ EAST } } });
  @export_name("y", [*]f32, true);
  @export_name("run", fn() void);
}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pe.csl").write_text(PROGRAM)
    (tmp_path / "layout.csl").write_text(LAYOUT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CSL_IMPORT_PATH", raising=False)
    return tmp_path


OPTIONS = ["--arch=wse3", "--memcpy", "--channels=1", "--params=n:4", "--colors=c:5"]


def test_compiles_to_a_folder_that_loads(project):
    assert cslc.main(["layout.csl", *OPTIONS, "--fabric-dims=9,3", "--fabric-offsets=4,1", "-o", "built"]) == 0
    found = image.load("built")
    assert (found.arch, found.width, found.height) == ("wse3", 2, 1)
    assert (found.fabric_width, found.fabric_height, found.offset_x, found.offset_y) == (9, 3, 4, 1)
    assert len(found.programs) == 1, "equal (file, parameters) share one program"
    assert found.exports == [("y", "[*]f32", True), ("run", "fn() void", False)]
    assert json.loads((project / "built/out.json").read_text()) == {"params": {"n": "4"}, "colors": {"c": 5}}
    assert found.programs[0].command_task == 28


def test_same_source_same_bytes(project):
    for name in "ab":
        assert cslc.main(["layout.csl", *OPTIONS, "-o", name]) == 0
    for path in (project / "a").iterdir():
        assert path.read_bytes() == (project / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("tokens", "layout.csl"),
        ("ast", "LayoutBlock"),
        ("comptime", "memcpy.command_task_id: local_task_id = local_task_id(28)"),
        ("program", 'function 0 "run"() void'),
        ("mesh", "row    0  0/0 0/1"),
    ],
)
def test_dumps_print_and_write_nothing(project, capsys, stage, text):
    assert cslc.main(["layout.csl", *OPTIONS, f"--dump={stage}"]) == 0
    shown = capsys.readouterr().out
    assert text in shown or stage == "tokens"
    assert len(shown.splitlines()) > 2
    assert not (project / "out").exists()


def test_mistakes_go_to_standard_error_with_place_and_reason(project, capsys):
    (project / "pe.csl").write_text(PROGRAM.replace("y[0] = 1.0", "y[9] = 1.0").replace("run);", "rnu);"))
    assert cslc.main(["layout.csl", *OPTIONS]) == 1
    shown = capsys.readouterr()
    assert "pe.csl:15:18: error: 'rnu' is not declared" in shown.err
    assert "layout.csl:9:5: note: 'pe.csl' is placed here" in shown.err
    assert shown.out == ""
    assert not (project / "out").exists()


REFUSED = [
    (["--fabric-dims=8,3", "--fabric-offsets=4,1"], "needs at least --fabric-dims=9,3"),
    (["--params=m:1"], "'layout.csl' has no param 'm'"),
]


@pytest.mark.parametrize(("extra", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_options_that_do_not_fit_the_program(project, capsys, extra, message):
    assert cslc.main(["layout.csl", *OPTIONS, *extra]) == 1
    assert message in capsys.readouterr().err


def test_missing_parameter_and_missing_file(project, capsys):
    assert cslc.main(["layout.csl", "--memcpy", "--channels=1", "--colors=c:5"]) == 1
    assert "param 'n' has no value" in capsys.readouterr().err
    assert cslc.main(["nowhere.csl"]) == 1
    assert "there is no file 'nowhere.csl'" in capsys.readouterr().err


def test_warnings_can_be_made_errors(project, capsys):
    (project / "layout.csl").write_text(LAYOUT.replace('@export_name("y"', '@export_name("yy"'))
    assert cslc.main(["layout.csl", *OPTIONS]) == 0
    assert "warning: 'y' is not declared by @export_name in the layout" in capsys.readouterr().err
    assert cslc.main(["layout.csl", *OPTIONS, "--warnings-as-errors"]) == 1


def test_imports_are_found_in_the_import_path(project, capsys, monkeypatch):
    (project / "shared").mkdir()
    (project / "shared/consts.csl").write_text("const k = 3;\n")
    (project / "layout.csl").write_text(f'const m = @import_module("consts.csl");\n{LAYOUT}')
    assert cslc.main(["layout.csl", *OPTIONS]) == 1
    assert "there is no file 'consts.csl' in the folder of this file" in capsys.readouterr().err
    assert cslc.main(["layout.csl", *OPTIONS, "--import-path=shared"]) == 0
    monkeypatch.setenv("CSL_IMPORT_PATH", str(project / "shared"))
    assert cslc.main(["layout.csl", *OPTIONS]) == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_sources_with_a_byte_order_mark_and_windows_line_ends(project, encoding):
    for name, text in (("layout.csl", LAYOUT), ("pe.csl", PROGRAM)):
        (project / name).write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert cslc.main(["layout.csl", *OPTIONS]) == 0


def test_paths_with_spaces_and_letters_of_any_script(project):
    folder = project / "dir \u00e4 \u6f22"
    folder.mkdir()
    for name in ("layout.csl", "pe.csl"):
        (project / name).rename(folder / name)
    assert cslc.main([str(folder / "layout.csl"), *OPTIONS, "-o", str(folder / "o u t")]) == 0
    assert image.load(folder / "o u t").width == 2


@pytest.mark.parametrize("option", ["-o=pe.csl/x", "--output-json=pe.csl/x.json"])
def test_places_that_cannot_be_written(project, capsys, option):
    assert cslc.main(["layout.csl", *OPTIONS, option]) == 1
    assert f"cslc: error: cannot write '{option.partition('=')[2]}'" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals")
def interrupted(process):
    """What it has written. While Python starts, as it may for seconds on a busy machine, a signal can get lost."""
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=15)
    process.kill()
    return process.communicate()


def test_interrupt_ends_with_one_line_and_code_130(project):
    loop = "comptime { var i: u32 = 0; while (i < 4000000000) : (i += 1) {} }\n"
    (project / "layout.csl").write_text(LAYOUT + loop)
    command = [sys.executable, "-m", "wafersim.cli.cslc", "layout.csl", *OPTIONS, "--verbose"]
    command += ["--max-inlined-iterations=4000000000"]
    path = os.pathsep.join([str(Path(wafersim.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path})
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    assert interrupted(process) == (None, "cslc: interrupted\n")
    assert process.returncode == 130
    assert not (project / "out").exists()
