"""The program of one tile: an image and a tile's number go in, its program with its own numbers comes out."""

from __future__ import annotations

from dataclasses import replace

from wafersim.ir.program import NONE, Image, Patch, PatchKind, Program


def numbers_of(image: Image, tile: int) -> list[int]:
    """The tile's numbers for the patches of its program."""
    program = image.tiles[tile][0]
    if program == NONE or not image.programs[program].patches:
        return []
    length, row = len(image.programs[program].patches), image.rows[tile]
    return image.patches[program][row * length : (row + 1) * length].tolist()


def program_of(image: Image, tile: int) -> Program | None:
    """What a tile runs; None if it runs nothing."""
    number = image.tiles[tile][0]
    if number == NONE:
        return None
    shared = image.programs[number]
    program = replace(
        shared,
        constants=list(shared.constants),
        data=[replace(segment, words=list(segment.words)) for segment in shared.data],
        input_queues=[replace(binding) for binding in shared.input_queues],
        output_queues=[replace(binding) for binding in shared.output_queues],
        patches=[],
    )
    for patch, value in zip(shared.patches, numbers_of(image, tile), strict=True):
        _apply(program, patch, value)
    return program


def _apply(program: Program, patch: Patch, value: int) -> None:
    match patch.kind:
        case PatchKind.CONSTANT:
            program.constants[patch.index] = value & (1 << 64) - 1
        case PatchKind.WORD:
            segment = next(item for item in program.data if 0 <= patch.index - item.address < len(item.words))
            segment.words[patch.index - segment.address] = value & 0xFFFF
        case PatchKind.INPUT_COLOR:
            program.input_queues[patch.index].color = value
        case PatchKind.OUTPUT_COLOR:
            program.output_queues[patch.index].color = value
