"""Compile a PE program for one PE and run it: CSL text and arrays go in, arrays come out.

The program exports arrays and functions; `OnePe` writes the layout around it. 16-bit elements are given and
returned as arrays of uint16, 32-bit ones as uint32 (bit patterns in both cases).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from wafersim.cli import cslc

LAYOUT = """
const memcpy = @import_module("<memcpy/get_params>", .{{ .width = 1, .height = 1 }});
layout {{
  @set_rectangle(1, 1);
  @set_tile_code(0, 0, "pe.csl", .{{ .memcpy_params = memcpy.get_params(0) }});
{exports}
}}
"""

HEAD = """
param memcpy_params;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
"""


class OnePe:
    """A program on one PE under the host's control; use as a context manager."""

    def __init__(self, folder: Path, arch: str, program: str, arrays: dict[str, str], functions: list[str]) -> None:
        """`arrays`: exported name -> CSL element type; `functions`: exported names, without parameters."""
        self.types = arrays
        self._compile(folder, arch, program, functions)
        from wafersim.runtime.sdkruntime import SdkRuntime

        with contextlib.chdir(folder):  # logs and statistics go where the runtime was made
            self.runtime = SdkRuntime(folder / "out")

    def _compile(self, folder: Path, arch: str, program: str, functions: list[str]) -> None:
        exports = [f'  @export_name("{name}", [*]{ty}, true);' for name, ty in self.types.items()]
        exports += [f'  @export_name("{name}", fn()void);' for name in functions]
        symbols = [f"  @export_symbol({name}_ptr, \"{name}\");" for name in self.types]
        symbols += [f"  @export_symbol({name});" for name in functions]
        pointers = [f"var {name}_ptr: [*]{ty} = &{name};" for name, ty in self.types.items()]
        body = "\n".join([HEAD, program, *pointers, "comptime {", *symbols, "}", ""])
        (folder / "pe.csl").write_text(body, encoding="utf-8")
        (folder / "layout.csl").write_text(LAYOUT.format(exports="\n".join(exports)), encoding="utf-8")
        options = [f"--arch={arch}", "--fabric-dims=8,3", "--fabric-offsets=4,1", "--memcpy", "--channels=1"]
        code = cslc.main([str(folder / "layout.csl"), *options, "-o", str(folder / "out")])
        assert code == 0, "the program does not compile"

    def __enter__(self) -> OnePe:
        self.runtime.load()
        self.runtime.run()
        return self

    def __exit__(self, *_: object) -> None:
        self.runtime.stop()

    def call(self, function: str) -> None:
        self.runtime.launch(function, nonblock=False)

    def write(self, name: str, patterns: np.ndarray) -> None:
        values = np.ascontiguousarray(patterns, dtype=np.uint32)
        self.runtime.memcpy_h2d(self._symbol(name), values, 0, 0, 1, 1, len(values), **self._options(name))

    def read(self, name: str, count: int) -> np.ndarray:
        values = np.zeros(count, dtype=np.uint32)
        self.runtime.memcpy_d2h(values, self._symbol(name), 0, 0, 1, 1, count, **self._options(name))
        return values & 0xFFFF if self._narrow(name) else values

    def _symbol(self, name: str) -> int:
        return self.runtime.get_id(name)

    def _narrow(self, name: str) -> bool:
        return self.types[name].endswith("16")

    def _options(self, name: str) -> dict:
        from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder

        width = MemcpyDataType.MEMCPY_16BIT if self._narrow(name) else MemcpyDataType.MEMCPY_32BIT
        return {"streaming": False, "order": MemcpyOrder.ROW_MAJOR, "data_type": width, "nonblock": False}
