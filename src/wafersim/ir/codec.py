"""Dataclasses to plain JSON values and back, driven by their type annotations.

A dataclass becomes a dictionary of the fields that differ from their default; enums become numbers.
Reading checks every value against its annotation, so that a damaged file gives a `CodecError` and never
an object that is half right.
"""

from __future__ import annotations

import dataclasses
import itertools
import types
import typing
from array import array
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any

Plain = Any
"""JSON value: None, bool, int, str, list or dict with string keys; bytes for arrays, which the engine reads."""


class CodecError(ValueError):
    """A plain value that does not fit the type it is read as."""


def to_plain(value: Any) -> Plain:
    """The plain form of a dataclass, or of a container of them."""
    if isinstance(value, Enum):
        return int(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, array):
        return value.tobytes()
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {
            name: to_plain(item)
            for name, default in _defaults(type(value))
            if (item := getattr(value, name)) != default
        }
    raise CodecError(f"{type(value).__name__} has no plain form")


def image_to_plain(image: Any) -> dict[str, Plain]:
    """The plain form of an `Image` for the engine: the tiles as bytes, without an object for each."""
    plain = to_plain(dataclasses.replace(image, tiles=[]))
    return plain | {"tiles": array("i", itertools.chain.from_iterable(image.tiles)).tobytes()}


def from_plain(kind: Any, plain: Plain) -> Any:
    """The value of type `kind` whose plain form is `plain`."""
    return _reader(kind)(plain)


_REQUIRED = object()


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """(name, default) of each field; `_REQUIRED` equals nothing, so such fields are always written."""
    return tuple((item.name, _default_of(item)) for item in dataclasses.fields(kind))


def _default_of(item: dataclasses.Field) -> Any:
    if item.default is not dataclasses.MISSING:
        return item.default
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return _REQUIRED


@cache
def _reader(kind: Any) -> Callable[[Plain], Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _optional_reader(arguments)
    if origin is list:
        return _list_reader(arguments[0], list)
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is dict:
        return _dict_reader(*arguments)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_reader(kind)
    return _scalar_reader(kind)


def _scalar_reader(kind: type) -> Callable[[Plain], Any]:
    def read(plain: Plain) -> Any:
        if type(plain) is not kind:
            raise CodecError(f"expected {kind.__name__}, got {plain!r:.60}")
        return plain

    return read


def _enum_reader(kind: type[Enum]) -> Callable[[Plain], Any]:
    members = {int(member.value): member for member in kind}

    def read(plain: Plain) -> Any:
        if type(plain) is not int or plain not in members:
            raise CodecError(f"{plain!r:.60} is no {kind.__name__}")
        return members[plain]

    return read


def _optional_reader(arguments: tuple[Any, ...]) -> Callable[[Plain], Any]:
    (inner,) = [argument for argument in arguments if argument is not type(None)]

    def read(plain: Plain) -> Any:
        return None if plain is None else _reader(inner)(plain)

    return read


def _list_reader(element: Any, build: Callable) -> Callable[[Plain], Any]:
    def read(plain: Plain) -> Any:
        if not isinstance(plain, list):
            raise CodecError(f"expected a list, got {plain!r:.60}")
        item = _reader(element)
        return build(item(value) for value in plain)

    return read


def _tuple_reader(arguments: tuple[Any, ...]) -> Callable[[Plain], Any]:
    if arguments[-1] is Ellipsis:
        return _list_reader(arguments[0], tuple)

    def read(plain: Plain) -> Any:
        if not isinstance(plain, list) or len(plain) != len(arguments):
            raise CodecError(f"expected {len(arguments)} values, got {plain!r:.60}")
        return tuple(_reader(kind)(value) for kind, value in zip(arguments, plain, strict=True))

    return read


def _dict_reader(key: type, value: Any) -> Callable[[Plain], Any]:
    def read(plain: Plain) -> Any:
        if not isinstance(plain, dict):
            raise CodecError(f"expected a dictionary, got {plain!r:.60}")
        try:
            return {key(name): _reader(value)(item) for name, item in plain.items()}
        except ValueError as error:
            raise CodecError(str(error)) from error

    return read


def _dataclass_reader(kind: type) -> Callable[[Plain], Any]:
    hints = typing.get_type_hints(kind)
    required = {name for name, default in _defaults(kind) if default is _REQUIRED}

    def read(plain: Plain) -> Any:
        if not isinstance(plain, dict):
            raise CodecError(f"expected the fields of a {kind.__name__}, got {plain!r:.60}")
        for name in plain:
            if name not in hints:
                raise CodecError(f"{kind.__name__} has no field {name!r:.60}")
        for name in required:
            if name not in plain:
                raise CodecError(f"{kind.__name__} lacks its field '{name}'")
        return kind(**{name: _reader(hints[name])(value) for name, value in plain.items()})

    return read
