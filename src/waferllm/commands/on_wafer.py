"""`waferllm generate` on the wafer: options go in, a generator comes out that lives as long as a `with` block, and in
the end a line about the cycles it took.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from waferllm.backends import BACKENDS, backend_of
from waferllm.backends.commands import Commands
from waferllm.commands.words import mesh_of
from waferllm.errors import WaferllmError
from waferllm.experiments import ARCHITECTURES
from waferllm.llm.shape import Shape
from waferllm.llm.wafer import PARTS, WaferGenerator
from waferllm.model.checkpoint import Checkpoint
from wafersim import machine

MESHES = {"smollm2-135m": "96x96"}
"""Where a model is meant to run; other models on 4x4."""
BLOCKS = {"smollm2-135m": 16}
"""Tokens of a prompt that a model takes at once."""
KERNELS = Path(__file__).resolve().parents[3] / "kernels_csl"


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("on the wafer (without --reference)")
    group.add_argument("--mesh", metavar="WxH", help="columns x rows of PEs (4x4; smollm2-135m: 96x96)")
    group.add_argument("--arch", default="wse3", choices=ARCHITECTURES, help="architecture (wse3)")
    group.add_argument("--together", type=int, default=0, metavar="N",
                       help="tokens of the prompt that go through the layers together, by MeshGEMM (0)")  # fmt: skip
    group.add_argument("--block", type=int, metavar="N",
                       help="the same in blocks, the weights staying where they are (0; smollm2-135m: 16)")  # fmt: skip
    group.add_argument("--concatenate", action="store_true", help="new entries of the KV cache stay in the last row")
    group.add_argument("--backend", default="wafersim", choices=[name for name in BACKENDS if name != "appliance"],
                       help="what compiles and runs the kernels (wafersim)")  # fmt: skip
    group.add_argument("--commands", metavar="FOLDER", help="where the commands of the backend sdk are")
    group.add_argument("--parts", action="store_true", help="measure the cycles of each part of a token")
    group.add_argument("--work", metavar="FOLDER", help="keep the compiled program and the tiles here")


@contextlib.contextmanager
def generator(model: Checkpoint, capacity: int, options: argparse.Namespace) -> Iterator[WaferGenerator]:
    """Compiles and loads the model; the text goes to the standard output, so everything else goes to the other one."""
    width, height = mesh_of(options.mesh or MESHES.get(options.model, "4x4"))
    if min(width, height) < 2:
        raise WaferllmError(f"--mesh: {width}x{height} is too small, at least 2x2 PEs are needed")
    if options.together < 0:
        raise WaferllmError(f"--together: {options.together} is not allowed, expected at least 0")
    block = options.block
    if block is None:
        block = 0 if options.together else BLOCKS.get(options.model, 0)
    if not 0 <= block < 128 or (block and options.together):
        raise WaferllmError(f"--block: {block} is not allowed, expected 0 to 127, and 0 with --together")
    backend = backend_of(options.backend, options.commands)
    assert isinstance(backend, Commands)
    shape = Shape(model.config, width, height, capacity, options.together, options.parts, block)
    with contextlib.ExitStack() as stack:
        folder = options.work or stack.enter_context(tempfile.TemporaryDirectory(prefix="waferllm-"))
        with contextlib.redirect_stdout(sys.stderr):
            made = WaferGenerator(
                shape, model.tensors, options.arch, backend, Path(folder), KERNELS, options.concatenate
            )
        yield stack.enter_context(made)


def report(wafer: WaferGenerator, arch: str) -> str:
    """Cycles of the tokens that were generated, without those of the prompt."""
    cycles = wafer.cycles[wafer.prompted :] or wafer.cycles[-1:]
    mean, clock = sum(cycles) / len(cycles), float(machine.load(arch).row("clock.frequency"))
    line = (
        f"{wafer.shape.width} x {wafer.shape.height} PEs of the {arch}: {mean:,.0f} cycles a token, "
        f"{clock * 1e9 / mean:,.0f} tokens a second at {clock} GHz"
    )
    parts = wafer.parts[-len(cycles) :]
    if not parts:
        return line
    means = {name: sum(part.get(name, 0.0) for part in parts) / len(parts) for name in PARTS}
    return line + "; of them " + ", ".join(f"{name} {cycles:,.0f}" for name, cycles in means.items() if cycles)
