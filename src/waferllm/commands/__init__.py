"""Subcommands of `waferllm` that have a file of their own: `generate`, `plan`."""

from __future__ import annotations

from typing import Any

from waferllm.commands import generate, plan
from waferllm.commands.words import mesh_of

__all__ = ["add", "mesh_of"]

MODULES = (plan, generate)


def add(actions: Any) -> None:
    """Adds all of them to the parser of the command."""
    for module in MODULES:
        module.add(actions)
