"""Fixtures of the workflow's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from workflow.workspace import Workspace, make

pytest.importorskip("snakemake", reason="snakemake is not installed (extra `workflow`)")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make(tmp_path)


@pytest.fixture(scope="module")
def shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """For tests that start no job."""
    return make(tmp_path_factory.mktemp("workspace"))
