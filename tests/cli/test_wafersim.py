"""The command `wafersim`: examples of a made-up checkout, description of a compiled folder."""

import json

import pytest

from wafersim.cli import examples, main

LAYOUT = """
const memcpy = @import_module("<memcpy/get_params>", .{ .width = 2, .height = 1 });
layout {
  @set_rectangle(2, 1);
  @set_tile_code(0, 0, "pe.csl", .{ .memcpy_params = memcpy.get_params(0) });
  @set_tile_code(1, 0, "pe.csl", .{ .memcpy_params = memcpy.get_params(1) });
  @set_color_config(0, 0, @get_color(4), .{ .routes = .{ .rx = .{ RAMP }, .tx = .{ EAST } } });
  @export_name("values", [*]f32, true);
  @export_name("go", fn()void);
}
"""
PE = """
param memcpy_params;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
var values = @zeros([100]f32);
var values_ptr: [*]f32 = &values;
fn go() void { sys_mod.unblock_cmd_stream(); }
comptime { @export_symbol(values_ptr, "values"); @export_symbol(go); }
"""


@pytest.mark.long
def test_the_public_tutorials(examples_path, tmp_path):
    """All command scripts of a checkout of sdk-examples that the user names."""
    selection = examples.Selection(examples_path.resolve(), only=("tutorials/",), jobs=2)
    scripts = examples.find(selection)
    outcomes = examples.run_all(scripts, selection, lambda outcome: None)
    assert len(outcomes) >= 64
    assert [(outcome.name, outcome.arch, outcome.error) for outcome in outcomes if not outcome.passed] == []


@pytest.fixture
def checkout(tmp_path):
    """A folder with scripts that pass, fail and never end."""
    root = tmp_path / "checkout"

    def add(name, file, text):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / file).write_text(f"#!/usr/bin/env bash\nset -e\n{text}\n", encoding="utf-8")

    add("tutorials/one", "commands_wse2.sh", "cat ../shared/text; echo mine > made; cs_python -c 'import cerebras.sdk'")
    add("tutorials/one", "commands_wse3.sh", "echo 'a.csl:1:2: error: strange'; echo '    note'; false")
    add("tutorials/two", "commands_wse3.sh", "%python_sdk_paint --arch=wse3")
    add("benchmarks/slow", "commands.sh", "sleep 60")
    (root / "tutorials/two/run.py").write_text("import sys\nassert sys.argv[1:] == ['--arch=wse3']\n")
    (root / "tutorials/shared").mkdir()
    (root / "tutorials/shared/text").write_text("shared")
    return root


def test_table_counts_and_exit_code(checkout, tmp_path, capsys):
    before = sorted(path for path in checkout.rglob("*"))
    options = ["--only", "tutorials", "-j", "2", "--json", str(tmp_path / "r.json"), "--logs", str(tmp_path)]
    assert main.main(["examples", str(checkout), *options]) == 1
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:3] for row in rows[:3]] == [
        ["tutorials/one", "wse2", "pass"],
        ["tutorials/one", "wse3", "fail"],
        ["tutorials/two", "wse3", "pass"],
    ]
    assert rows[1].endswith("a.csl:1:2: error: strange")
    assert rows[3].startswith("2 of 3 scripts pass, 1 of 2 examples, in ")
    told = json.loads((tmp_path / "r.json").read_text())
    assert (told["passed"], told["total"]) == (2, 3)
    assert told["scripts"][1]["error"] == "a.csl:1:2: error: strange"
    assert "note" in (tmp_path / "tutorials_one.commands_wse3.log").read_text()
    assert sorted(path for path in checkout.rglob("*")) == before
    assert "%python_sdk_paint" in (checkout / "tutorials/two/commands_wse3.sh").read_text()


def test_script_that_never_ends(checkout, capsys):
    assert main.main(["examples", str(checkout), "--only", "slow", "--timeout", "0.5"]) == 1
    row = capsys.readouterr().out.splitlines()[0]
    assert row.split()[:3] == ["benchmarks/slow", "-", "timeout"]
    assert row.endswith("still running after 0.5 s")


def test_json_on_standard_output(checkout, capsys):
    assert main.main(["examples", str(checkout), "--only", "two", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [script["name"] for script in told["scripts"]] == ["tutorials/two"]


@pytest.mark.parametrize(
    ("arch", "only", "found"),
    [
        ("", (), 4),
        ("wse2", (), 2),
        ("wse3", ("tutorials",), 2),
        ("", ("*/one",), 2),
        ("", ("benchmarks/slow", "two"), 2),
    ],
)
def test_selection(checkout, arch, only, found):
    assert len(examples.find(examples.Selection(checkout, arch, only))) == found


def test_nothing_to_run(checkout, tmp_path, capsys):
    assert main.main(["examples", str(tmp_path / "absent")]) == 1
    assert "absent' is no folder" in capsys.readouterr().err
    assert main.main(["examples", str(checkout), "--only", "three"]) == 1
    assert "no command scripts that match three" in capsys.readouterr().err
    assert main.main(["examples", str(checkout), "--jobs", "0"]) == 1
    assert "must be positive, got 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("fine\ncslc: error: a.csl:1:1: error: no\nmore", "cslc: error: a.csl:1:1: error: no"),
        ("Traceback\n  File 'a'\nValueError: bad\nafter", "ValueError: bad"),
        ("AssertionError:\nNot equal to tolerance\nafter", "AssertionError: Not equal to tolerance"),
        ("run.py:3: FaultError: fault: outside", "run.py:3: FaultError: fault: outside"),
        ("bash: cslx: command not found", "bash: cslx: command not found"),
        ("one\ntwo\n", "two"),
        ("", "no output"),
    ],
)
def test_first_error(output, error):
    assert examples.first_error(output) == error


def test_info(tmp_path, monkeypatch, capsys):
    from wafersim.cli import cslc

    monkeypatch.chdir(tmp_path)
    (tmp_path / "layout.csl").write_text(LAYOUT)
    (tmp_path / "pe.csl").write_text(PE)
    options = ["--arch=wse3", "--fabric-dims=9,3", "--fabric-offsets=4,1", "--memcpy", "--channels=1", "-o", "out"]
    assert cslc.main(["layout.csl", *options]) == 0
    assert main.main(["info", "out"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("out: wse3, 2 x 1 PEs at (4, 1)\n  fabric    9 x 3\n  memcpy    1 channel\n")
    assert "  export    values: [*]f32\n" in text
    assert "pe.csl, 2 PEs, first at (0, 0)" in text
    assert any(line.split() == ["400", "values", "[100]f32"] for line in text.splitlines())
    assert main.main(["info", "out", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["colors"] == {"4": 1}
    assert told["programs"][0]["tiles"] == 2
    assert told["programs"][0]["symbols"][0]["name"] == "values"
    assert main.main(["info", "absent"]) == 1
    assert "'absent' is no folder" in capsys.readouterr().err


def test_help_and_version(capsys):
    assert main.main([]) == 2
    assert "examples" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main.main(["--version"])
    assert capsys.readouterr().out.startswith("wafersim ")
