"""Order of calls, options of the constructor, tasks, and what is left after errors."""

import numpy as np
import pytest

from wafersim import image as images
from wafersim.errors import ImageError
from wafersim.runtime import report
from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder, SdkTarget
from wafersim.runtime.errors import CycleLimitError, DeadlockError, FaultError, SdkError, SdkTypeError
from wafersim.runtime.platform import SimfabConfig, get_platform, get_simulator, get_system

STREAM = {"order": MemcpyOrder.ROW_MAJOR, "data_type": MemcpyDataType.MEMCPY_32BIT}
COPY = {"streaming": False, "order": MemcpyOrder.ROW_MAJOR, "data_type": MemcpyDataType.MEMCPY_32BIT}


def copy_words(runtime, **more):
    return runtime.memcpy_d2h(np.zeros(24, np.uint32), runtime.get_id("words"), 0, 0, 3, 2, 4, **COPY, **more)


# ------------------------------------------------------------------------------------------- order of calls


def test_commands_need_a_running_device(fresh):
    runtime = fresh()
    for load in (False, True):
        with pytest.raises(SdkError, match="SdkRuntime must be running to accept memcpy commands"):
            runtime.launch("nothing")
        with pytest.raises(SdkError, match="SdkRuntime must be running"):
            copy_words(runtime)
        if not load:
            runtime.load()


def test_run_before_load(fresh):
    with pytest.raises(SdkError, match=r"Cannot call run\(\) multiple times, or call run\(\) if load\(\) has not been"):
        fresh().run()


def test_load_and_run_twice(runtime):
    with pytest.raises(SdkError, match=r"Cannot call load\(\) multiple times"):
        runtime.load()
    with pytest.raises(SdkError, match=r"Cannot call run\(\) multiple times.*is running"):
        runtime.run()


def test_stop_before_run_and_twice(fresh):
    runtime = fresh()
    with pytest.raises(SdkError, match=r"Cannot call stop\(\) multiple times, or call stop\(\) if run\(\)"):
        runtime.stop()
    runtime.load()
    runtime.run()
    runtime.stop()
    with pytest.raises(SdkError, match=r"Cannot call stop\(\) multiple times.*is stopped"):
        runtime.stop()


def test_nothing_is_accepted_after_stop(runtime):
    runtime.stop()
    with pytest.raises(SdkError, match=r"must be running.*is stopped"):
        runtime.launch("nothing")


def test_context_manager_loads_runs_and_stops(fresh):
    with fresh() as runtime:
        runtime.launch("nothing")
    with pytest.raises(SdkError, match="is stopped"):
        runtime.launch("nothing")


def test_context_manager_does_not_hide_errors(fresh):
    with pytest.raises(ZeroDivisionError), fresh() as runtime:
        runtime.launch("forget_unblock")
        runtime.launch("nothing", nonblock=True)
        raise ZeroDivisionError


def test_phases(fresh):
    with pytest.raises(SdkError, match=r"Setup phase \(sdk_setup_phase_only=true\) cannot call run\(\)"):
        fresh_setup = fresh_with(fresh, setup_phase_only=True)
        fresh_setup.load()
        fresh_setup.run()
    with pytest.raises(SdkError, match=r"Run phase \(sdk_run_phase_only=true\) cannot call load\(\)"):
        fresh_with(fresh, run_phase_only=True).load()
    with pytest.raises(SdkError, match="must be mutual exclusive"):
        fresh_with(fresh, run_phase_only=True, setup_phase_only=True)


def fresh_with(fresh, **options):
    return fresh("out", **options)


# ---------------------------------------------------------------------------------------------- constructor


def test_known_options_are_taken(fresh):
    fresh("out", cmaddr=None, suppress_simfab_trace=True, simfab_numthreads=64, msg_level="DEBUG", memcpy_required=True)
    fresh("out", get_platform("", SimfabConfig(), SdkTarget.WSE3), cmaddr="")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"simfab_threads": 4}, "unexpected keyword argument 'simfab_threads'"),
        ({"cmaddr": "10.0.0.1:9000"}, "cannot connect to cmaddr '10.0.0.1:9000'"),
        ({"msg_level": "LOUD"}, "msg_level must be one of .* got 'LOUD'"),
        ({"simfab_numthreads": 65}, "simfab_numthreads must be between 1 and 64, got 65"),
    ],
)
def test_refused_options(fresh, options, message):
    with pytest.raises((SdkError, SdkTypeError), match=message):
        fresh("out", **options)


