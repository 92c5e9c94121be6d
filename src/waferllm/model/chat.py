"""Chat templates: messages go in, the text of a prompt comes out, by the template that comes with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from waferllm.errors import ModelError
from waferllm.model.tokenizer import Tokenizer


def render(tokenizer: Tokenizer, messages: Sequence[Mapping[str, str]]) -> str:
    """The conversation up to where the model answers. Templates come from files, so they run in a sandbox."""
    if not tokenizer.chat_template:
        raise ModelError("the model has no chat template; give the prompt without --chat")
    try:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise ModelError("chat templates need the package jinja2: pip install 'wafersim[llm]'") from error
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refuse
    try:
        template = environment.from_string(tokenizer.chat_template)
        return template.render(messages=list(messages), add_generation_prompt=True, **(tokenizer.special or {}))
    except TemplateError as error:
        raise ModelError(f"the model's chat template cannot be rendered: {error}") from error


def _refuse(message: str) -> Any:
    raise ModelError(f"the model's chat template refuses the messages: {message}")


def prompt(tokenizer: Tokenizer, text: str, system: str | None = None) -> str:
    """A single question."""
    start = [{"role": "system", "content": system}] if system else []
    return render(tokenizer, [*start, {"role": "user", "content": text}])
