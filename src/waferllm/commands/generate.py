"""`waferllm generate`: a prompt goes in, text comes out token by token on the standard output; everything else that
there is to say goes to the error output, so that the text can be redirected.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from waferllm.commands import on_wafer
from waferllm.errors import PromptError, WaferllmError
from waferllm.generate import Generation, Generator, ReferenceGenerator, check_prompt, generate
from waferllm.model import chat
from waferllm.model.checkpoint import Checkpoint, load
from waferllm.model.tokenizer import Tokenizer
from waferllm.reference.arithmetic import ARITHMETICS

DEFAULT_MODEL = "tiny"
ENDS = {
    "stop": "the model ended the text",
    "length": "as many as asked for",
    "": "interrupted",
}


def add(actions: Any) -> None:
    parser = actions.add_parser(
        "generate", help="text from a model", description="Continues a prompt; always with the most likely token."
    )
    parser.add_argument("prompt", metavar="PROMPT", help="text to continue, or with --chat a question")
    parser.add_argument("-n", type=int, default=32, metavar="N", dest="count", help="tokens at most (32)")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME", help=f"name or path ({DEFAULT_MODEL})")
    parser.add_argument("--reference", action="store_true", help="compute with NumPy, not on the wafer")
    parser.add_argument(
        "--arithmetic", default="float32", choices=ARITHMETICS,
        help="of the reference: float32, or the machine's with its f16 (float32)",
    )  # fmt: skip
    parser.add_argument("--chat", action="store_true", help="put the prompt into the model's chat template")
    parser.add_argument("--system", metavar="TEXT", help="with --chat: a system message before the prompt")
    parser.add_argument("--capacity", type=int, metavar="N", help="positions of the KV cache (what prompt and -n need)")
    parser.add_argument("--ignore-end", action="store_true", help="go on where the model would end the text")
    on_wafer.add_options(parser)
    parser.set_defaults(action=run)


def run(options: argparse.Namespace) -> int:
    model = load(options.model)
    tokenizer = model.read_tokenizer()
    prompt = prompt_tokens(tokenizer, options)
    capacity = capacity_of(model, len(prompt), options)
    check_prompt(prompt, capacity)
    if options.count < 1:
        raise PromptError(f"{options.count} tokens to generate: at least 1 is expected")
    if options.reference:
        return write(ReferenceGenerator(model, capacity, ARITHMETICS[options.arithmetic]), tokenizer, prompt, options)
    with on_wafer.generator(model, capacity, options) as wafer:
        code = write(wafer, tokenizer, prompt, options)
        print(on_wafer.report(wafer, options.arch), file=sys.stderr)
    return code


def prompt_tokens(tokenizer: Tokenizer, options: argparse.Namespace) -> list[int]:
    if not options.prompt:
        raise PromptError("the prompt is empty; give some text to continue")
    if options.system and not options.chat:
        raise PromptError("--system is for --chat")
    text = chat.prompt(tokenizer, options.prompt, options.system) if options.chat else options.prompt
    # templates write the token that begins a text themselves
    return tokenizer.encode(text, begin=not options.chat)


def capacity_of(model: Checkpoint, length: int, options: argparse.Namespace) -> int:
    """Positions of the cache: as asked for, or as many as can be used; never more than the model was made for."""
    most = model.config.max_positions
    if options.capacity is not None and not 1 <= options.capacity <= most:
        raise WaferllmError(f"--capacity: {options.capacity} is not allowed, expected 1 to {most} for this model")
    return options.capacity or min(most, length + max(options.count, 1))


def write(generator: Generator, tokenizer: Tokenizer, prompt: list[int], options: argparse.Namespace) -> int:
    """The text as it comes, then one line about it."""
    stops = frozenset() if options.ignore_end else tokenizer.stops
    run, tokens = generate(generator, prompt, options.count, stops)
    begin = time.perf_counter()
    try:
        for piece in tokenizer.stream(tokens):
            print(piece, end="", flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        print(flush=True)
        print(report(run, time.perf_counter() - begin), file=sys.stderr)
    return 0


def report(run: Generation, seconds: float) -> str:
    rate = len(run.tokens) / seconds if seconds else 0.0
    why = run.message or ENDS[run.ended]
    return f"{len(run.tokens)} tokens after a prompt of {len(run.prompt)}, {rate:.1f} a second; ended: {why}"