def test_path_of_nothing(fresh):
    with pytest.raises(ImageError, match="'elsewhere' is no folder"):
        fresh("elsewhere")
    with pytest.raises(SdkTypeError, match="got 5"):
        fresh(5)


def test_platform_of_another_architecture(fresh):
    with pytest.raises(SdkError, match="compiled for wse3, the platform is wse2"):
        fresh("out", get_simulator(target=SdkTarget.WSE2))


def test_platforms():
    platform = get_platform(None, SimfabConfig(dump_core=True), SdkTarget.WSE2)
    assert platform.is_simulation() and not platform.is_system() and platform.target.arch == "wse2"
    with pytest.raises(SdkError, match=r"cannot connect to '1.2.3.4:5'"):
        get_system("1.2.3.4:5")
    with pytest.raises(SdkError, match="num_threads must be between 1 and 64, got 0"):
        SimfabConfig(num_threads=0)
    with pytest.raises(SdkError, match="invalid target architecture '7'"):
        get_simulator(target=7)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------- tasks


def test_nonblocking_copy_is_complete_after_task_wait(runtime):
    values = np.zeros(24, np.uint32)
    task = runtime.memcpy_d2h(values, runtime.get_id("words"), 0, 0, 3, 2, 4, **COPY, nonblock=True)
    assert not values.any()
    runtime.task_wait(task)
    assert values[:4].tolist() == [1, 2, 3, 4]
    assert runtime.is_task_done(task)
    runtime.task_wait(task)


def test_polling_lets_the_device_run(runtime):
    task = runtime.launch("add_place", nonblock=True)
    for _ in range(1000):
        if runtime.is_task_done(task):
            return
    pytest.fail("the launch never completes")


def test_stop_completes_what_is_pending(runtime):
    values = np.zeros(24, np.uint32)
    runtime.launch("add_place", nonblock=True)
    runtime.memcpy_d2h(values, runtime.get_id("words"), 0, 0, 3, 2, 4, **COPY, nonblock=True)
    runtime.stop()
    assert values[20:].tolist() == [13, 14, 15, 16]


def test_task_of_another_runtime(runtime, fresh):
    other = fresh()
    other.load()
    other.run()
    with pytest.raises(SdkError, match="invalid task"):
        other.task_wait(runtime.launch("nothing"))
    with pytest.raises(SdkTypeError, match="expected a Task, got 3"):
        runtime.task_wait(3)


# ---------------------------------------------------------------------------------- what goes wrong on the device


def test_forgotten_unblock_is_a_deadlock_with_a_report(runtime):
    runtime.launch("forget_unblock")
    with pytest.raises(DeadlockError) as caught:
        runtime.launch("nothing")
    text = str(caught.value)
    assert "the host waits for launch of 'nothing'" in text
    assert "unblock_cmd_stream()" in text
    assert "(0, 0), (1, 0), (2, 0), (0, 1) and 2 more" in text


def test_waiting_operation_is_named_with_color_queue_and_line(runtime):
    runtime.launch("wait_for_data")
    with pytest.raises(DeadlockError, match=r"@mov32 \(\S*pe.csl:\d+\) on microthread 4 .* color 9 in input queue 4"):
        runtime.launch("nothing")


def test_deadlock_of_a_stream_that_nobody_sends(runtime):
    values = np.zeros(3, np.uint32)
    with pytest.raises(DeadlockError, match="the host waits for memcpy_d2h of color 3"):
        runtime.memcpy_d2h(
            values, 3, 0, 0, 1, 1, 3, streaming=True, order=MemcpyOrder.ROW_MAJOR, data_type=MemcpyDataType.MEMCPY_32BIT
        )


def test_fault_names_pe_task_line_and_cycle(runtime):
    with pytest.raises(FaultError) as caught:
        runtime.launch("out_of_bounds")
    lines = str(caught.value).splitlines()
    assert lines[0] == "fault: index 30000 is out of range for 4 elements"
    assert lines[1].split()[:3] == ["PE", "(0,", "0)"]
    assert any(line.split()[:2] == ["task", "out_of_bounds"] for line in lines)
    assert any("pe.csl:" in line for line in lines if line.split()[0] == "source")
    assert any(line.split()[0] == "cycle" for line in lines)


