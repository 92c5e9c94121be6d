"""`cerebras.sdk.debug.debug_util`."""

from wafersim.runtime.debug_util import debug_util

__all__ = ["debug_util"]
