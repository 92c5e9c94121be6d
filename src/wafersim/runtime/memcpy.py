"""Arguments that all copies share: the region of PEs and the keyword options, checked."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, ClassVar

from wafersim.ir.program import Image
from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
from wafersim.runtime.errors import SdkError, SdkTypeError


@dataclass(frozen=True, slots=True)
class Region:
    """Region of interest: `elements` on each PE of columns x .. x+w-1 and rows y .. y+h-1."""

    x: int
    y: int
    w: int
    h: int
    elements: int


@dataclass(frozen=True, slots=True)
class MemcpyOptions:
    """Keyword options of a copy. `streaming`, `order` and `data_type` have no default."""

    NAMES: ClassVar[tuple[str, ...]] = ("streaming", "order", "data_type", "nonblock")

    streaming: bool
    order: MemcpyOrder
    data_type: MemcpyDataType
    nonblock: bool

    @classmethod
    def parse(cls, method: str, options: dict[str, Any]) -> MemcpyOptions:
        for name in options:
            if name not in cls.NAMES:
                raise SdkTypeError(f"{method}() got an unexpected keyword argument '{name}'")
        for name in cls.NAMES[:3]:
            if name not in options:
                raise SdkTypeError(f"{method}() missing required keyword argument '{name}'")
        return cls(
            bool(options["streaming"]),
            _member(MemcpyOrder, options["order"], "order"),
            _member(MemcpyDataType, options["data_type"], "data type"),
            bool(options.get("nonblock", False)),
        )


def _member(kind: Any, value: Any, name: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise SdkError(f"Illegal {name} option for memcpy: {value!r}") from None


def integer(value: Any, name: str) -> int:
    """An integer argument; numpy integers are welcome, floats and None are not."""
    try:
        return operator.index(value)
    except TypeError:
        hint = " (get_id gives None for names that are not exported)" if value is None else ""
        raise SdkTypeError(f"{name} must be an integer, got {value!r}{hint}") from None


def check_region(kind: str, image: Image, px: int, py: int, w: int, h: int, elements: int) -> Region:
    """The region as integers, inside the program rectangle."""
    names = ("px", "py", "w", "h", "elem_per_pe")
    x, y, width, height, count = (integer(value, name) for value, name in zip((px, py, w, h, elements), names))
    for name, value in (("w", width), ("h", height), ("elem_per_pe", count)):
        if value < 1:
            raise SdkError(f"{name} must be positive, got {value}")
    if x < 0 or y < 0 or x + width > image.width or y + height > image.height:
        raise SdkError(
            f"{kind} subrectangle must be inside the core rectangle: px={x}, py={y}, w={width}, h={height} "
            f"in {image.width} x {image.height} PEs"
        )
    return Region(x, y, width, height, count)
