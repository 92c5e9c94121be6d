"""The command `cs_python`: kinds of programs, import names, exit codes, what errors look like."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wafersim

PACKAGE = Path(wafersim.__file__).parents[1]
NAMES = """
from cerebras.geometry.geometry import IntRectangle, IntVector
from cerebras.sdk import sdk_utils
from cerebras.sdk.debug.debug_util import debug_util
from cerebras.sdk.sdk_utils import calculate_cycles, input_array_to_u32, memcpy_view
import cerebras.sdk.runtime.sdkruntimepybind as m
from cerebras.sdk.runtime.sdkruntimepybind import (
    CodeRegion, Color, Edge, EdgeRouteInfo, FP16TYPE, MemcpyDataType, MemcpyOrder, PortHandle, Route, RoutingPosition,
    SdkCompileArtifacts, SdkExecutionPlatform, SdkLayout, SdkRuntime, SdkTarget, SimfabConfig, Task,
    get_edge_routing, get_platform, get_simulator, get_system,
)
assert (m.WSE3, m.MEMCPY_16BIT, m.COL_MAJOR, m.RIGHT, m.SOUTH, m.CB16) == (
    SdkTarget.WSE3, MemcpyDataType.MEMCPY_16BIT, MemcpyOrder.COL_MAJOR, Edge.RIGHT, Route.SOUTH, FP16TYPE.CB16)
assert [int(v) for v in (SdkTarget.WSE2, MemcpyDataType.MEMCPY_32BIT, Edge.LEFT, Route.NORTH)] == [0, 0, 2, 3]
print("names are there")
"""


def cs_python(*arguments, cwd, code=0, stdin="", **environment):
    """(standard output, standard error) of a run with the expected exit code."""
    path = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "wafersim.cli.cs_python", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path} | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def script(folder, text, name="run.py"):
    (folder / name).write_text(text, encoding="utf-8")
    return name


def test_import_names_of_the_sdk(tmp_path):
    assert cs_python(script(tmp_path, NAMES), cwd=tmp_path) == ("names are there\n", "")


def test_names_are_on_the_path_of_host_programs_only():
    import importlib.util

    found = importlib.util.find_spec("cerebras")
    assert found is None or "cerebras_compat" not in str(found.origin)


def test_script_arguments_and_neighbours(tmp_path):
    (tmp_path / "sub").mkdir()
    script(tmp_path / "sub", "value = 42\n", "helper.py")
    run = script(tmp_path / "sub", "import sys, helper\nprint(__name__, sys.argv, helper.value, __file__)\n")
    out, _ = cs_python(f"sub/{run}", "--name", "out", "-x", cwd=tmp_path)
    assert out == "__main__ ['sub/run.py', '--name', 'out', '-x'] 42 sub/run.py\n"


def test_code_and_module(tmp_path):
    assert cs_python("-c", "import sys; print(sys.argv, __name__)", "a", cwd=tmp_path)[0] == "['-c', 'a'] __main__\n"
    script(tmp_path, "import sys\nprint(sys.argv[1:], __name__)\n", "tool.py")
    assert cs_python("-m", "tool", "-m", "b", cwd=tmp_path)[0] == "['-m', 'b'] __main__\n"
    assert "needs an argument" in cs_python("-c", cwd=tmp_path, code=2)[1]


def test_program_from_standard_input(tmp_path):
    program = "import cerebras.sdk.sdk_utils; print('here')"
    assert cs_python(cwd=tmp_path, stdin=program)[0] == "here\n"
    assert cs_python("-", cwd=tmp_path, stdin=program)[0] == "here\n"


def test_options_of_python(tmp_path):
    code = "import sys; print(sys.flags.optimize, sys.flags.dev_mode, sys.argv)"
    assert cs_python("-O", "-X", "dev", "-c", code, "a", cwd=tmp_path)[0] == "1 True ['-c', 'a']\n"


def test_children_see_the_names_too(tmp_path):
    code = "import subprocess, sys; subprocess.check_call([sys.executable, '-c', 'import cerebras.sdk.sdk_utils'])"
    cs_python("-c", code, cwd=tmp_path)


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('no')", 1)])
def test_exit_codes(tmp_path, ending, code):
    cs_python("-c", f"import sys; {ending}", cwd=tmp_path, code=code)


def test_help_and_version(tmp_path):
    assert cs_python("--help", cwd=tmp_path)[0].startswith("usage: cs_python")
    assert wafersim.__version__ in cs_python("--version", cwd=tmp_path)[0]


def test_absent_script(tmp_path):
    assert cs_python("absent.py", cwd=tmp_path, code=2)[1] == "cs_python: error: there is no file 'absent.py'\n"


def test_traceback_shows_the_program_only(tmp_path):
    run = script(tmp_path, "def check(x):\n    assert x == 1, 'wrong'\n\ncheck(2)\n")
    error = cs_python(run, cwd=tmp_path, code=1)[1]
    lines = [line for line in error.splitlines() if line.startswith("  File")]
    assert len(lines) == 2 and all("run.py" in line for line in lines)
    assert error.splitlines()[-1] == "AssertionError: wrong"


def test_errors_of_the_toolchain_have_no_traceback(tmp_path):
    imports = "from cerebras.sdk.runtime.sdkruntimepybind import SdkRuntime"
    run = script(tmp_path, f"{imports}\n\nprint('start')\nSdkRuntime('nowhere')\n")
    out, error = cs_python(run, cwd=tmp_path, code=1)
    assert out == "start\n"
    assert error == "run.py:4: NotAnImageError: 'nowhere' is no folder; compile first: cslc <layout> -o nowhere\n"


def test_limit_of_cycles(tmp_path):
    code = "import os; print(os.environ['WAFERSIM_MAX_CYCLES'])"
    assert cs_python("--max-cycles", "123", "-c", code, cwd=tmp_path)[0] == "123\n"
    assert cs_python("--max-cycles=124", "-c", code, cwd=tmp_path)[0] == "124\n"
    error = cs_python("--max-cycles", "many", "-c", code, cwd=tmp_path, code=2)[1]
    assert error == "cs_python: error: --max-cycles needs a number of cycles, got 'many'\n"


def test_strict_runs(tmp_path):
    code = "import os, sys; print(os.environ.get('WAFERSIM_STRICT'), sys.argv)"
    assert cs_python("--strict", "--max-cycles=5", "-c", code, "--strict", cwd=tmp_path)[0] == "1 ['-c', '--strict']\n"
    assert cs_python("-c", code, cwd=tmp_path)[0] == "None ['-c']\n"
