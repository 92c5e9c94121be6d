"""Compile-time values: what they are, how to compute with them, the memory they are changed in."""
