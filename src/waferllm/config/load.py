"""A mapping, as Snakemake hands it over → `Settings`, or one error that names every wrong key and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from waferllm.config.models import Settings
from waferllm.errors import WaferllmError


class ConfigError(WaferllmError):
    """The configuration cannot be used; the text has one line a mistake."""

    def __init__(self, problems: list[str]):
        super().__init__("\n  ".join(["the configuration has errors:", *problems]))


def load_settings(values: Mapping[str, Any]) -> Settings:
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        problems = [_problem(details) for details in error.errors()]
    raise ConfigError(problems)


def _problem(details: ErrorDetails) -> str:
    """`key.name: what is wrong, got value`."""
    key = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        return f"{key}: unknown key{_nearest(details['loc'])}"
    return f"{key}: {_lower_first(details['msg'])}, got {details['input']!r}"


def _nearest(location: tuple[int | str, ...]) -> str:
    """The known key that is closest to the unknown one, or all that there are."""
    model = _section(location[:-1])
    known = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f", did you mean '{close[0]}'?" if close else f"; known keys: {', '.join(known)}"


def _section(location: tuple[int | str, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for part in location:
        model = model.model_fields[str(part)].annotation  # type: ignore[assignment]
    return model


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
