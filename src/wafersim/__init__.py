"""wafersim: an open CSL compiler and a cycle-level simulator of the wafer-scale engine."""

__version__ = "0.1.0"
