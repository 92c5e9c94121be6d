"""What the host API raises: misuse by the host program, and what went wrong on the device.

All are `RuntimeError`s, as the SDK raises; `DeviceError` carries a report that names PE, task, source
line and cycle, which `cs_python` prints without a Python traceback.
"""

from __future__ import annotations

from wafersim.errors import WafersimError


class SdkError(WafersimError, RuntimeError):
    """A call of the host program that the runtime refuses; the message has the offending value."""


class SdkTypeError(WafersimError, TypeError):
    """An argument of the wrong type."""


class DeviceError(SdkError):
    """The simulated device cannot go on. The message is a report of several lines."""


class FaultError(DeviceError):
    """A PE did something the hardware does not define, for example an access out of bounds."""


class DeadlockError(DeviceError):
    """The host waits for something that can no longer happen."""


class CycleLimitError(DeviceError):
    """The run took more cycles than `--max-cycles` (`WAFERSIM_MAX_CYCLES`) allows."""
