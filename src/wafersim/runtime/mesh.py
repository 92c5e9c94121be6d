"""Makes the engine's mesh from an image: the only place that imports `wafersim._engine`."""

from __future__ import annotations

from typing import Any

from wafersim import machine
from wafersim.ir import codec
from wafersim.ir.program import Image
from wafersim.runtime.errors import SdkError


def make(image: Image, preset: str = "", strict: bool = False) -> Any:
    """A `Mesh` of the reference engine, at cycle 0, with the machine table of the image's architecture."""
    try:
        from wafersim import _engine
    except ImportError as error:
        text = f"the engine is not built ({error}); run 'make dev' in the checkout or install the package"
        raise SdkError(text) from error
    settings = machine.load(image.arch, preset or machine.DEFAULT_PRESET).settings
    mesh = _engine.Mesh(codec.to_plain(image), settings)
    mesh.set_strict(strict)
    return mesh
