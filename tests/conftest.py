"""Options and markers shared by all tests."""

import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tests too (thousands of fuzzed sources, ...)")
    parser.addoption("--update-cases", action="store_true", help="rewrite the expected blocks of tests/csl/cases")
    parser.addoption("--update-golden", action="store_true", help="rewrite the tables of tests/waferllm/data/golden")
    parser.addoption("--examples", help="checkout of Cerebras/sdk-examples (or the variable SDK_EXAMPLES)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="needs --long"))


@pytest.fixture
def examples_path(request: pytest.FixtureRequest) -> Path:
    """A checkout of the public examples, where the user names one."""
    given = request.config.getoption("--examples") or os.environ.get("SDK_EXAMPLES")
    if not given:
        pytest.skip("no checkout of sdk-examples given (--examples or SDK_EXAMPLES)")
    return Path(given)
