"""`wafersim bench`: every benchmark runs on both engines, and does what it says."""

import json
import shutil
import subprocess
import sys

import pytest

from wafersim import bench
from wafersim.cli import main
from wafersim.runtime import mesh as meshes

ROUNDS, WORDS, WIDTH = 3, 8, 4


def stats_of(name):
    """Counters of a whole run on 4 x 2 PEs; both engines, compared."""
    image = bench.compiled(name, WIDTH, 2, bench.Plan(WORDS, ROUNDS))
    mesh = meshes.make(image, engine="both")
    functions = [next(export.target for export in program.exports if export.is_function) for program in image.programs]
    mesh.launch(0, 0, WIDTH, 2, functions, [])
    assert mesh.run(100_000, []) == "idle"
    return mesh.stats()


def test_benchmarks_do_what_they_say():
    vector = ROUNDS * WORDS
    exchanged = (WIDTH - 1) * vector * 2  # a wavelet passes two routers
    assert stats_of("exchange")["wavelet_moves"] == 2 * exchanged
    assert stats_of("idle")["wavelet_moves"] == exchanged
    assert stats_of("broadcast")["wavelet_moves"] == 2 * WIDTH * vector
    assert stats_of("reduce")["wavelet_moves"] == 2 * (exchanged + WIDTH * vector)
    compute = stats_of("compute")
    assert compute["wavelet_moves"] == 0
    assert compute["vector_elements"] == 2 * WIDTH * vector


def test_the_command_writes_measurements(tmp_path, capsys):
    out = tmp_path / "bench.json"
    words = ["bench", "compute", "--size", "3x2", "--engine", "fast", "--cycles", "500", "--json", str(out)]
    assert main.main(words) == 0
    [measurement] = json.loads(out.read_text())["measurements"]
    assert measurement["cycles"] == 500 and measurement["engine"] == "fast" and measurement["pe_cycles_per_second"] > 0
    assert "3 x 2" in capsys.readouterr().out
    assert main.main(["bench", "--list"]) == 0
    assert "exchange" in capsys.readouterr().out


def test_kernels_run_to_their_end():
    plan = bench.Plan(tile=2)
    for name in ("meshgemm", "meshgemv"):
        assert name in plan.names
        [reference, fast] = bench.run([name], [(4, 4)], ["reference", "fast"], plan)
        assert reference.cycles == fast.cycles > 100 and fast.instructions_per_second > 0
        products = {"meshgemm": 16 * 4 * 2**3, "meshgemv": 16 * 2**2}[name]
        assert reference.elements_per_second * reference.run_seconds >= products  # to the end, all of them
        [cut] = bench.run([name], [(4, 4)], ["fast"], bench.Plan(tile=2, cycles=50))
        assert cut.cycles == 50


def test_a_pe_takes_two_kilobytes_beside_its_programs_data():
    image = bench.compiled("exchange", 32, 32, bench.Plan(words=64, rounds=1000))
    assert bench.measure(image, "exchange", "fast", 1000).state_bytes_per_pe <= 2048


def test_benchmarks_that_do_not_exist_are_refused(capsys, tmp_path):
    assert main.main(["bench", "warp"]) == 1
    assert "no benchmark 'warp'" in capsys.readouterr().err
    assert bench.Plan(kernels=tmp_path).names == list(bench.KINDS)
    assert main.main(["bench", "meshgemm", "--kernels", str(tmp_path)]) == 1
    assert "needs the kernels of a checkout" in capsys.readouterr().err


def instructions(tmp_path, name, cycles):
    """Host instructions of a whole process that simulates `cycles`, as callgrind counts them."""
    code = (
        "from wafersim import bench\n"
        f"image = bench.compiled({name!r}, 16, 16, bench.Plan())\n"
        f"bench.measure(image, {name!r}, 'fast', {cycles})\n"
    )
    out = tmp_path / f"{name}-{cycles}"
    line = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-c", code]
    subprocess.run(line, check=True, capture_output=True, timeout=1500)
    totals = [line for line in out.read_text().splitlines() if line.startswith(("totals:", "summary:"))]
    return int(totals[0].split()[1])


# Host instructions a simulated PE-cycle: 910, 88 and 49 when the engine became what it is, and a quarter more.
MOST = {"exchange": 1140, "compute": 110, "idle": 61}


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
@pytest.mark.parametrize("name", MOST)
def test_the_fast_engine_needs_no_more_instructions_than_it_did(name, tmp_path):
    fewer, more = 100, 1100
    taken = instructions(tmp_path, name, more) - instructions(tmp_path, name, fewer)
    assert taken / ((more - fewer) * 256) < MOST[name]
