"""The files generated from the models: config/config.yaml, its JSON schema, the table of keys in docs/workflow.md."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from waferllm.config.models import Settings

SCHEMA = Path("workflow/schemas/config.schema.json")
CONFIG = Path("config/config.yaml")
PAGE = Path("docs/workflow.md")
BEGIN, END = "<!-- keys: begin (make generated) -->", "<!-- keys: end -->"


@dataclass(frozen=True)
class Key:
    """One key of the configuration; a section is a key without a value."""

    name: str
    depth: int
    field: FieldInfo
    default: Any

    @property
    def leaf(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def is_section(self) -> bool:
        return isinstance(self.default, BaseModel)

    @property
    def text(self) -> str:
        return self.field.description or ""


def generated(root: Path) -> dict[Path, str]:
    """Path (relative to the root) → what the file should hold; the page keeps all but its table."""
    page = (root / PAGE).read_text(encoding="utf-8")
    return {CONFIG: config_text(), SCHEMA: schema_text(), PAGE: with_table(page)}


def keys(values: BaseModel | None = None, prefix: str = "", depth: int = 0) -> Iterator[Key]:
    """All keys in the order of the models, sections before their own keys."""
    values = values or Settings()
    for name, field in type(values).model_fields.items():
        value = getattr(values, name)
        yield Key(prefix + name, depth, field, value)
        if isinstance(value, BaseModel):
            yield from keys(value, f"{prefix}{name}.", depth + 1)


def config_text() -> str:
    lines = [
        "# Settings of the workflow with their defaults, generated from src/waferllm/config/models.py. Write",
        "# your own values into another file and give it with --configfile; only what differs has to be in there.",
        "# yaml-language-server: $schema=../workflow/schemas/config.schema.json",
    ]
    for key in keys():
        indent = "  " * key.depth
        lines += [""] if key.depth == 0 else []
        lines += [f"{indent}# {line}" for line in textwrap.wrap(comment(key), 110 - len(indent))]
        lines.append(f"{indent}{key.leaf}:" + ("" if key.is_section else f" {scalar(key.default)}"))
    return "\n".join(lines) + "\n"


def comment(key: Key) -> str:
    allowed = choices(key.field)
    return key.text + (f" One of: {', '.join(allowed)}." if allowed else "")


def choices(field: FieldInfo) -> list[str]:
    annotation = field.annotation
    return [str(value) for value in get_args(annotation)] if get_origin(annotation) is Literal else []


def scalar(value: object) -> str:
    """A value as YAML in one line."""
    return '""' if value == "" else yaml.safe_dump(value).removesuffix("\n...\n").strip()


def schema_text() -> str:
    return json.dumps(Settings.model_json_schema(), indent=2) + "\n"


def with_table(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    rows = ["| key | default | meaning |", "|---|---|---|"]
    rows += [
        f"| `{key.name}` | {'' if key.is_section else f'`{scalar(key.default)}`'} | {comment(key)} |" for key in keys()
    ]
    return before + "\n".join([BEGIN, *rows, END]) + after
