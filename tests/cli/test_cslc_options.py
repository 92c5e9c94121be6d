"""Command lines become settings; each option and combination that makes no sense is refused by name."""

from pathlib import Path

import pytest

from wafersim import settings
from wafersim.cli import cslc
from wafersim.errors import UsageError


def resolve(line: str, variable: str = "") -> settings.CompileSettings:
    return settings.resolve(*cslc.parse(line.split()), variable)


def test_usual_command_line():
    found = resolve(
        "--arch=wse3 ./layout.csl --fabric-dims=8,3 --fabric-offsets=4,1 --params=M:4,N:6 --params ID:0x10 "
        "-o out_code --memcpy --channels 1 --width-west-buf=0 --width-east-buf 0 --verbose --colors=x:1"
    )
    assert found.source == Path("layout.csl")
    assert (found.arch, found.fabric_dims, found.fabric_offsets) == ("wse3", (8, 3), (4, 1))
    assert found.params == {"M": 4, "N": 6, "ID": 16}
    assert found.colors == {"x": 1}
    assert (found.output, found.memcpy, found.channels, found.verbose) == (Path("out_code"), True, 1, True)


def test_defaults():
    found = resolve("layout.csl")
    assert (found.arch, found.output, found.memcpy, found.channels) == ("wse2", Path("out"), False, 0)
    assert (found.fabric_dims, found.fabric_offsets, found.dump) == (None, (0, 0), None)
    assert resolve("layout.csl --memcpy --channels 2 --width-west-buf 3").fabric_offsets == (7, 1)


@pytest.mark.parametrize("line", ["-o=build layout.csl", "-o build layout.csl"])
def test_short_option_with_and_without_equals(line):
    assert resolve(line).output == Path("build")


def test_import_paths_of_option_and_variable(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
    found = resolve(f"x.csl --import-path={tmp_path}/a", f"{tmp_path}/b:{tmp_path}/c")
    assert found.import_paths == (tmp_path / "a", tmp_path / "b", tmp_path / "c")
    with pytest.raises(UsageError, match="import path '/nowhere' is no folder"):
        resolve("x.csl", "/nowhere")


REFUSED = [
    ("", "no layout file given"),
    ("a.csl b.csl", "two layout files: 'a.csl' and 'b.csl'"),
    ("a.csl --fabric-dim=1,2", "unknown option '--fabric-dim'; did you mean '--fabric-dims'?"),
    ("a.csl -o=", "-o: the name of the folder is empty"),
    ("a.csl --frobnicate", "unknown option '--frobnicate'"),
    ("a.csl --memcpy=yes", "--memcpy takes no value, got 'yes'"),
    ("a.csl --arch", "--arch needs a value: --arch wse2|wse3"),
    ("a.csl --arch --memcpy", "--arch needs a value"),
    ("a.csl --arch=wse1", "--arch: unknown value 'wse1', expected one of: wse2, wse3"),
    ("a.csl --arch=wse2 --arch=wse3", "--arch is given twice, as 'wse2' and as 'wse3'"),
    ("a.csl --fabric-dims=8", "--fabric-dims: expected two numbers 'X,Y', got '8'"),
    ("a.csl --fabric-dims=8,x", "--fabric-dims: 'x' is no unsigned integer"),
    ("a.csl --fabric-dims=0,3", "--fabric-dims: 0 is less than 1"),
    ("a.csl --params=N", "--params: expected 'name:value', got 'N'"),
    ("a.csl --params=9N:1", "--params: expected 'name:value', got '9N:1'"),
    ("a.csl --params=N:-1", "--params: the value of 'N' must be an unsigned integer, got '-1'"),
    ("a.csl --params=N:1.5", "--params: the value of 'N' must be an unsigned integer, got '1.5'"),
    ("a.csl --params=N:1 --params=N:2", "--params: 'N' is given twice, as 1 and as 2"),
    ("a.csl --colors=c:x", "--colors: the value of 'c' must be an unsigned integer, got 'x'"),
    ("a.csl --memcpy", "--memcpy needs --channels=N with N >= 1"),
    ("a.csl --memcpy --channels=0", "--memcpy needs --channels=N with N >= 1"),
    ("a.csl --channels=1", "--channels=1 has no meaning without --memcpy"),
    ("a.csl --memcpy --channels=17", "--channels: 17 is more than 16"),
    ("a.csl --memcpy --channels=1 --fabric-offsets=3,1", "leaves no place for memcpy: at least --fabric-offsets=4,1"),
    ("a.csl --dump=asm", "--dump: unknown value 'asm', expected one of: tokens, ast, comptime, program, mesh"),
    ("a.csl --fp16-format=fp8", "--fp16-format: unknown value 'fp8'"),
    ("a.csl --fp16-format=cb16", "--fp16-format=cb16 is not supported, only f16 is"),
    ("a.csl --max-inlined-iterations=0", "--max-inlined-iterations: 0 is less than 1"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[line for line, _ in REFUSED])
def test_refused(line, message):
    with pytest.raises(UsageError) as error:
        resolve(line)
    assert message in str(error.value)


def test_fabric_must_hold_the_rectangle():
    found = resolve("a.csl --memcpy --channels=1 --fabric-offsets=4,1 --fabric-dims=8,3")
    assert settings.fabric_for(found, 1, 1) == (8, 3)
    with pytest.raises(UsageError, match=r"--fabric-dims=8,3 is too small: .* 4 x 2 .* least --fabric-dims=11,4"):
        settings.fabric_for(found, 4, 2)
    assert settings.fabric_for(resolve("a.csl"), 4, 2) == (4, 2)


def test_help_lists_every_option(capsys):
    assert cslc.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(option.flag in text for option in cslc.OPTIONS)
    assert max(map(len, text.splitlines())) <= 140


def test_errors_go_to_standard_error_with_code_1(capsys):
    assert cslc.main(["a.csl", "--arhc=wse3"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "did you mean '--arch'?" in shown.err
