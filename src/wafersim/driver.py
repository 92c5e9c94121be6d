"""The pipeline of the compiler, as docs/architecture.md lists it: settings go in, an image or a dump comes out."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from wafersim import image as image_files
from wafersim import machine, settings
from wafersim.csl import dump, dump_comptime, layout, types
from wafersim.csl.builtins.asserts import PRINTS
from wafersim.csl.diagnostics import Abort, Diagnostics
from wafersim.csl.lexer import tokenize
from wafersim.csl.parser import parse_source
from wafersim.csl.placement import TileCode
from wafersim.csl.source import NO_SPAN, Source
from wafersim.errors import CompileError, UsageError
from wafersim.ir import text, verify
from wafersim.ir.program import Image, Program
from wafersim.settings import CompileSettings


def compile_image(options: CompileSettings, diagnostics: Diagnostics | None = None) -> Image:
    """Compile a layout; raises `CompileError` with the rendered diagnostics if it has mistakes."""
    diagnostics = Diagnostics() if diagnostics is None else diagnostics
    return compile_units(options, diagnostics)[0]


def compile_programs(jobs: list[tuple[Path, dict[str, int]]], options: CompileSettings) -> list[Program]:
    """PE programs that no layout file places: one for each (file, parameters), for `SdkLayout`."""
    diagnostics = Diagnostics()
    compilation = layout.new_compilation(machine.load(options.arch), diagnostics, tuple(map(str, options.import_paths)))
    programs = []
    for path, params in jobs:
        if not path.is_file():
            raise UsageError(f"there is no file '{path}'")
        values = tuple((name, types.COMPTIME_INT, value) for name, value in sorted(params.items()))
        try:
            programs.append(layout.compile_program(compilation, TileCode(path, str(path), values, NO_SPAN)).program)
        except Abort:
            continue
    _print_comptime(compilation)
    _refuse_errors(diagnostics, options)
    for program in programs:
        verify.verify(program)
    return programs


def compile_units(options: CompileSettings, diagnostics: Diagnostics) -> tuple[Image, layout.Compilation]:
    """The image and, for dumps, the compilation with all its units."""
    if not options.source.is_file():
        raise UsageError(f"there is no file '{options.source}'")
    tables = machine.load(options.arch)
    limits = {} if options.max_inlined_iterations is None else {"step_limit": _steps(options.max_inlined_iterations)}
    compilation = layout.new_compilation(tables, diagnostics, tuple(map(str, options.import_paths)), **limits)
    try:
        placed = layout.evaluate(compilation, options.source, options.params, options.colors)
        _refuse_errors(diagnostics, options)
        width, height = placed.layout.rectangle or (1, 1)
        settings.fabric_for(options, width, height)
        image = layout.compile_mesh(compilation, placed, share=options.dump != "comptime")
    except Abort:
        image = None
    _print_comptime(compilation)
    _refuse_errors(diagnostics, options)
    assert image is not None
    _place_on_fabric(image, options)
    verify.verify_image(image)
    return image, compilation


def _steps(iterations: int) -> int:
    """Compile-time steps that so many iterations may take; never fewer than without the option."""
    return max(500_000, 20 * iterations)


def _place_on_fabric(image: Image, options: CompileSettings) -> None:
    image.fabric_width, image.fabric_height = settings.fabric_for(options, image.width, image.height)
    image.offset_x, image.offset_y = options.fabric_offsets
    image.params = {name: str(value) for name, value in options.params.items()}
    image.colors = dict(options.colors)
    image.channels, image.memcpy = options.channels, options.memcpy


def _refuse_errors(diagnostics: Diagnostics, options: CompileSettings) -> None:
    if diagnostics.has_errors or (options.warnings_as_errors and diagnostics.items):
        raise CompileError(diagnostics.render())


def _print_comptime(compilation: layout.Compilation) -> None:
    """What `@comptime_print` said, with its place."""
    for unit in compilation.units:
        for span, line in unit.state.get(PRINTS, ()):
            print(f"{span}: {line}", file=sys.stderr)


# ---------------------------------------------------------------------------------------------- command


def run(options: CompileSettings) -> int:
    """What the command `cslc` does with its settings; the exit code."""
    diagnostics = Diagnostics()
    start = time.perf_counter()
    if options.dump in ("tokens", "ast"):
        print(_front_end_dump(options, diagnostics))
        _refuse_errors(diagnostics, options)
        return 0
    image, compilation = compile_units(options, diagnostics)
    if diagnostics.items:
        print(diagnostics.render(), file=sys.stderr)
    if options.dump is not None:
        print(_DUMPS[options.dump](image, compilation), end="")
        return 0
    image_files.save(image, options.output)
    if options.output_json is not None:
        image_files.save_names(image, options.output_json)
    if options.out_routes:
        print(text.print_mesh(image), end="")
    if options.verbose:
        print(_summary(image, time.perf_counter() - start, options.output), file=sys.stderr)
    return 0


def _front_end_dump(options: CompileSettings, diagnostics: Diagnostics) -> str:
    try:
        source = Source(str(options.source), options.source.read_text(encoding="utf-8-sig"), options.source)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read '{options.source}': {error}") from None
    if options.dump == "tokens":
        return dump.dump_tokens(tokenize(source, diagnostics))
    return dump.dump_ast(parse_source(source, diagnostics))


_DUMPS = {
    "comptime": lambda image, compilation: dump_comptime.dump_units(compilation.units),
    "program": lambda image, compilation: "\n".join(map(text.print_program, image.programs)),
    "mesh": lambda image, compilation: text.print_mesh(image),
}


def _summary(image: Image, seconds: float, output: Path) -> str:
    instructions = sum(len(function.code) for program in image.programs for function in program.functions)
    return (
        f"cslc: {image.width} x {image.height} PEs, {len(image.programs)} programs, {len(image.routings)} routings, "
        f"{instructions} instructions, {seconds:.2f} s, written to '{output}'"
    )
