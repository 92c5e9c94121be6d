"""`cerebras.sdk.sdk_utils`."""

from wafersim.runtime.sdk_utils import *  # noqa: F403
