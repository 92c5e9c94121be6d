"""Readable reports of faults and deadlocks: the engine's findings in, several lines of text out.

A finding is a dict of plain values as `wafersim._engine.Mesh` gives them; coordinates are those of the
program rectangle.
"""

from __future__ import annotations

import re
from typing import Any

from wafersim.ir.program import NONE, Image

SIDES = {1: "RAMP", 2: "EAST", 4: "WEST", 8: "SOUTH", 16: "NORTH", 32: "HOST"}
MOST_LINES = 20
"""Longer lists are cut: the first entries are what one needs."""


def fault(finding: dict[str, Any] | None, image: Image) -> str:
    """A PE did something that is not defined."""
    if not finding:
        return "the device reported a fault"
    message = _with_names(str(finding.get("message", "unknown")), image)
    return "\n".join([f"fault: {message}", *_circumstances(finding, image)])


def warning(finding: dict[str, Any], image: Image) -> str:
    """A PE did something that hardware does and the program hardly means."""
    return "\n".join([f"warning: {finding['message']}", *_circumstances(finding, image)])


def _circumstances(finding: dict[str, Any], image: Image) -> list[str]:
    lines = [f"  PE      ({finding.get('x')}, {finding.get('y')}){_program(finding, image)}"]
    if finding.get("task"):
        lines.append(f"  task    {finding['task']}{_function(finding)}")
    where = location(finding, image)
    if where:
        lines.append(f"  source  {where}")
    lines.append(f"  cycle   {finding.get('cycle')}")
    return lines


def deadlock(finding: dict[str, Any] | None, image: Image, waiting_for: str, cycle: int) -> str:
    """Nothing can move any more, and the host still waits."""
    lines = [f"deadlock at cycle {cycle}: the host waits for {waiting_for}, and nothing on the device can move"]
    finding = finding or {}
    if not finding.get("groups") and "launch" in waiting_for:
        lines.append("no PE waits for anything: is unblock_cmd_stream() called at the end of every launched function?")
    lines += _state(finding, "waiting PEs:", "oldest wavelets that cannot move:")
    return _with_names("\n".join(lines), image)


def _state(finding: dict[str, Any], groups_title: str, wavelets_title: str) -> list[str]:
    """Who waits for what, and the oldest wavelets."""
    lines = []
    if finding.get("groups"):
        lines += [groups_title, *_cut([f"  {_group(group)}" for group in finding["groups"]])]
    if finding.get("wavelets"):
        lines += [wavelets_title, *_cut([f"  {_wavelet(wavelet)}" for wavelet in finding["wavelets"]])]
    return lines


def _with_names(text: str, image: Image) -> str:
    """Colors that `cslc --colors` has given a value get their names."""
    names: dict[str, list[str]] = {}
    for name, value in image.colors.items():
        names.setdefault(str(value), []).append(name)

    def named(match: re.Match[str]) -> str:
        return f"{match[0]} [{', '.join(names[match[1]])}]" if match[1] in names else match[0]

    return re.sub(r"\bcolor (\d+)\b", named, text)


def limit(cycles: int, waiting_for: list[str], finding: dict[str, Any]) -> str:
    """The run was cut off; what the PEs were at."""
    names = ", ".join(waiting_for[:5]) or "the end of the program"
    lines = [f"the run reached its limit of {cycles} cycles (--max-cycles); still waiting for {names}"]
    return "\n".join([*lines, *_state(finding, "what PEs wait for at this point:", "oldest wavelets:")])


def location(finding: dict[str, Any], image: Image) -> str:
    """`file:line:col` of a finding, from its index or its position in words."""
    if finding.get("file"):
        return f"{finding['file']}:{finding.get('line', 0)}:{finding.get('col', finding.get('column', 0))}"
    program = _tile_program(finding, image)
    index = finding.get("loc", 0)
    if program is None or not index or index >= len(program.locations):
        return ""
    file, line, column = program.locations[index]
    return f"{program.files[file]}:{line}:{column}"


def _tile_program(finding: dict[str, Any], image: Image):
    x, y = finding.get("x", -1), finding.get("y", -1)
    if not (0 <= x < image.width and 0 <= y < image.height):
        return None
    number = image.tiles[y * image.width + x][0]
    return None if number == NONE else image.programs[number]


def _program(finding: dict[str, Any], image: Image) -> str:
    program = _tile_program(finding, image)
    return f"  program {program.name}" if program else ""


def _function(finding: dict[str, Any]) -> str:
    function = finding.get("function")
    return f", in function {function}" if function and function != finding.get("task") else ""


def _group(group: Any) -> str:
    if isinstance(group, str):
        return group
    pes = group.get("pes") or []
    shown = ", ".join(f"({x}, {y})" for x, y in pes[:4])
    more = f" and {group.get('count', len(pes)) - 4} more" if group.get("count", len(pes)) > 4 else ""
    return f"{shown}{more}: {group.get('reason', group.get('what', ''))}"


def _wavelet(wavelet: Any) -> str:
    if isinstance(wavelet, str):
        return wavelet
    side = SIDES.get(wavelet.get("side"), wavelet.get("side"))
    kind = "control wavelet" if wavelet.get("control") else "wavelet"
    text = f"PE ({wavelet.get('x')}, {wavelet.get('y')}): {kind} of color {wavelet.get('color')} from {side}"
    if "data" in wavelet:
        text += f", data {wavelet['data']:#010x}"
    if "age" in wavelet:
        text += f", since {wavelet['age']} cycles"
    if wavelet.get("why"):
        text += f": {wavelet['why']}"
    return text


def _cut(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"  ... {len(lines) - MOST_LINES} more"]
