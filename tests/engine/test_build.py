"""What the built engine must contain and no result would tell."""

import platform
import re
from pathlib import Path

import pytest

from wafersim import _engine

PREFETCHT0 = re.compile(rb"\x0f\x18[\x08-\x0f\x48-\x4f\x88-\x8f]", re.DOTALL)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="looks for an instruction of x86-64")
def test_state_is_asked_for_ahead():
    """Compilers have dropped these requests before (docs/decisions/D12): large meshes then take a quarter longer."""
    found = len(PREFETCHT0.findall(Path(_engine.__file__).read_bytes()))
    assert found >= 12, f"{found} requests in the engine"
