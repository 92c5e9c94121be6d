"""The program of `programs/`, compiled once per architecture, and runtimes that always get stopped."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
H2D, D2H = 2, 3
"""Streaming colors of the program."""


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of the compiled program for an architecture."""
    pytest.importorskip("wafersim._engine")
    from wafersim.cli import cslc

    folders: dict[str, Path] = {}

    def compile_for(arch: str) -> Path:
        if arch not in folders:
            folders[arch] = tmp_path_factory.mktemp(arch) / "out"
            options = ["--fabric-dims=10,4", "--fabric-offsets=4,1", "--memcpy", "--channels=1"]
            options.append(f"--params=MEMCPYH2D_DATA_1_ID:{H2D},MEMCPYD2H_DATA_1_ID:{D2H}")
            assert cslc.main([str(PROGRAMS / "layout.csl"), f"--arch={arch}", *options, "-o", str(folders[arch])]) == 0
        return folders[arch]

    return compile_for


@pytest.fixture
def out(compiled, tmp_path, monkeypatch) -> Path:
    """A private copy of the compiled folder (WSE-3); the working directory is temporary."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(compiled("wse3"), tmp_path / "out")


@pytest.fixture
def fresh(out) -> Iterator[Callable]:
    """Makes runtimes that are not loaded yet."""
    from wafersim.runtime.sdkruntime import SdkRuntime

    made = []

    def make(*arguments, **options):
        made.append(SdkRuntime(*(arguments or (out,)), **options))
        return made[-1]

    yield make
    for runtime in made:
        runtime.__exit__(RuntimeError, None, None)


@pytest.fixture
def runtime(fresh):
    """A running runtime."""
    made = fresh()
    made.load()
    made.run()
    return made
