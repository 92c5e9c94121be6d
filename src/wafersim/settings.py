"""What one compilation is asked to do: raw option values go in, frozen and checked settings come out.

`resolve` is the only place that interprets option values; every stage after it reads `CompileSettings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wafersim.errors import UsageError
from wafersim.machine import ARCHITECTURES, DEFAULT_ARCH

FP16_FORMATS = ("f16", "cb16", "bf16")
DUMPS = ("tokens", "ast", "comptime", "program", "mesh")
MAX_CHANNELS = 16
"""Most columns of host links that the memcpy library can use."""

MEMCPY_WEST, MEMCPY_EAST, MEMCPY_NORTH, MEMCPY_SOUTH = 4, 3, 1, 1
"""PEs that memcpy takes on each side of the program rectangle (programs reserve them by their options)."""


@dataclass(frozen=True, slots=True)
class CompileSettings:
    """Checked settings of one compilation."""

    source: Path
    output: Path = Path("out")
    arch: str = DEFAULT_ARCH
    fabric_dims: tuple[int, int] | None = None
    """None: as small as the program allows."""
    fabric_offsets: tuple[int, int] = (0, 0)
    params: Mapping[str, int] = field(default_factory=dict)
    colors: Mapping[str, int] = field(default_factory=dict)
    memcpy: bool = False
    channels: int = 0
    width_west_buf: int = 0
    width_east_buf: int = 0
    max_inlined_iterations: int | None = None
    comptime_depth: int | None = None
    fp16_format: str = "f16"
    import_paths: tuple[Path, ...] = ()
    dump: str | None = None
    verbose: bool = False
    warnings_as_errors: bool = False
    out_routes: bool = False
    output_json: Path | None = None


def resolve(
    source: str | None, options: Mapping[str, Sequence[str]], import_path_variable: str = ""
) -> CompileSettings:
    """Settings from the option values of a command line (see `cli/cslc.py`), by option name without dashes."""
    if not source:
        raise UsageError("no layout file given")
    last = {name: values[-1] for name, values in options.items() if values}
    memcpy = "memcpy" in options
    offsets = _pair("fabric-offsets", last["fabric-offsets"], least=0) if "fabric-offsets" in last else None
    west, east = (_number(name, last.get(name, "0")) for name in ("width-west-buf", "width-east-buf"))
    if last.get("o") == "":
        raise UsageError("-o: the name of the folder is empty")
    return CompileSettings(
        source=Path(source),
        output=Path(last.get("o", "out")),
        arch=_choice("arch", last.get("arch", DEFAULT_ARCH), ARCHITECTURES),
        fabric_dims=_pair("fabric-dims", last["fabric-dims"], least=1) if "fabric-dims" in last else None,
        fabric_offsets=_offsets(offsets, memcpy, west),
        params=_names("params", options.get("params", ())),
        colors=_names("colors", options.get("colors", ())),
        memcpy=memcpy,
        channels=_channels(last.get("channels"), memcpy),
        width_west_buf=west,
        width_east_buf=east,
        max_inlined_iterations=_optional_number("max-inlined-iterations", last),
        comptime_depth=_optional_number("comptime-func-depth-limit", last),
        fp16_format=_fp16(last.get("fp16-format", "f16")),
        import_paths=_import_paths(options.get("import-path", ()), import_path_variable),
        dump=_choice("dump", last["dump"], DUMPS) if "dump" in last else None,
        verbose="verbose" in options,
        warnings_as_errors="warnings-as-errors" in options,
        out_routes="out-routes" in options,
        output_json=_output_json(options, last.get("o", "out")),
    )


def required_fabric(settings: CompileSettings, width: int, height: int) -> tuple[int, int]:
    """Smallest fabric for a program rectangle of this size at the given offsets."""
    east, south = (MEMCPY_EAST + settings.width_east_buf, MEMCPY_SOUTH) if settings.memcpy else (0, 0)
    return settings.fabric_offsets[0] + width + east, settings.fabric_offsets[1] + height + south


def fabric_for(settings: CompileSettings, width: int, height: int) -> tuple[int, int]:
    """Size of the fabric; refuses one in which the program rectangle has no place."""
    needed = required_fabric(settings, width, height)
    if settings.fabric_dims is None:
        return needed
    if settings.fabric_dims[0] < needed[0] or settings.fabric_dims[1] < needed[1]:
        given = "{},{}".format(*settings.fabric_dims)
        halo = " and the PEs that memcpy takes around it" if settings.memcpy else ""
        raise UsageError(
            f"--fabric-dims={given} is too small: the rectangle of {width} x {height} PEs at "
            f"--fabric-offsets={settings.fabric_offsets[0]},{settings.fabric_offsets[1]}{halo} "
            f"needs at least --fabric-dims={needed[0]},{needed[1]}"
        )
    return settings.fabric_dims


# ------------------------------------------------------------------------------------------ one option


def _number(name: str, text: str, least: int = 0) -> int:
    if not re.fullmatch(r"\d+|0[xX][0-9a-fA-F]+", text):
        raise UsageError(f"--{name}: '{text}' is no unsigned integer")
    value = int(text, 0) if text[:2].lower() == "0x" else int(text)
    if value < least:
        raise UsageError(f"--{name}: {value} is less than {least}")
    return value


def _optional_number(name: str, last: Mapping[str, str]) -> int | None:
    return _number(name, last[name], least=1) if name in last else None


def _pair(name: str, text: str, least: int) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2:
        raise UsageError(f"--{name}: expected two numbers 'X,Y', got '{text}'")
    return _number(name, parts[0].strip(), least), _number(name, parts[1].strip(), least)


def _choice(name: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise UsageError(f"--{name}: unknown value '{text}', expected one of: {', '.join(allowed)}")
    return text


def _fp16(text: str) -> str:
    if _choice("fp16-format", text, FP16_FORMATS) != "f16":
        raise UsageError(f"--fp16-format={text} is not supported, only f16 is")
    return text


def _names(name: str, groups: Sequence[str]) -> dict[str, int]:
    """`a:1,b:2` of every use of the option, together."""
    found: dict[str, int] = {}
    for item in (item for group in groups for item in group.split(",") if item.strip()):
        key, colon, text = (part.strip() for part in item.partition(":"))
        if not colon or not re.fullmatch(r"[A-Za-z_]\w*", key):
            raise UsageError(f"--{name}: expected 'name:value', got '{item}'")
        if not re.fullmatch(r"\d+|0[xX][0-9a-fA-F]+", text):
            raise UsageError(f"--{name}: the value of '{key}' must be an unsigned integer, got '{text}'")
        value = _number(name, text)
        if found.setdefault(key, value) != value:
            raise UsageError(f"--{name}: '{key}' is given twice, as {found[key]} and as {value}")
    return found


def _channels(text: str | None, memcpy: bool) -> int:
    channels = 0 if text is None else _number("channels", text)
    if memcpy and channels == 0:
        raise UsageError("--memcpy needs --channels=N with N >= 1")
    if channels and not memcpy:
        raise UsageError(f"--channels={channels} has no meaning without --memcpy")
    if channels > MAX_CHANNELS:
        raise UsageError(f"--channels: {channels} is more than {MAX_CHANNELS}")
    return channels


def _offsets(given: tuple[int, int] | None, memcpy: bool, west_buffer: int) -> tuple[int, int]:
    least = (MEMCPY_WEST + west_buffer, MEMCPY_NORTH) if memcpy else (0, 0)
    if given is None:
        return least
    if given[0] < least[0] or given[1] < least[1]:
        raise UsageError(
            f"--fabric-offsets={given[0]},{given[1]} leaves no place for memcpy: "
            f"at least --fabric-offsets={least[0]},{least[1]} is needed"
        )
    return given


def _import_paths(given: Sequence[str], variable: str) -> tuple[Path, ...]:
    paths = [part for text in (*given, variable) for part in text.split(":") if part]
    for path in paths:
        if not Path(path).is_dir():
            raise UsageError(f"import path '{path}' is no folder")
    return tuple(Path(path) for path in paths)


def _output_json(options: Mapping[str, Sequence[str]], output: str) -> Path | None:
    if "output-json" not in options:
        return None
    path = options["output-json"][-1] if options["output-json"] else ""
    return Path(path or f"{output}.json")
