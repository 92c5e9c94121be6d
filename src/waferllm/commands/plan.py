"""`waferllm plan`: a model and a mesh go in; what each dimension, tensor and buffer takes of a PE comes out, where the
layers lie on the wafer, and how many tokens the KV cache holds. Needs no weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from waferllm.commands.words import mesh_of
from waferllm.errors import WaferllmError
from waferllm.experiments import ARCHITECTURES
from waferllm.llm import memory, regions
from waferllm.llm.shape import Shape
from waferllm.model.checkpoint import config_of, names
from waferllm.model.tensors import parameters
from waferllm.perfmodel import decode
from wafersim import machine


def add(actions: Any) -> None:
    parser = actions.add_parser(
        "plan", help="memory and placement of a model", description="What a model takes of each PE, and where it lies."
    )
    parser.add_argument("--model", default="tiny", metavar="NAME", help=f"path or one of {', '.join(names())} (tiny)")
    parser.add_argument("--mesh", default="4x4", metavar="WxH", help="columns x rows of PEs of a region (4x4)")
    parser.add_argument("--arch", default="wse3", choices=ARCHITECTURES, help="architecture (wse3)")
    parser.add_argument("--capacity", type=int, metavar="N", help="positions of the KV cache (one for each row of PEs)")
    parser.add_argument("--prompt", type=int, default=0, metavar="N", help="tokens that prefill takes at once (0)")
    parser.add_argument("--figure", metavar="FILE", help="draw regions and bytes a PE too (.png, .pdf or .svg)")
    parser.add_argument("--search", action="store_true", help="instead: the meshes that decode fastest, by formula")
    parser.add_argument(
        "--sides", default="16:720:16", metavar="A:B:S", help="with --search: sides from A to B by S (16:720:16)"
    )
    parser.set_defaults(action=run)


def run(options: argparse.Namespace) -> int:
    width, height = mesh_of(options.mesh)
    capacity = height if options.capacity is None else options.capacity
    if capacity < 1:
        raise WaferllmError(f"--capacity: {capacity} is not allowed, expected at least 1")
    if not 0 <= options.prompt <= capacity:
        raise WaferllmError(f"--prompt: {options.prompt} is not allowed, expected 0 to the {capacity} of the cache")
    shape = Shape(config_of(options.model), width, height, capacity, options.prompt)
    if options.search:
        print("\n".join(fastest(shape, options.arch, sides_of(options.sides))))
        return 0
    print("\n".join(lines(shape, options.arch)))
    if options.figure:
        draw(shape, options.arch, Path(options.figure))
    return 0


def draw(shape: Shape, arch: str, path: Path) -> None:
    if path.suffix not in (".png", ".pdf", ".svg"):
        raise WaferllmError(f"--figure: '{path}' is not allowed, expected a name that ends in .png, .pdf or .svg")
    try:
        from waferllm.figures import plan
    except ImportError as error:
        raise WaferllmError(f"--figure needs the package {error.name}: pip install 'wafersim[workflow]'") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    plan.make(regions.place(shape, arch)).savefig(path)


def lines(shape: Shape, arch: str) -> Iterable[str]:
    """The whole report."""
    config = shape.config
    yield (
        f"{config.name}: {parameters(config):,} weights, {config.layers} layers, {config.attention} attention; "
        f"{shape.width} x {shape.height} PEs of the {arch}, {shape.capacity} positions"
    )
    yield ""
    yield from dimensions(shape)
    placement = regions.place(shape, arch)
    yield ""
    yield from tensors(shape, arch)
    yield ""
    yield from cache(shape, arch)
    if memory.total(memory.parts(shape, arch)) > memory.limit(arch):
        yield ""
        yield from where(placement)
        yield from table_5(shape, arch)


def dimensions(shape: Shape) -> Iterable[str]:
    """How each dimension is cut, and what is filled up with zeros."""
    config = shape.config
    rows = [
        ("hidden", config.hidden, "y", shape.height, shape.Et),
        ("K and V", config.kv_width, "x", shape.width, shape.n),
        ("Q", config.q_width, "x", shape.width, shape.Qt),
        ("FFN", config.ffn, "x", shape.width, shape.Ft),
        ("vocabulary", config.vocab, "x", shape.width, shape.Vt),
        ("positions", shape.capacity, "y", shape.height, shape.slots),
    ]
    yield f"{'dimension':12} {'length':>8}  over {'a PE':>6} {'filled up':>10}"
    for name, length, axis, places, each in rows:
        share = places * each / length - 1
        filled = f"{places * each - length:+,} ({share:.1%})" if share else ""
        yield f"{name:12} {length:8,}  {axis}    {each:6,} {filled:>10}"


def tensors(shape: Shape, arch: str) -> Iterable[str]:
    """Bytes a PE, and what is left."""
    found, limit = memory.parts(shape, arch), memory.limit(arch)
    name = max(len(part.name) for part in found)
    yield f"{'bytes a PE':{name}} {'':9} {'bytes':>9} {'of memory':>10}"
    for kind in memory.KINDS:
        for part in (part for part in found if part.kind == kind):
            yield f"{part.name:{name}} {kind:9} {part.bytes:9,} {part.bytes / limit:10.1%}"
    total = memory.total(found)
    verdict = f"fits, {limit - total:,} left" if total <= limit else f"does not fit, {total - limit:,} too much"
    yield f"{'all':{name}} {'':9} {total:9,} {total / limit:10.1%}  of {limit:,}: {verdict}"


def cache(shape: Shape, arch: str) -> Iterable[str]:
    """What the memory allows."""
    most = memory.capacity(shape, arch)
    yield f"KV cache: {most.slots} entries a PE at most, {most.slot_bytes} bytes each with what grows beside it"
    yield f"  shift          {most.shifted:8,} tokens, over all {shape.height} rows of PEs"
    yield f"  concatenation  {most.concatenated:8,} tokens, in the last row"


def where(placement: regions.Placement) -> Iterable[str]:
    """Layers over several regions."""
    shape, config = placement.shape, placement.shape.config
    room = f"{placement.columns} x {placement.rows} of {shape.width} x {shape.height} PEs"
    yield f"regions: the {placement.arch} has room for {room}"
    for number, region in enumerate(placement.regions):
        last = region.first_layer + region.layers - 1
        layers = f"layers {region.first_layer} to {last}" if region.layers else "no layer"
        tables = "".join(f", {name}" for name in region.tables)
        yield f"  {number} at ({region.x}, {region.y}): {layers}{tables}; {region.bytes:,} bytes a PE"
    if placement.complete:
        yield f"all {config.layers} layers are resident"
    elif placement.layers:
        yield (
            f"{placement.layers} of {config.layers} layers are resident and stand for all: "
            f"times are multiplied by {placement.scale:.3f}"
        )
    else:
        yield "not one layer fits; a larger mesh is needed"


def table_5(shape: Shape, arch: str) -> Iterable[str]:
    """Longest outputs if all PEs of the wafer shared the layers evenly."""
    one = dataclasses.replace(shape, capacity=shape.height)
    other = sum(part.bytes for part in memory.parts(one, arch) if part.kind in ("buffers", "program"))
    found = regions.longest(shape.config, shape.width, shape.height, arch, other)
    yield f"longest output as in Table 5, where all PEs of the {arch} share the layers, {other:,} bytes besides:"
    yield f"  shift          {int(found.shifted):8,} tokens"
    yield f"  concatenation  {int(found.concatenated):8,} tokens"


# ------------------------------------------------------------------------------------------------ the search

SHOWN = 10


def sides_of(text: str) -> range:
    sides = re.fullmatch(r"(\d+):(\d+):([1-9]\d*)", text)
    if sides is None or not 2 <= int(sides[1]) <= int(sides[2]):
        raise WaferllmError(f"--sides: '{text}' is not allowed, expected least:most:step as in 16:720:16, from 2 on")
    return range(int(sides[1]), int(sides[2]) + 1, int(sides[3]))


def fastest(shape: Shape, arch: str, sides: range) -> Iterable[str]:
    """Meshes within the wafer on which the whole model fits, with the formula's cycles in the middle of the cache."""
    columns, rows = regions.usable(arch)
    found = [
        choice
        for choice in decode.search(shape, arch, shape.capacity // 2, sides)
        if choice.shape.width <= columns and choice.shape.height <= rows
    ]
    clock = machine.load(arch).row("clock.frequency")
    fit = f"{len(found)} of {len(sides) ** 2} meshes fit"
    yield f"{shape.config.name} with {shape.capacity} positions on the {arch}: {fit}"
    if not found:
        return
    yield f"{'mesh':>9} {'groups':>7} {'cycles a token':>15} {'tokens a second':>16} {'bytes a PE':>11}"
    for choice in found[:SHOWN]:
        at = choice.shape
        mesh, groups = f"{at.width}x{at.height}", f"{at.group_x},{at.group_y}"
        rate = clock * 1e9 / choice.cycles
        yield f"{mesh:>9} {groups:>7} {choice.cycles:15,.0f} {rate:16,.0f} {choice.bytes:11,}"
