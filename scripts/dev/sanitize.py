"""Run the engine's tests on engines built with sanitizers: address and undefined behaviour, then data races.

In: the sources of the engine, tests. Out: exit code 0 if no sanitizer and no test has found anything. Each engine lies
in build/sanitize-<name> with links to the rest of the checkout around it; the one in src/wafersim stays as it is.
Options behind `--` go to pytest.

The sanitizers' libraries are loaded into Python, which is not built with them, before everything else. Leaks are not
looked for: Python itself does not free all that it has at its end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from build_engine import ROOT, BuildError, compile_engine, configure

SANITIZERS = {"address": "address,undefined", "thread": "thread"}
PRELOADED = {"address": ("libasan.so", "libubsan.so", "libstdc++.so"), "thread": ("libtsan.so", "libstdc++.so")}
"""libstdc++ among them: the sanitizers want to know `throw` from the start."""
SETTINGS = {
    "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
TESTS = ("tests/engine",)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *SANITIZERS], help="address, thread; both without a name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--tests", nargs="+", default=TESTS, help="files or folders of tests (%(default)s)")
    options, more = parser.parse_known_args()
    failed = []
    for name in options.names or SANITIZERS:
        try:
            build(name, options.jobs)
        except BuildError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"== tests of the engine with -fsanitize={SANITIZERS[name]}", flush=True)
        if run_tests(name, [*options.tests, *(word for word in more if word != "--")]):
            failed.append(name)
    print(f"== sanitizers: {'found something: ' + ', '.join(failed) if failed else 'clean'}")
    return bool(failed)


def folder(name: str) -> Path:
    return ROOT / "build" / f"sanitize-{name}"


def build(name: str, jobs: int) -> None:
    """The engine, and links around it that make it a checkout with this engine."""
    package = folder(name) / "src" / "wafersim"
    package.mkdir(parents=True, exist_ok=True)
    options = [f"-DWAFERSIM_SANITIZE={SANITIZERS[name].replace(',', ';')}", f"-DWAFERSIM_MODULE_DIR={package}"]
    configure(folder(name) / "build", "RelWithDebInfo", options)
    compile_engine(folder(name) / "build", jobs)
    for source in (ROOT / "src/wafersim").iterdir():
        if not source.name.startswith(("_engine.cpython", "__pycache__")):
            link(source, package)
    for other in ("engine", "config", "kernels_csl"):
        link(ROOT / other, folder(name))


def link(source: Path, place: Path) -> None:
    if not (place / source.name).exists():
        (place / source.name).symlink_to(source)


def run_tests(name: str, words: list[str]) -> int:
    site = folder(name) / "src"
    libraries = [library(file) for file in PRELOADED[name]]
    environment = os.environ | SETTINGS | {
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT / "src")]),
        "PYTHONMALLOC": "malloc",
    }  # fmt: skip
    paths = f"pythonpath={site} {ROOT / 'tests'}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", paths, *words]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def library(name: str) -> str:
    """Where the compiler has a library."""
    compiler = os.environ.get("CXX", "g++")
    found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
    if not Path(found).is_absolute():
        raise SystemExit(f"error: {compiler} has no {name}; install its sanitizer libraries")
    return str(Path(found).resolve())


if __name__ == "__main__":
    sys.exit(main())
