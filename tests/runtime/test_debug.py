"""Reading symbols during and after a run; core files; what `stop` writes."""

import json
import re

import numpy as np
import pytest

from wafersim.runtime import core, device
from wafersim.runtime.debug_util import debug_util
from wafersim.runtime.enums import SdkTarget
from wafersim.runtime.errors import SdkError
from wafersim.runtime.platform import SimfabConfig, get_simulator


def test_read_symbol(runtime):
    assert runtime.read_symbol(0, 0, "halves", dtype="int16").tolist() == [-1, -2, -3, -4, -5]
    assert runtime.read_symbol(0, 0, "fixed", dtype=np.uint32).tolist() == [7, 8]
    assert runtime.read_symbol(0, 0, "fixed").dtype == np.uint8
    assert runtime.read_symbol(0, 0, "fixed").view(np.uint32).tolist() == [7, 8]


def test_read_symbol_refuses(runtime, fresh):
    with pytest.raises(SdkError, match=r"there is no symbol 'typo' in program .*words"):
        runtime.read_symbol(0, 0, "typo")
    with pytest.raises(SdkError, match=r"PE \(3, 0\) is outside of the rectangle of 3 x 2 PEs"):
        runtime.read_symbol(3, 0, "words")
    with pytest.raises(SdkError, match=r"load\(\) has not been called"):
        fresh().read_symbol(0, 0, "words")


def test_coordinates(runtime):
    assert runtime.coord_logical_to_physical((2, 1)) == (6, 2)


def test_debug_util_counts_from_the_corner_of_the_fabric(runtime, out):
    runtime.launch("add_place")
    runtime.stop()
    tool = debug_util(out, cmaddr=None)
    assert tool.get_symbol(6, 2, "words", np.uint32).tolist() == [13, 14, 15, 16]
    rectangle = tool.get_symbol_rect(((4, 1), (3, 2)), "words", np.dtype(np.uint32))
    assert rectangle.shape == (3, 2, 4)
    assert rectangle[2, 1].tolist() == [13, 14, 15, 16]
    with pytest.raises(SdkError, match=r"PE \(-4, -1\) is outside"):
        tool.get_symbol(0, 0, "words", np.uint32)
    with pytest.raises(SdkError, match=r"PE \(4, 1\) has no trace buffer 'times' \(buffers: none\)"):
        tool.read_trace(4, 1, "times")


def test_debug_util_before_a_run(out):
    with pytest.raises(SdkError, match=r"memory\.core' does not exist: run the program and call stop"):
        debug_util(out)
    with pytest.raises(SdkError, match=r"with the simulator only, got cmaddr '1\.2\.3\.4'"):
        debug_util(out, cmaddr="1.2.3.4")


def test_dump_core(runtime, out, tmp_path):
    runtime.launch("add_place")
    runtime.dump_core("corefile.cs1")
    tool = debug_util(out, corefile=tmp_path / "corefile.cs1")
    assert tool.get_symbol(5, 1, "words", np.uint32).tolist() == [2, 3, 4, 5]


def test_dump_core_before_load(fresh):
    with pytest.raises(SdkError, match=r"Cannot call dump_core\(\) if load\(\) has not been called"):
        fresh().dump_core("corefile.cs1")
    with pytest.raises(SdkError, match=r"Cannot call dump_elf_core\(\) if load\(\) has not been called"):
        fresh().dump_elf_core("corefile")


def test_core_after_the_run_where_the_platform_asks_for_it(fresh, tmp_path):
    with fresh("out", get_simulator(SimfabConfig(dump_core=True), SdkTarget.WSE3)):
        pass
    assert core.read(tmp_path / "out.core").memory.shape == (2, 3, 24576)


@pytest.mark.parametrize("damage", ["other", "short", "head"])
def test_damaged_core_files(runtime, tmp_path, damage):
    path = tmp_path / "corefile"
    runtime.dump_core(path)
    content = path.read_bytes()
    path.write_bytes({"other": b"ELF" + content, "short": content[:-50], "head": content[:20] + content[30:]}[damage])
    with pytest.raises(SdkError, match=r"corefile' is (no core file|damaged)"):
        core.read(path)


def test_statistics_and_log(runtime, tmp_path):
    runtime.launch("nothing")
    cycles = runtime.stats()["cycles"]
    runtime.stop()
    written = json.loads((tmp_path / "sim_stats.json").read_text())
    assert written["arch"] == "wse3"
    assert written["cycles"] >= cycles > 0
    assert written["tasks"] > 0
    assert (tmp_path / "sim.log").read_text() == ""


def test_outputs_can_be_switched_off(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv("WAFERSIM_LOG", "")
    monkeypatch.setenv("WAFERSIM_STATS", "")
    with fresh("out"):
        pass
    assert not (tmp_path / "sim.log").exists()
    assert not (tmp_path / "sim_stats.json").exists()


def test_progress_line_when_asked_for(fresh, monkeypatch, capfd):
    monkeypatch.setenv("WAFERSIM_PROGRESS", "1")
    with fresh("out") as runtime:
        runtime.launch("nothing")
    assert "PEs active" in capfd.readouterr().err


def test_progress_in_logs_is_a_line_a_minute(fresh, monkeypatch, capfd):
    monkeypatch.setenv("WAFERSIM_PROGRESS", "log")
    monkeypatch.setattr(device, "PROGRESS_SECONDS", {"log": 0.0})
    with fresh("out") as runtime:
        runtime.launch("nothing")
    lines = capfd.readouterr().err.splitlines()
    assert lines and all(re.fullmatch(r"cycle [\d,]+  \d+ PEs active", line) for line in lines)


def test_no_progress_line_without_a_terminal(runtime, capfd):
    runtime.launch("nothing")
    runtime.stop()
    assert capfd.readouterr().err == ""
