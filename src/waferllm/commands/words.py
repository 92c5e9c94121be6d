"""Words of a command line that several subcommands understand: text goes in, values come out or an error that says what
is expected."""

from __future__ import annotations

import re

from waferllm.errors import ExperimentError


def mesh_of(text: str) -> tuple[int, int]:
    """Columns and rows of PEs."""
    mesh = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if mesh is None:
        raise ExperimentError([f"--mesh: '{text}' is not allowed, expected columns x rows as in 4x4"])
    return int(mesh[1]), int(mesh[2])