def test_nothing_runs_on_after_an_error(runtime):
    with pytest.raises(FaultError):
        runtime.launch("out_of_bounds")
    with pytest.raises(SdkError, match="the device has stopped after an error"):
        runtime.launch("nothing")
    runtime.stop()


def test_symbols_can_be_read_after_a_fault(runtime):
    with pytest.raises(FaultError):
        runtime.launch("out_of_bounds")
    assert runtime.read_symbol(0, 0, "words", "uint32").tolist() == [1, 2, 3, 4]


def test_cycle_limit(out, fresh, monkeypatch):
    monkeypatch.setenv("WAFERSIM_MAX_CYCLES", "30000")
    runtime = fresh(out)
    runtime.load()
    runtime.run()
    with pytest.raises(CycleLimitError, match=r"its limit of 30000 cycles.*launch of 'forever'"):
        runtime.launch("forever")
    assert runtime.stats()["cycles"] == 30000


def test_cycle_limit_tells_what_pes_wait_for(out, fresh, monkeypatch):
    monkeypatch.setenv("WAFERSIM_MAX_CYCLES", "1000")
    runtime = fresh(out)
    runtime.load()
    runtime.run()
    runtime.memcpy_h2d(2, np.arange(6 * 50, dtype=np.uint32), 0, 0, 3, 2, 50, streaming=True, nonblock=True, **STREAM)
    with pytest.raises(CycleLimitError) as caught:
        runtime.launch("forever")
    assert "oldest wavelets:\n  PE (" in str(caught.value) and "wavelet of color 2" in str(caught.value)


def test_colors_with_names_are_named(out):
    image = images.load(out)
    text = report.fault({"message": "sends on color 7, not on color 12", "x": 0, "y": 0}, image)
    assert text.startswith("fault: sends on color 7, not on color 12\n")
    image.colors = {"left": 7, "also_left": 7}
    text = report.fault({"message": "sends on color 7, not on color 70", "x": 0, "y": 0}, image)
    assert text.startswith("fault: sends on color 7 [left, also_left], not on color 70\n")


def test_bad_limit_in_the_environment(fresh, monkeypatch):
    monkeypatch.setenv("WAFERSIM_MAX_CYCLES", "many")
    with pytest.raises(SdkError, match="WAFERSIM_MAX_CYCLES must be a number of cycles, got 'many'"):
        fresh()


def test_operation_that_runs_out_of_its_variable_gives_one_warning(runtime, capsys):
    for _ in range(2):
        runtime.launch("overrun", np.uint16(4))
    assert runtime.read_symbol(0, 0, "others", "uint32").tolist() == [9, 60, 70, 80], "as hardware does"
    lines = capsys.readouterr().err.splitlines()
    text = "warning: the destination runs out of 'buffer' after 3 elements, the operation has 4 elements"
    assert [line for line in lines if line.startswith("warning")] == [text]
    assert [line.split()[0] for line in lines[1:]] == ["PE", "task", "source", "cycle"]


def test_operation_that_runs_out_of_its_variable_is_a_fault_on_demand(fresh, monkeypatch):
    monkeypatch.setenv("WAFERSIM_STRICT", "1")
    runtime = fresh()
    runtime.load()
    runtime.run()
    with pytest.raises(FaultError, match="the destination runs out of 'buffer' after 3 elements"):
        runtime.launch("overrun", np.uint16(4))
    assert runtime.read_symbol(0, 0, "others", "uint32").tolist() == [50, 60, 70, 80]


@pytest.mark.parametrize(("variable", "what"), [("WAFERSIM_LOG", "log"), ("WAFERSIM_STATS", "statistics")])
def test_outputs_that_cannot_be_written(fresh, monkeypatch, variable, what):
    monkeypatch.setenv(variable, "absent/place")
    runtime = fresh()
    runtime.load()
    runtime.run()
    with pytest.raises(SdkError, match=f"cannot write the {what}.* 'absent/place': No such file"):
        runtime.launch("nothing")
        runtime.stop()


def test_launch_of_a_function_that_no_program_exports(runtime):
    with pytest.raises(SdkError, match=r"'nowhere' is named by @export_name .* but no PE program exports it"):
        runtime.launch("nowhere")
    runtime.launch("nothing")
