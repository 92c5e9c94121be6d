"""`cerebras.geometry.geometry`."""

from wafersim.runtime.geometry import IntRectangle, IntVector

__all__ = ["IntRectangle", "IntVector"]
