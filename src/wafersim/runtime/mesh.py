"""Makes the engine's mesh from an image: the only place that imports `wafersim._engine`."""

from __future__ import annotations

from typing import Any

from wafersim import machine
from wafersim.ir import codec
from wafersim.ir.program import Image
from wafersim.runtime.errors import SdkError
from wafersim.runtime.paired import PairedMesh
from wafersim.runtime.settings import DEFAULT_ENGINE, ENGINES


def make(image: Image, preset: str = "", strict: bool = False, engine: str = DEFAULT_ENGINE, threads: int = 0) -> Any:
    """A `Mesh` at cycle 0, with the machine table of the image's architecture; `threads` as in `RunSettings`."""
    try:
        from wafersim import _engine
    except ImportError as error:
        text = f"the engine is not built ({error}); run 'make dev' in the checkout or install the package"
        raise SdkError(text) from error
    if engine not in ENGINES:
        raise SdkError(f"there is no engine '{engine}', only: {', '.join(ENGINES)}")
    settings = machine.load(image.arch, preset or machine.DEFAULT_PRESET).settings
    plain = codec.image_to_plain(image)
    if engine == "both":
        mesh: Any = PairedMesh(lambda name: _engine.Mesh(plain, settings, name, threads=threads))
    else:
        mesh = _engine.Mesh(plain, settings, engine, threads=threads)
    mesh.set_strict(strict)
    return mesh
