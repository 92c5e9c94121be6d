"""The command `cslc`: a layout file and options go in, an `out` folder comes out.

Exit codes: 0 compiled, 1 the program or the options are wrong (diagnostics on standard error),
130 interrupted.
"""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import dataclass

from wafersim.cli import interrupt
from wafersim.errors import CompileError, UsageError, WafersimError
from wafersim.settings import DUMPS, FP16_FORMATS, resolve


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `metavar` is empty for a switch, in brackets where the value may be left out."""

    name: str
    metavar: str
    help: str
    repeatable: bool = False

    @property
    def flag(self) -> str:
        return f"-{self.name}" if self.name in ("o", "h", "g0") else f"--{self.name}"


OPTIONS = [
    Option("o", "DIR", "folder to write (default: out)"),
    Option("arch", "wse2|wse3", "architecture to compile for (default: wse2)"),
    Option("fabric-dims", "W,H", "size of the fabric (default: as small as possible)"),
    Option("fabric-offsets", "X,Y", "place of the program rectangle in the fabric (with --memcpy at least 4,1)"),
    Option("params", "NAME:VALUE,...", "values of the layout's params, unsigned integers; may be repeated", True),
    Option("colors", "NAME:VALUE,...", "values of the layout's color params; may be repeated", True),
    Option("memcpy", "", "the host copies data and launches functions through memcpy"),
    Option("channels", "N", "number of memcpy channels (with --memcpy at least 1)"),
    Option("width-west-buf", "N", "columns of buffers west of the program (default: 0)"),
    Option("width-east-buf", "N", "columns of buffers east of the program (default: 0)"),
    Option("import-path", "DIR[:DIR...]", "folders searched by @import_module, before those of CSL_IMPORT_PATH", True),
    Option("max-inlined-iterations", "N", "most iterations that a compile-time loop may make"),
    Option("comptime-func-depth-limit", "N", "deepest nesting of compile-time calls"),
    Option("fp16-format", "|".join(FP16_FORMATS), "meaning of 16-bit floats (default, and all that is supported: f16)"),
    Option("output-json", "[PATH]", "also write the parameters to PATH (default: DIR.json)"),
    Option("out-routes", "", "print programs and routes of all PEs"),
    Option("dump", "|".join(DUMPS), "print this intermediate form and write nothing"),
    Option("warnings-as-errors", "", "refuse programs that give warnings"),
    Option("max-parallelism", "N", "accepted; programs are compiled once per parameters, one after the other"),
    Option("g0", "", "accepted; source positions are always kept"),
    Option("verbose", "", "say what is done, with times"),
    Option("help", "", "print this text"),
    Option("h", "", "the same"),
]
_BY_FLAG = {option.flag: option for option in OPTIONS}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        source, options = parse(arguments)
        if "help" in options or "h" in options:
            print(help_text())
            return 0
        settings = resolve(source, options, os.environ.get("CSL_IMPORT_PATH", ""))
        from wafersim import driver

        return driver.run(settings)
    except UsageError as error:
        print(f"cslc: error: {error}\ncslc: try 'cslc --help'", file=sys.stderr)
    except CompileError as error:  # diagnostics say themselves where and what
        print(error, file=sys.stderr)
    except WafersimError as error:
        print(f"cslc: error: {error}", file=sys.stderr)
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        interrupt.leave("cslc")
    return 1


def parse(arguments: list[str]) -> tuple[str | None, dict[str, list[str]]]:
    """The layout file and the values of each option, by option name, from a command line."""
    source: str | None = None
    options: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            if source is not None:
                raise UsageError(f"two layout files: '{source}' and '{word}'")
            source = word
            continue
        option, value = _option(word, rest)
        values = options.setdefault(option.name, [])
        if values and value is not None and not option.repeatable and values[-1] != value:
            raise UsageError(f"{option.flag} is given twice, as '{values[-1]}' and as '{value}'")
        if value is not None:
            values.append(value)
    return source, options


def _option(word: str, rest: list[str]) -> tuple[Option, str | None]:
    """The option that `word` names and its value, taken from `rest` where it stands apart."""
    flag, equals, value = word.partition("=")
    option = _BY_FLAG.get(flag)
    if option is None:
        close = difflib.get_close_matches(flag, _BY_FLAG, 1)
        raise UsageError(f"unknown option '{flag}'" + (f"; did you mean '{close[0]}'?" if close else ""))
    if equals:
        if not option.metavar:
            raise UsageError(f"{flag} takes no value, got '{value}'")
        return option, value
    if not option.metavar or option.metavar.startswith("["):
        return option, None
    if not rest or rest[0] in _BY_FLAG or rest[0].partition("=")[0] in _BY_FLAG:
        raise UsageError(f"{flag} needs a value: {flag} {option.metavar}")
    return option, rest.pop(0)


def help_text() -> str:
    """What `--help` prints."""
    lines = [
        "usage: cslc LAYOUT.csl [options]",
        "",
        "Compiles a CSL layout and its PE programs. Options take their value as --name=VALUE or --name VALUE.",
        "",
    ]
    for option in OPTIONS:
        head = f"  {option.flag} {option.metavar}".rstrip()
        lines += [f"{head:34}{option.help}"] if len(head) < 33 else [head, f"{'':34}{option.help}"]
    lines += [
        "",
        "Environment: CSL_IMPORT_PATH, folders searched by @import_module, separated by ':'.",
        "",
        "Example: cslc layout.csl --arch=wse3 --fabric-dims=8,3 --fabric-offsets=4,1 -o out --memcpy --channels 1",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
