"""Text forms of tokens and syntax trees: one line per token or node, the same for the same source.

Read by people (`cslc --dump=tokens`, `--dump=ast`) and compared by test cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from wafersim.csl import ast
from wafersim.csl.lexer import Token

_UNSHOWN = frozenset({"span", "name_span", "op_span"})


def dump_tokens(tokens: list[Token]) -> str:
    """`line:col kind value` for each token."""
    lines = []
    for token in tokens:
        line, column = token.span.line_col
        value = "" if token.value is None else f" {token.value!r}"
        lines.append(f"{line}:{column} {token.kind}{value}")
    return "\n".join(lines)


def dump_ast(file: ast.File) -> str:
    """`field: Node line:col attribute=value` for each node, indented by its depth.

    Attributes that are absent, false or empty are not shown.
    """
    return "\n".join(_lines(file, "", 0))


def _lines(root: ast.Node, label: str, depth: int) -> Iterator[str]:
    """Depth first without recursion: trees may be as deep as the parser's chains are long."""
    pending: list[tuple[object, str, int]] = [(root, label, depth)]
    while pending:
        node, name, level = pending.pop()
        attributes, children = _parts(node)
        place = " {}:{}".format(*node.span.line_col) if isinstance(node, ast.Node) else ""
        prefix = f"{name}: " if name else ""
        yield f"{'  ' * level}{prefix}{type(node).__name__}{place}{attributes}"
        pending += [(child, child_name, level + 1) for child_name, child in reversed(children)]


def _parts(node: object) -> tuple[str, list[tuple[str, object]]]:
    """What is shown on a node's own line, and the (field, child) pairs below it."""
    attributes: list[str] = []
    children: list[tuple[str, object]] = []
    for field in fields(node):  # type: ignore[arg-type]
        value = getattr(node, field.name)
        if field.name in _UNSHOWN or (field.name != "value" and _is_plain(value)) or value is None:
            continue
        if isinstance(value, (ast.Node, ast.Attributes)):
            children.append((field.name, value))
        elif isinstance(value, list) and not isinstance(value[0], str):
            children += [(field.name, child) for child in value]
        else:
            attributes.append(f" {field.name}={_scalar(value, quoted=field.name == 'value')}")
    return "".join(attributes), children


def _is_plain(value: object) -> bool:
    """Nothing worth a word: absent, false, an empty list, no attributes."""
    if isinstance(value, ast.Attributes):
        return all(getattr(value, field.name) is None for field in fields(value))
    return value is False or value == []


def _scalar(value: object, quoted: bool) -> str:
    if isinstance(value, str) and value.isidentifier() and not quoted:
        return value
    return "[" + ",".join(value) + "]" if isinstance(value, list) else repr(value)
