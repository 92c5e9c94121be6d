"""Runs a compiled case on both engines: an image goes in, lines with variables, log and faults come out."""

from __future__ import annotations

import struct
from typing import Any

from csl.case_files import Case
from engine.build import make_mesh

from wafersim import machine
from wafersim.csl import ast
from wafersim.ir import codec
from wafersim.ir.ops import Ty
from wafersim.ir.program import Image, Symbol

MAX_CYCLES = 200_000


def run_image(case: Case, image: Image, declared: list[str]) -> list[str]:
    """`declared` are the variables of the program; those that the case expects, or else all, are printed."""
    mesh = make_mesh(codec.image_to_plain(image), machine.load(image.arch).settings)
    problem = _launch_all(case, image, mesh)
    expected = [line.split(" = ")[0].split("@")[0] for line in case.expected if " = " in line]
    names = list(dict.fromkeys(expected)) or declared
    lines = [line for name in names for line in _variable_lines(image, mesh, name)]
    lines += [f"log: {text}" for _, _, _, text in mesh.log()]
    return lines + ([f"fault: {problem}"] if problem else [])


def variables(file: ast.File) -> list[str]:
    """Names of the variables at file level."""
    return [item.name for item in file.items if isinstance(item, ast.VarDecl) and item.kind == "var"]


def calls(case: Case, file: ast.File) -> list[str]:
    """Functions to launch: those the case names, or else `main`."""
    if "call" in case.options:
        return case.options["call"].split(",")
    return [item.name for item in file.items if isinstance(item, ast.FnDecl) and item.name == "main"]


def _launch_all(case: Case, image: Image, mesh: Any) -> str:
    """Launches the functions in order and lets the mesh come to rest; the problem that ended it, if any."""
    named = [export.name for export in image.programs[0].exports if export.is_function]
    order = case.options["call"].split(",") if "call" in case.options else [name for name in named if name == "main"]
    for name in order:
        functions = [_target(program, name) for program in image.programs]
        ticket = mesh.launch(0, 0, image.width, image.height, functions, [])
        state = mesh.run(MAX_CYCLES, [ticket])
        if state not in ("done", "idle"):
            return _problem(mesh, state)
    state = mesh.run(MAX_CYCLES, [])
    return "" if state in ("done", "idle") else _problem(mesh, state)


def _target(program, name: str) -> int:
    return next((export.target for export in program.exports if export.name == name), -1)


def _problem(mesh: Any, state: str) -> str:
    fault = mesh.fault()
    if fault is None:
        return state
    return f"{fault['line']}:{fault['col']}: {fault['message']}"


def _variable_lines(image: Image, mesh: Any, name: str) -> list[str]:
    lines = []
    for y in range(image.height):
        for x in range(image.width):
            program = image.programs[image.tiles[y * image.width + x][0]]
            symbol = next((symbol for symbol in program.symbols if symbol.name == name), None)
            if symbol is None or symbol.element is Ty.DSD:
                continue
            place = f"@{x},{y}" if len(image.tiles) > 1 else ""
            lines.append(f"{name}{place} = {_value(symbol, mesh.read(x, y, symbol.address, symbol.words).tolist())}")
    return lines


def _value(symbol: Symbol, words: list[int]) -> str:
    size = symbol.element.words
    items = [_element(symbol.element, words[at : at + size]) for at in range(0, len(words), size)]
    return f"[{', '.join(items)}]" if symbol.shape else items[0]


def _element(ty: Ty, words: list[int]) -> str:
    bits = sum(word << 16 * position for position, word in enumerate(words))
    if ty is Ty.BOOL:
        return "true" if bits else "false"
    if ty is Ty.F16:
        return _shortest("<e", struct.unpack("<e", struct.pack("<H", bits))[0])
    if ty is Ty.F32:
        return _shortest("<f", struct.unpack("<f", struct.pack("<I", bits))[0])
    if ty in (Ty.I8, Ty.I16, Ty.I32, Ty.I64):
        width = 16 * ty.words
        return str(bits - (1 << width) if bits >> (width - 1) else bits)
    return str(bits)


def _shortest(code: str, value: float) -> str:
    """The shortest decimal that reads back as the same number of the format."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack(code, float(text)) == struct.pack(code, value):
            return repr(float(text))
    return repr(value)
