"""`SdkRuntime`: the host's handle on a program, with the methods and checks of SDK 2.10.

Life cycle: construct → `load` → `run` → transfers and launches → `stop`. Every transfer gives a `Task`;
without `nonblock=True` the call returns when it is complete. The device advances only while the host
waits, so that a run depends on nothing but the order of calls.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from wafersim import image as images
from wafersim.ir.program import Dir, Image
from wafersim.runtime import core, mesh, packing, settings
from wafersim.runtime.arguments import (
    destination,
    path_of,
    refuse_more,
    resolve_options,
    result_of,
    text_of,
    wavelets,
)
from wafersim.runtime.artifacts import SYMBOLS, HostPort, SdkCompileArtifacts, read_symbols, write_text
from wafersim.runtime.device import Device, Transfer
from wafersim.runtime.errors import SdkError, SdkTypeError
from wafersim.runtime.exports import (
    ExportTable,
    addresses_by_program,
    find_symbol,
    functions_by_program,
    program_at,
)
from wafersim.runtime.memcpy import MemcpyOptions, Region, check_region, integer
from wafersim.runtime.platform import SdkExecutionPlatform, SimfabConfig
from wafersim.runtime.signature import check_words, pack_arguments


class Task:
    """Handle of a transfer or launch; see `SdkRuntime.task_wait`."""

    __slots__ = ("_runtime", "_transfer")

    def __init__(self, runtime: SdkRuntime, transfer: Transfer) -> None:
        self._runtime = runtime
        self._transfer = transfer


class SdkRuntime:
    """Loads and runs one compiled program on the simulator."""

    def __init__(
        self,
        bindir: str | Path | SdkCompileArtifacts,
        platform: SdkExecutionPlatform | None = None,
        **options: Any,
    ) -> None:
        self._options = resolve_options(options)
        self._settings = settings.from_environment()
        self._artifacts = bindir if isinstance(bindir, SdkCompileArtifacts) else SdkCompileArtifacts(path_of(bindir))
        self._platform = platform or SdkExecutionPlatform()
        self._image: Image = images.load(self._artifacts.path)
        if platform is not None and platform.target.arch != self._image.arch:
            raise SdkError(
                f"'{self._artifacts.path}' is compiled for {self._image.arch}, the platform is {platform.target.arch}; "
                "please use the correct compilation flag --arch=wse2|wse3"
            )
        self._folder = Path(self._artifacts.path).resolve()  # host programs may change the working directory
        self._exports = ExportTable(self._image)
        self._ports = list(self._artifacts.ports.values())
        self._state = "new"
        self._device: Device | None = None

    # -------------------------------------------------------------------------------------- life cycle

    def load(self) -> None:
        """Put the program onto the simulated wafer."""
        if self._state != "new":
            raise SdkError(f"Cannot call load() multiple times (the runtime is {self._state})")
        if self._options["run_phase_only"]:
            raise SdkError("Run phase (sdk_run_phase_only=true) cannot call load()")
        wafer = mesh.make(
            self._image,
            self._settings.machine,
            self._settings.strict,
            self._settings.engine,
            self._settings.threads,
        )
        self._device = Device(wafer, self._image, self._settings)
        self._write_initial_symbols()
        self._state = "loaded"

    def run(self) -> None:
        """Let the PEs go and accept commands."""
        if self._options["setup_phase_only"]:
            raise SdkError("Setup phase (sdk_setup_phase_only=true) cannot call run()")
        if self._state != "loaded":
            raise SdkError(
                "Cannot call run() multiple times, or call run() if load() has not been called "
                f"(the runtime is {self._state})"
            )
        self._state = "running"

    def stop(self) -> None:
        """Wait for all pending commands, let the device come to rest and write logs and statistics."""
        if self._state != "running":
            raise SdkError(
                "Cannot call stop() multiple times, or call stop() if run() has not been called "
                f"(the runtime is {self._state})"
            )
        device = self._running_device()
        self._state = "stopped"
        try:
            if not device.failed:
                device.wait_all()
                device.settle()
        finally:
            device.close()
            self._write_results()

    def __enter__(self) -> SdkRuntime:
        if self._state == "new":
            self.load()
        if self._state == "loaded":
            self.run()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._state != "running":
            return
        if kind is None:
            self.stop()
        else:
            self._state = "stopped"
            self._running_device().close()

    # ----------------------------------------------------------------------------------------- copies

    def memcpy_h2d(
        self, dest: int, src: np.ndarray, px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """Host array to a symbol of each PE of the region, or to a streaming color."""
        region = self._region("h2d", px, py, w, h, elem_per_pe)
        return self._to_device("memcpy_h2d", dest, src, region, (h, w), options)

    def memcpy_h2d_rowbcast(
        self, dest: int, src: np.ndarray, px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """A column of data, `[h][elem_per_pe]`, to every column of the region."""
        region = self._region("h2d", px, py, w, h, elem_per_pe)
        return self._to_device("memcpy_h2d_rowbcast", dest, src, region, (h, 1), options)

    def memcpy_h2d_colbcast(
        self, dest: int, src: np.ndarray, px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """A row of data, `[w][elem_per_pe]`, to every row of the region."""
        region = self._region("h2d", px, py, w, h, elem_per_pe)
        return self._to_device("memcpy_h2d_colbcast", dest, src, region, (1, w), options)

    def memcpy_h2d_stride(
        self,
        dest: int,
        src: np.ndarray,
        px: int,
        py: int,
        w: int,
        h: int,
        elem_per_pe: int,
        row_stride: int,
        col_stride: int,
        **options: Any,
    ) -> Task:
        """Data for every `row_stride`-th column and `col_stride`-th row of the region only."""
        self._region("h2d", px, py, w, h, elem_per_pe)
        if row_stride < 1 or col_stride < 1:
            raise SdkError(f"row_stride or col_stride must be positive, got {row_stride} and {col_stride}")
        columns, rows = 1 + (w - 1) // row_stride, 1 + (h - 1) // col_stride
        chosen = MemcpyOptions.parse("memcpy_h2d_stride", options)
        flat = packing.container_words(src, "src")
        packing.check_size(flat, rows * columns * elem_per_pe, "src", "columns * rows * elem_per_pe")
        grid = packing.to_grid(flat, rows, columns, elem_per_pe, chosen.order)
        task: Task | None = None
        for row in range(rows):
            for column in range(columns):
                tile = Region(px + column * row_stride, py + row * col_stride, 1, 1, elem_per_pe)
                data = grid[row : row + 1, column : column + 1].copy()  # only the last of them is waited for
                task = self._submit(self._h2d_transfer("memcpy_h2d_stride", dest, tile, data, chosen), True)
        assert task is not None
        return self._end(task, chosen.nonblock)

    def memcpy_d2h(
        self, dest: np.ndarray, src: int, px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """A symbol of each PE of the region, or a streaming color, to the host array."""
        region = self._region("d2h", px, py, w, h, elem_per_pe)
        chosen = MemcpyOptions.parse("memcpy_d2h", options)
        target = destination(dest)
        packing.check_size(target, w * h * elem_per_pe, "dest", "w * h * elem_per_pe")
        device = self._running()
        if chosen.streaming:
            color = self._color(src, "src")
            name = f"memcpy_d2h of color {color}"

            def start() -> int:
                return device.mesh.stream_out(px, py, w, h, color, elem_per_pe)

            def finish(grid: np.ndarray | None) -> None:
                target[:] = packing.from_grid(result_of(grid), chosen.order)

            return self._submit(Transfer(name, start, finish, immediate=True), chosen.nonblock)
        entry = self._exports.variable(integer(src, "src"))
        words = elem_per_pe * packing.words_per_element(chosen.data_type)

        def start_copy() -> int:
            addresses, indirect = addresses_by_program(self._image, entry.name)
            return device.mesh.copy_out(px, py, w, h, addresses, words, indirect)

        def finish_copy(memory: np.ndarray | None) -> None:
            target[:] = packing.from_grid(packing.from_memory(result_of(memory), chosen.data_type), chosen.order)

        self._check_room(region, entry.name, words)
        transfer = Transfer(f"memcpy_d2h of symbol '{entry.name}'", start_copy, finish_copy, waits=True)
        return self._submit(transfer, chosen.nonblock)

    # --------------------------------------------------------------------------------------- launches

    def launch(self, symbol: str, *arguments: Any, nonblock: bool = False, **unknown: Any) -> Task:
        """Run an exported function on all PEs; arguments are checked against its declared types."""
        refuse_more("launch", unknown)
        entry = self._exports.function(text_of(symbol, "symbol"))
        return self._launch(entry.name, pack_arguments(entry.name, entry.type, arguments), nonblock)

    def call(self, symbol: str, arguments: Any = (), nonblock: bool = False, **options: Any) -> Task:
        """As `launch`, with arguments that are 32-bit words already."""
        refuse_more("call", {name: value for name, value in options.items() if name not in MemcpyOptions.NAMES})
        entry = self._exports.function(text_of(symbol, "symbol"))
        return self._launch(entry.name, check_words(entry.name, entry.type, arguments), nonblock)

    def _launch(self, name: str, words: list[int], nonblock: bool) -> Task:
        device = self._running()
        functions = functions_by_program(self._image, name)

        def start() -> int:
            return device.mesh.launch(0, 0, self._image.width, self._image.height, functions, words)

        return self._submit(Transfer(f"launch of '{name}'", start, waits=True), nonblock)

    # ------------------------------------------------------------------------------------------ ports

    def send(
        self, port: str | int, src: np.ndarray, n_wavelets: int | None = None, nonblock: bool = False, **unknown: Any
    ) -> Task:
        """Stream 32-bit words of `src` into an input port."""
        refuse_more("send", unknown)
        chosen = self._port(port, to_device=True)
        if n_wavelets is None and src.dtype.name not in ("int32", "uint32", "float32"):
            raise SdkTypeError(f"send needs n_wavelets for an array of dtype {src.dtype}")
        data = wavelets(src)
        count = data.size if n_wavelets is None else integer(n_wavelets, "n_wavelets")
        if not 0 < count <= data.size:
            raise SdkError(f"n_wavelets is {count}, but src has {data.size} 32-bit words")
        device = self._running()
        words = data[:count].copy()

        def start() -> int:
            if chosen.side == Dir.HOST:
                return device.mesh.stream_in(chosen.x, chosen.y, 1, 1, chosen.color, words)
            return device.mesh.edge_send(chosen.x, chosen.y, int(chosen.side), chosen.color, words)

        return self._submit(Transfer(f"send to port '{chosen.name}'", start, immediate=True), nonblock)

    def receive(
        self, port: str | int, dest: np.ndarray, n_wavelets: int, nonblock: bool = False, **unknown: Any
    ) -> Task:
        """Take `n_wavelets` 32-bit words from an output port into `dest`."""
        refuse_more("receive", unknown)
        chosen = self._port(port, to_device=False)
        target = destination(dest, any_width=True)
        count = integer(n_wavelets, "n_wavelets")
        if not 0 < count <= target.size:
            raise SdkError(f"n_wavelets is {count}, but dest has room for {target.size} 32-bit words")

        def finish(data: np.ndarray | None) -> None:
            target[:count] = result_of(data).reshape(-1)

        return self._submit(self._receive(chosen, count, finish), nonblock)

    def receive_tofile(
        self, port: str | int, outfile: str, n_wavelets: int | None = None, nonblock: bool = False, **unknown: Any
    ) -> Task:
        """Write words of an output port to a file, raw: by default as many as the port was declared for."""
        refuse_more("receive_tofile", unknown)
        chosen = self._port(port, to_device=False)
        count = integer(chosen.size if n_wavelets is None else n_wavelets, "n_wavelets")

        def finish(data: np.ndarray | None) -> None:
            Path(outfile).write_bytes(result_of(data).astype("<u4").tobytes())

        return self._submit(self._receive(chosen, count, finish), nonblock)

    def _receive(self, port: HostPort, count: int, finish: Any) -> Transfer:
        device = self._running()

        def start() -> int:
            if port.side == Dir.HOST:
                return device.mesh.stream_out(port.x, port.y, 1, 1, port.color, count)
            return device.mesh.edge_receive(port.x, port.y, int(port.side), port.color, count)

        return Transfer(f"receive from port '{port.name}'", start, finish, immediate=True)

    # ------------------------------------------------------------------------------------ names, tasks

    def get_id(self, symbol: str) -> int | None:
        """Id of an exported name; None where there is none."""
        return self._exports.id_of(text_of(symbol, "symbol"))

    def get_port_id(self, port_name: str) -> int | None:
        for number, port in enumerate(self._ports):
            if port.name == port_name:
                return number
        return None

    def report_port_infos(self) -> None:
        """Print name, color and coordinates of every port."""
        for number, port in enumerate(self._ports):
            kind = "input" if port.to_device else "output"
            print(f"port {number}: {port.name} ({kind}), color {port.color}, at ({port.x}, {port.y}) {port.side.name}")

    def task_wait(self, task: Task) -> None:
        """Return when the task is complete."""
        transfer = self._own(task)
        if not transfer.done:
            self._running_device().wait(transfer)

    def is_task_done(self, task: Task) -> bool:
        """Whether the task is complete; lets the device run for a while if it is not."""
        transfer = self._own(task)
        return transfer.done or self._running_device().poll(transfer)

    # ------------------------------------------------------------------------------------------ debug

    def read_symbol(self, x: int, y: int, symbol_name: str, dtype: Any = "uint8") -> np.ndarray:
        """The present value of a variable of PE (x, y), in coordinates of the program rectangle."""
        device = self._running_device()
        symbol = find_symbol(program_at(self._image, x, y), symbol_name)
        return core.view_words(device.mesh.read(x, y, symbol.address, symbol.words), dtype)

    def dump_core(self, corefile: str | Path) -> None:
        """Write the memory of all PEs to a file, for `debug_util`."""
        if self._device is None:
            raise SdkError("Cannot call dump_core() if load() has not been called")
        core.write(core.snapshot(self._device.mesh, self._image), corefile)

    def dump_elf_core(self, corefile: str | Path) -> None:
        if self._device is None:
            raise SdkError("Cannot call dump_elf_core() if load() has not been called")
        self.dump_core(corefile)

    def coord_logical_to_physical(self, logical_coords: tuple[int, int]) -> tuple[int, int]:
        """Fabric coordinates of a PE of the program rectangle."""
        x, y = logical_coords
        return self._image.offset_x + x, self._image.offset_y + y

    def stats(self) -> dict[str, Any]:
        """Counters of the run so far: cycles, wavelets, instructions (not part of the SDK)."""
        device = self._running_device()
        return {"arch": self._image.arch, "cycles": device.mesh.cycle, **device.mesh.stats()}

    # ----------------------------------------------------------------------------------------- inside

    def _region(self, kind: str, px: int, py: int, w: int, h: int, elements: int) -> Region:
        self._running()
        return check_region(kind, self._image, px, py, w, h, elements)

    def _to_device(
        self, method: str, dest: int, src: np.ndarray, region: Region, rows_columns: tuple[int, int], options: dict
    ) -> Task:
        chosen = MemcpyOptions.parse(method, options)
        rows, columns = rows_columns
        flat = packing.container_words(src, "src")
        formula = f"{rows} * {columns} * elem_per_pe"
        packing.check_size(flat, rows * columns * region.elements, "src", formula)
        grid = packing.to_grid(flat, rows, columns, region.elements, chosen.order)
        data = packing.spread(grid, region.h, region.w)
        return self._submit(self._h2d_transfer(method, dest, region, data, chosen), chosen.nonblock)

    def _h2d_transfer(
        self, method: str, dest: int, region: Region, grid: np.ndarray, chosen: MemcpyOptions
    ) -> Transfer:
        device = self._running()
        x, y, w, h = region.x, region.y, region.w, region.h
        if chosen.streaming:
            color = self._color(dest, "dest")
            data = np.array(grid, dtype=np.uint32, order="C")
            name = f"{method} to color {color}"
            return Transfer(name, lambda: device.mesh.stream_in(x, y, w, h, color, data.reshape(-1)), blocks=True)
        entry = self._exports.variable(integer(dest, "dest"))
        if not entry.mutable:
            raise SdkError(f"symbol '{entry.name}' is exported as read-only: the host cannot write it")
        memory = packing.to_memory(grid, chosen.data_type)
        if chosen.nonblock and np.may_share_memory(memory, grid):
            memory = memory.copy()  # the host program may go on to change it
        self._check_room(region, entry.name, memory.shape[2])
        name = f"{method} to symbol '{entry.name}'"
        words = memory.shape[2]

        def start() -> int:
            addresses, indirect = addresses_by_program(self._image, entry.name)
            return device.mesh.copy_in(x, y, w, h, addresses, words, memory.reshape(-1), indirect)

        return Transfer(name, start, waits=True, copies=True)

    def _check_room(self, region: Region, name: str, words: int) -> None:
        """Refuse copies that run over the end of PE memory; the pointer itself decides on the device."""
        if words > core.MEMORY_WORDS:
            raise SdkError(
                f"elem_per_pe is {region.elements}: '{name}' would take {words} of {core.MEMORY_WORDS} words of memory"
            )

    def _color(self, value: Any, name: str) -> int:
        color = integer(value, name)
        if not 0 <= color < 24:
            raise SdkError(f"{name} is {color}, but with streaming=True it must be a color, 0 to 23")
        return color

    def _port(self, port: str | int, to_device: bool) -> HostPort:
        kind = "input" if to_device else "output"
        number = self.get_port_id(port) if isinstance(port, str) else port
        if number is None or not isinstance(number, int) or not 0 <= number < len(self._ports):
            known = ", ".join(other.name for other in self._ports) or "none"
            raise SdkError(f"no port named '{port}' (ports: {known})")
        found = self._ports[number]
        if found.to_device != to_device:
            raise SdkError(f"port '{found.name}' is no {kind} port")
        return found

    def _submit(self, transfer: Transfer, nonblock: bool) -> Task:
        self._running().submit(transfer)
        return self._end(Task(self, transfer), nonblock)

    def _end(self, task: Task, nonblock: bool) -> Task:
        if not nonblock:
            self.task_wait(task)
        return task

    def _own(self, task: Task) -> Transfer:
        if not isinstance(task, Task):
            raise SdkTypeError(f"expected a Task, got {task!r}")
        if task._runtime is not self:
            raise SdkError("invalid task: it belongs to another SdkRuntime")
        return task._transfer

    def _running(self) -> Device:
        if self._state != "running":
            raise SdkError(f"SdkRuntime must be running to accept memcpy commands (the runtime is {self._state})")
        device = self._running_device()
        if device.failed:
            raise SdkError("the device has stopped after an error and accepts no more commands")
        return device

    def _running_device(self) -> Device:
        if self._device is None:
            raise SdkError(f"load() has not been called (the runtime is {self._state})")
        return self._device

    def _write_initial_symbols(self) -> None:
        file = self._folder / SYMBOLS
        if not file.is_file():
            return
        device = self._running_device()
        for x, y, name, words in read_symbols(file):
            symbol = find_symbol(program_at(self._image, x, y), name)
            device.mesh.write(x, y, symbol.address, words)

    def _write_results(self) -> None:
        """Statistics, and the memory for `debug_util` where it is small or asked for."""
        device = self._running_device()
        if self._settings.stats_path:
            text = json.dumps(self.stats(), indent=2, sort_keys=True, default=str)
            write_text(self._settings.stats_path, text + "\n", "statistics")
        config: SimfabConfig = self._platform.config
        size = self._image.width * self._image.height * core.MEMORY_WORDS * 2
        if not config.dump_core and size > core.AUTOMATIC_LIMIT:
            return
        memory = core.snapshot(device.mesh, self._image)
        if size <= core.AUTOMATIC_LIMIT:
            core.write(memory, self._folder / core.AUTOMATIC_NAME)
        if config.dump_core:
            core.write(memory, config.core_path or core.DEFAULT_NAME)
