"""All exception classes of the package: what went wrong by class, with which value by message.

Mistakes in CSL programs are no exceptions but diagnostics (`csl/diagnostics.py`); they leave the
compiler as one `CompileError`.
"""

from __future__ import annotations


class WafersimError(Exception):
    """Base of every error that is the user's to mend. Commands print it without a traceback."""


class UsageError(WafersimError):
    """A command line or an argument that makes no sense, with the offending value."""


class MachineTableError(WafersimError):
    """A machine table lacks a row, or has one that is malformed."""


class CompileError(WafersimError):
    """The program has mistakes; the message is the rendered diagnostics."""


class ImageError(WafersimError):
    """A compiled image (`out` folder) cannot be used."""


class NotAnImageError(ImageError):
    """The folder was not written by `cslc` of this toolchain, or is incomplete."""


class ImageVersionError(ImageError):
    """The folder was written by a version with another image format."""


class CorruptImageError(ImageError):
    """A file of the folder is damaged: truncated, changed or malformed."""


class VerifyError(WafersimError):
    """A PE program breaks a rule of `ir/verify.py`; shows a bug of the compiler."""


class TextFormError(WafersimError):
    """The text form of a program cannot be read, with the line."""
