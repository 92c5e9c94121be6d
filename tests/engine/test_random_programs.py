"""Random programs: the engine reports or goes on, never crashes, and gives the same result however it is called."""

import pytest
from engine.random_programs import mesh as random_mesh


def outcome(mesh, slice_cycles):
    """How the run ends within 2000 cycles, and everything that can be seen of it."""
    result = "budget"
    while result == "budget" and mesh.cycle < 2000:
        result = mesh.run(min(slice_cycles, 2000 - mesh.cycle), [])
    state = [
        (mesh.read(x, y, 0, 1024).tolist() if "program" in mesh.pe_state(x, y) else None, mesh.pe_state(x, y))
        for y in range(2)
        for x in range(2)
    ]
    return result, mesh.cycle, mesh.fault(), mesh.stats(), mesh.deadlock(), state


def check(seed):
    whole = outcome(random_mesh(seed), 2000)
    assert outcome(random_mesh(seed), 2000) == whole
    assert outcome(random_mesh(seed), 7) == whole
    return whole[0]


@pytest.mark.parametrize("block", range(2))
def test_random_programs_end_in_the_same_way_however_the_run_is_cut(block):
    results = {check(seed) for seed in range(block * 25, block * 25 + 25)}
    assert len(results) >= 2


@pytest.mark.parametrize("seed", [1721, 5003, 5770])
def test_seeds_that_have_told_the_engines_apart(seed):
    """A flush that ends with the call, or while the main thread is alone; a FIFO that faults while others are ready."""
    check(seed)


@pytest.mark.long
def test_many_random_programs():
    for seed in range(1000, 6000):
        check(seed)
