# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""SdkLayout programs compiled and run: parameters, symbols, connections, host streams."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from wafersim.errors import ImageError, WafersimError
from wafersim.runtime.artifacts import SdkCompileArtifacts
from wafersim.runtime.enums import FP16TYPE, Edge, Route, SdkTarget
from wafersim.runtime.errors import DeadlockError, SdkError, SdkTypeError
from wafersim.runtime.geometry import IntRectangle, IntVector
from wafersim.runtime.layout import Color, RoutingPosition, SdkLayout
from wafersim.runtime.platform import get_simulator
from wafersim.runtime.sdkruntime import SdkRuntime

FROM_RAMP = RoutingPosition().set_input([Route.RAMP])
TO_RAMP = RoutingPosition().set_output([Route.RAMP])
SIZE = 4
PROGRAMS = Path(__file__).parent / "programs"

pytest.importorskip("wafersim._engine")


@pytest.fixture(params=["wse2", "wse3"])
def layout(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return SdkLayout(get_simulator(target=SdkTarget[request.param.upper()]))


def started(layout):
    artifacts = layout.compile("out")
    runtime = SdkRuntime(artifacts, layout.platform, memcpy_required=False)
    runtime.load()
    runtime.run()
    return runtime


def adder(layout, name, at, step=1):
    """A region of one PE with its ports."""
    part = layout.create_code_region(str(PROGRAMS / "add.csl"), name, 1, 1)
    part.set_param_all("size", SIZE)
    part.set_param_all("step", step)
    rx, tx = part.color("rx"), part.color("tx")
    part.set_param_all(rx)
    part.set_param_all(tx)
    part.place(*at)
    source = part.create_input_port(rx, Edge.LEFT, [TO_RAMP], SIZE)
    return source, part.create_output_port(tx, Edge.RIGHT, [FROM_RAMP], SIZE)


def test_parameters_of_single_pes(layout):
    part = layout.create_code_region(str(PROGRAMS / "values.csl"), "part", 3, 2)
    part.set_param_all("number", 1)
    part.set_param_range(IntRectangle(IntVector(1, 0), IntVector(3, 1)), "number", 2)
    part.set_param(IntVector(2, 0), "number", 3)
    part.place(1, 2)
    runtime = started(layout)
    runtime.stop()
    kept = [[runtime.read_symbol(1 + x, 2 + y, "kept", "int16")[0] for x in range(3)] for y in range(2)]
    assert kept == [[1, 2, 3], [1, 1, 1]]


def test_symbols_are_cut_into_blocks(layout):
    part = layout.create_code_region(str(PROGRAMS / "values.csl"), "part", 2, 2)
    part.set_param_all("number", 0)
    matrix = np.arange(16, dtype=np.float32)
    part.set_symbol_all("matrix", matrix, 4, 4)
    part.set_symbol_all("narrow", np.arange(8, dtype=np.int16), 4, 2)
    runtime = started(layout)
    runtime.stop()
    assert runtime.read_symbol(1, 0, "matrix", "float32").tolist() == [2, 3, 6, 7]
    assert runtime.read_symbol(0, 1, "matrix", "float32").tolist() == [8, 9, 12, 13]
    assert runtime.read_symbol(1, 1, "narrow", "int16").tolist() == [6, 7]


@pytest.mark.parametrize("at", [(0, 0), (3, 3)])
def test_host_streams(layout, at):
    source, target = adder(layout, "part", at, step=5)
    into, out = layout.create_input_stream(source), layout.create_output_stream(target)
    runtime = started(layout)
    result = np.zeros(SIZE, np.uint32)
    runtime.send(into, np.arange(SIZE, dtype=np.uint32), nonblock=True)
    runtime.receive(out, result, SIZE, nonblock=False)
    assert result.tolist() == [5, 6, 7, 8]
    runtime.stop()
    assert runtime.read_symbol(*at, "seen", "uint16").tolist() == [1]


def test_ports_by_number_and_several_transfers(layout, capsys):
    source, target = adder(layout, "part", (1, 1))
    into, out = layout.create_input_stream(source), layout.create_output_stream(target)
    runtime = started(layout)
    numbers = runtime.get_port_id(into), runtime.get_port_id(out)
    assert sorted(numbers) == [0, 1]
    assert runtime.get_port_id("nothing") is None
    result = np.zeros((3, SIZE), np.int32)
    for row in range(3):
        runtime.send(numbers[0], np.full(SIZE, row, np.int32), SIZE, nonblock=True)
        runtime.receive(numbers[1], result[row], SIZE, nonblock=True)
    runtime.stop()
    assert result.tolist() == [[row + 1] * SIZE for row in range(3)]
    runtime.report_port_infos()
    assert f"{into} (input), color" in capsys.readouterr().out


def test_receive_to_a_file(layout, tmp_path):
    source, target = adder(layout, "part", (1, 1))
    into, out = layout.create_input_stream(source), layout.create_output_stream(target)
    runtime = started(layout)
    runtime.send(into, np.arange(SIZE, dtype=np.uint32))
    runtime.receive_tofile(out, "data.bin")
    assert np.fromfile(tmp_path / "data.bin", "<u4").tolist() == [1, 2, 3, 4]
    runtime.stop()


def added_to_zeros(runtime, into, out):
    """What comes out of the program for zeros; the run ends with it."""
    result = np.zeros(SIZE, np.uint32)
    runtime.send(into, np.zeros(SIZE, np.uint32), nonblock=True)
    runtime.receive(out, result, SIZE)
    runtime.stop()
    return result.tolist()


def test_chain_of_regions(layout):
    parts = [adder(layout, f"part{number}", place) for number, place in enumerate([(1, 1), (4, 3), (2, 6)])]
    for (_, target), (source, _) in itertools.pairwise(parts):
        layout.connect(target, source)
    into, out = layout.create_input_stream(parts[0][0]), layout.create_output_stream(parts[2][1])
    assert added_to_zeros(started(layout), into, out) == [3] * SIZE


def test_streams_at_given_places(layout):
    source, target = adder(layout, "part", (2, 2))
    into = layout.create_input_stream(source, io_loc=IntVector(0, 1))
    out = layout.create_output_stream(target, io_loc=IntVector(4, 2), io_buffer_size=16)
    assert added_to_zeros(started(layout), into, out) == [1] * SIZE


def test_streams_at_routes_of_the_program(layout):
    part = layout.create_code_region(str(PROGRAMS / "add.csl"), "part", 1, 1)
    part.set_param_all("size", SIZE)
    part.set_param_all("step", 1)
    rx, tx = Color("rx"), Color("tx")
    part.set_param_all(rx)
    part.set_param_all(tx)
    part.paint_all(rx, [RoutingPosition().set_input([Route.WEST]).set_output([Route.RAMP])])
    part.paint_all(tx, [RoutingPosition().set_input([Route.RAMP]).set_output([Route.NORTH])])
    into = layout.create_input_stream_from_loc(IntVector(0, 0), rx)
    out = layout.create_output_stream_from_loc(IntVector(0, 0), tx, "my_")
    assert added_to_zeros(started(layout), into, out) == [1] * SIZE


def test_receive_without_data_is_a_deadlock(layout):
    source, target = adder(layout, "part", (1, 1))
    layout.create_input_stream(source)
    out = layout.create_output_stream(target)
    runtime = started(layout)
    with pytest.raises(DeadlockError, match="the host waits for receive from port 'part_tx'"):
        runtime.receive(out, np.zeros(SIZE, np.uint32), SIZE)
    runtime.stop()


def test_refused_transfers(layout):
    source, target = adder(layout, "part", (1, 1))
    into, out = layout.create_input_stream(source), layout.create_output_stream(target)
    runtime = started(layout)
    words = np.zeros(SIZE, np.uint32)
    with pytest.raises(SdkError, match=r"no port named 'typo' \(ports: part_rx, part_tx\)"):
        runtime.send("typo", words)
    with pytest.raises(SdkError, match="port 'part_tx' is no input port"):
        runtime.send(out, words)
    with pytest.raises(SdkError, match="port 'part_rx' is no output port"):
        runtime.receive(into, words, SIZE)
    with pytest.raises(SdkError, match="n_wavelets is 5, but src has 4 32-bit words"):
        runtime.send(into, words, 5)
    with pytest.raises(SdkError, match="n_wavelets is 5, but dest has room for 4 32-bit words"):
        runtime.receive(out, words, 5)
    with pytest.raises(SdkTypeError, match="send needs n_wavelets for an array of dtype int16"):
        runtime.send(into, np.zeros(SIZE, np.int16))
    runtime.stop()


def test_folder_of_a_layout_can_be_loaded_again(layout, tmp_path):
    source, target = adder(layout, "part", (1, 1))
    into, out = layout.create_input_stream(source), layout.create_output_stream(target)
    layout.compile("out", save_port_map=True)
    assert json.loads((tmp_path / "out" / "colors.json").read_text()) == {"part.rx": 0, "part.tx": 1}
    with SdkRuntime(SdkCompileArtifacts("out"), layout.platform, memcpy_required=False) as runtime:
        result = np.zeros(SIZE, np.uint32)
        runtime.send(into, np.zeros(SIZE, np.uint32), nonblock=True)
        runtime.receive(out, result, SIZE)
    assert result.tolist() == [1] * SIZE


def test_damaged_port_map(tmp_path):
    (tmp_path / "ports.json").write_text('[{"name": "a"}]')
    with pytest.raises(SdkError, match="cannot read the port map"):
        SdkCompileArtifacts(str(tmp_path))


def test_errors_of_the_compiler_come_through(layout, tmp_path):
    from wafersim.errors import CompileError, UsageError

    (tmp_path / "wrong.csl").write_text("param a: i16;\nexport var b: i16 = a + c;\n")
    layout.create_code_region("wrong.csl", "wrong", 1, 1).set_param_all("a", 1)
    with pytest.raises(CompileError, match=r"wrong\.csl:2:\d+: error: .*'?c'?"):
        layout.compile("out")
    other = SdkLayout(SdkTarget.WSE3)
    other.create_code_region("absent.csl", "absent", 1, 1)
    with pytest.raises(UsageError, match=r"there is no file 'absent\.csl'"):
        other.compile("out")


def test_other_float_formats(layout):
    layout.create_code_region(str(PROGRAMS / "values.csl"), "part", 1, 1).set_param_all("number", 1)
    with pytest.raises(SdkError, match="f16_type BF16 is not supported"):
        layout.compile("out", f16_type=FP16TYPE.BF16)


@pytest.mark.parametrize("name", ["ports.json", "symbols.npz", "colors.json"])
@pytest.mark.parametrize("damage", ["remove", "flip", "truncate"])
def test_damaged_files_of_a_layout_are_refused_by_name(layout, name, damage):
    source, _ = adder(layout, "part", (1, 1))
    layout.create_input_stream(source)
    part = layout.create_code_region(str(PROGRAMS / "values.csl"), "values", 1, 1)
    part.place(4, 4)
    part.set_param_all("number", 0)
    part.set_symbol_all("matrix", np.arange(4, dtype=np.float32), 2, 2)
    file = Path(layout.compile(out_prefix="out").path) / name
    content = file.read_bytes()
    middle = len(content) // 2
    if damage == "remove":
        file.unlink()
    else:
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes(flipped if damage == "flip" else content[:middle])
    with pytest.raises(ImageError if name != "ports.json" else WafersimError, match=name.replace(".", r"\.")):
        SdkRuntime(SdkCompileArtifacts("out"), get_simulator(), memcpy_required=False)
