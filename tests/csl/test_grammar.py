"""The grammar page is made of the productions in the docstrings of the parse functions."""

import inspect
import re
from pathlib import Path

import pytest

from wafersim.csl import parse_expr, parse_stmt, parser

PAGE = Path(__file__).parents[2] / "docs" / "csl-grammar.md"
HEAD = """# Grammar of CSL as this compiler reads it

Made from the docstrings of the parse functions (`src/wafersim/csl/parser.py`, `parse_stmt.py`, `parse_expr.py`);
`pytest tests/csl/test_grammar.py --update-cases` rewrites it. `{ }` repeats, `[ ]` is optional. Operators bind as
listed in `parse_expr.PRECEDENCE`; comparisons do not chain.

"""


def productions() -> list[str]:
    found = []
    for owner in (parser.Parser, parse_stmt.StmtParser, parse_expr.ExprParser):
        for name, function in vars(owner).items():
            if name.startswith("parse_") and not _is_hook(function):
                doc = inspect.getdoc(function) or ""
                assert re.match(r"\w+ = .*;", doc, re.DOTALL), f"{name} has no production in its docstring"
                found.append(doc)
    return found


def _is_hook(function: object) -> bool:
    return "NotImplementedError" in inspect.getsource(function)  # type: ignore[arg-type]


def test_grammar_page_is_made_from_the_docstrings(request: pytest.FixtureRequest) -> None:
    text = HEAD + "```\n" + "\n\n".join(productions()) + "\n```\n"
    if request.config.getoption("--update-cases"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text
