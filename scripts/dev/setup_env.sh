#!/usr/bin/env bash
# Make a virtual environment with everything that building, testing and running needs.
# Usage: scripts/dev/setup_env.sh FOLDER. Checks the prerequisites first and says how to get what is missing.
set -euo pipefail
venv=${1:?usage: scripts/dev/setup_env.sh FOLDER}
python=${BASE_PYTHON:-python3}

missing() {
  echo "error: $1" >&2
  echo "  Debian/Ubuntu: $2" >&2
  echo "  Fedora: $3" >&2
  echo "  macOS: $4" >&2
  exit 1
}

version_ok='import sys; sys.exit(sys.version_info < (3, 11))'
if ! "$python" -c "$version_ok" 2>/dev/null; then
  for candidate in python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c "$version_ok" 2>/dev/null; then
      python=$candidate
      break
    fi
  done
fi
"$python" -c "$version_ok" 2>/dev/null || missing \
  "Python 3.11 or newer is needed, found: $("$python" --version 2>&1 || echo none). Set BASE_PYTHON=/path/to/python for another one" \
  "sudo apt install python3 python3-venv python3-dev" "sudo dnf install python3 python3-devel" "brew install python"
"$python" -c 'import venv, ensurepip' 2>/dev/null || missing \
  "Python's venv module is missing" "sudo apt install python3-venv" "sudo dnf install python3" "brew install python"
"$python" -c 'import os, sysconfig as s, sys; sys.exit(not os.path.exists(os.path.join(s.get_paths()["include"], "Python.h")))' ||
  missing "Python's header files are missing (Python.h)" \
    "sudo apt install python3-dev" "sudo dnf install python3-devel" "brew install python"

compiler=${CXX:-}
for candidate in c++ g++ clang++; do
  [ -n "$compiler" ] || ! command -v "$candidate" >/dev/null || compiler=$candidate
done
how=("sudo apt install g++" "sudo dnf install gcc-c++" "xcode-select --install")
[ -n "$compiler" ] || missing "no C++ compiler found (c++, g++, clang++)" "${how[@]}"
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
printf '#include <bit>\n#include <span>\nint main() { return std::popcount(0u); }\n' >"$probe/probe.cpp"
"$compiler" -std=c++20 "$probe/probe.cpp" -o "$probe/probe" 2>"$probe/log" || {
  head -n 3 "$probe/log" >&2
  missing "the C++ compiler '$compiler' does not do C++20 (GCC 11, Clang 14 or newer do)" "${how[@]}"
}

echo "== setting up $venv with $("$python" --version) (once; a minute or two)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
# The editable install gives the commands cslc, cs_python and wafersim; the engine is built by `make dev`.
"$venv/bin/python" -m pip install --quiet -c envs/constraints.txt scikit-build-core nanobind cmake ninja
"$venv/bin/python" -m pip install --quiet -c envs/constraints.txt --no-build-isolation -e '.[dev,examples,llm,workflow]'
