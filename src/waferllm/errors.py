"""All exception classes of the study. Each message names the thing, its place, the value and what is allowed.

The commands and the scripts of the workflow print these without a traceback; anything else is a bug of ours.
"""

from __future__ import annotations


class WaferllmError(Exception):
    """Base of every error that is the user's to mend."""


class ExperimentError(WaferllmError):
    """Rows of an experiments table that cannot be run; `problems` has one line for each mistake."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        super().__init__("\n".join(problems))


class ArtifactError(WaferllmError):
    """A file that one stage wrote for another cannot be used."""


class FormatError(ArtifactError):
    """A file has another format number than this version reads, or lacks one."""


class TruncatedError(ArtifactError):
    """A file is damaged or incomplete."""


class StaleError(ArtifactError):
    """A file was made from other inputs than those at hand."""


class PartitionError(WaferllmError):
    """Arrays that do not have the shapes that the experiment says."""


class BackendError(WaferllmError):
    """A toolchain that is not there or not known."""


class CommandError(WaferllmError):
    """A command of a toolchain failed; the message has the command line and the end of its output."""


class ValidationError(WaferllmError):
    """Outputs differ from the reference by more than the bound."""


class ModelError(WaferllmError):
    """A model that is not known, not supported or does not fit."""


class CheckpointError(ModelError):
    """Files of a model that are damaged, incomplete or do not match its configuration."""


class PromptError(WaferllmError):
    """A prompt that cannot be generated from."""


class CacheFullError(WaferllmError):
    """No room in the KV cache for another token."""
