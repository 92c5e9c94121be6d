"""A compiled layout on disk: an `Image` goes into a folder, and comes back out of it.

    out/out.json         parameters and colors, in the form host programs read
    out/manifest.json    magic, format version, architecture, sizes, SHA-256 of every other file and of itself
    out/programs.jsonl   one PE program a line (`ir/codec.py`)
    out/routings.jsonl   one list of color configurations a line
    out/tiles.npy        int32 [height, width, 2]: program and routing of each tile
    out/rows.npy         int32: row of each tile in the patches of its program; empty if no program has patches
    out/patches.npy      int64: the rows of each program with patches, one after the other

Every file is written beside its place and renamed into it, the manifest last, so a folder that was not
finished is refused. Equal images give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wafersim import __version__
from wafersim.errors import CorruptImageError, ImageError, ImageVersionError, NotAnImageError
from wafersim.ir import codec
from wafersim.ir.program import ColorConfig, Image, Program
from wafersim.tiles.grid import pairs

MAGIC = "wafersim-image"
FORMAT = 2
"""Raised whenever an older reader would misunderstand a newer folder."""

_MANIFEST = "manifest.json"
_IN_MANIFEST = ("arch", "width", "height", "fabric_width", "fabric_height", "offset_x", "offset_y")
_IN_MANIFEST += ("channels", "memcpy", "exports")


def save(image: Image, folder: str | Path, companions: Sequence[str] = ()) -> None:
    """Write `image` into `folder`, which is made if it does not exist.

    `companions` are files that already lie there: the manifest vouches for them too.
    """
    folder = Path(folder)
    files = {
        "out.json": _names(image),
        "programs.jsonl": b"".join(_json(codec.to_plain(program)) for program in image.programs),
        "routings.jsonl": b"".join(_json(codec.to_plain(routing)) for routing in image.routings),
        "tiles.npy": _tiles_bytes(image),
        "rows.npy": _array_bytes(np.array(image.rows, "<i4")),
        "patches.npy": _patches_bytes(image),
    }
    manifest: dict[str, Any] = {"magic": MAGIC, "format": FORMAT, "wafersim": __version__}
    manifest |= {name: codec.to_plain(getattr(image, name)) for name in _IN_MANIFEST}
    manifest["files"] = {name: _digest(content) for name, content in files.items()}
    manifest["companions"] = {name: _digest((folder / name).read_bytes()) for name in companions}
    manifest["digest"] = digest_of(manifest)
    if folder.exists() and not folder.is_dir():
        raise ImageError(f"cannot write '{folder}': there is a file of that name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MANIFEST).unlink(missing_ok=True)
        for name, content in files.items():
            _write(folder / name, content)
        _write(folder / _MANIFEST, _json(manifest, indent=2))
    except OSError as error:
        raise ImageError(f"cannot write '{folder}': {error.strerror or error}") from error


def save_names(image: Image, path: Path) -> None:
    """Write the content of `out.json` to another place too."""
    try:
        path.write_bytes(_names(image))
    except OSError as error:
        raise ImageError(f"cannot write '{path}': {error.strerror or error}") from error


def _names(image: Image) -> bytes:
    return _json({"params": image.params, "colors": image.colors}, indent=2)


def load(folder: str | Path) -> Image:
    """The image in `folder`; refuses anything that `save` did not write completely."""
    folder = Path(folder)
    manifest = _read_manifest(folder)
    files = {name: _read_checked(folder / name, digest) for name, digest in manifest["files"].items()}
    for name, digest in manifest["companions"].items():
        _read_checked(folder / name, digest)
    try:
        return _assemble(manifest, files)
    except (codec.CodecError, KeyError, ValueError, TypeError) as error:
        raise CorruptImageError(f"'{folder}' is malformed: {error}") from error


def _assemble(manifest: dict[str, Any], files: dict[str, bytes]) -> Image:
    tiles = _array(files, "tiles.npy", "<i4")
    if tiles.shape != (manifest["height"], manifest["width"], 2):
        raise ValueError(f"tiles.npy has shape {tiles.shape}")
    names = json.loads(files["out.json"])
    fields = {name: manifest[name] for name in _IN_MANIFEST}
    fields |= {
        "programs": [],
        "routings": [],
        "tiles": [],
        "patches": [],
        "params": names["params"],
        "colors": names["colors"],
    }
    image = codec.from_plain(Image, fields)
    image.programs = [codec.from_plain(Program, json.loads(line)) for line in files["programs.jsonl"].splitlines()]
    routing = tuple[ColorConfig, ...]
    image.routings = [codec.from_plain(routing, json.loads(line)) for line in files["routings.jsonl"].splitlines()]
    _check_tiles(tiles, len(image.programs), len(image.routings))
    image.tiles = pairs(tiles[..., 0].reshape(-1), tiles[..., 1].reshape(-1))
    _read_patches(image, tiles[..., 0].reshape(-1), files)
    return image


def _read_patches(image: Image, programs: np.ndarray, files: dict[str, bytes]) -> None:
    rows, patches = _array(files, "rows.npy", "<i4"), _array(files, "patches.npy", "<i8")
    if not rows.size and not any(program.patches for program in image.programs):
        return
    if rows.shape != programs.shape or (rows.size and rows.min() < 0):
        raise ValueError("rows.npy does not fit the tiles")
    image.rows = array("i", rows.tobytes())
    start = 0
    for number, program in enumerate(image.programs):
        used = rows[programs == number]
        size = len(program.patches) * (int(used.max()) + 1 if used.size else 0)
        image.patches.append(array("q", patches[start : start + size].tobytes()))
        start += size
    if start != len(patches):
        raise ValueError("patches.npy does not fit the programs")


def _check_tiles(tiles: np.ndarray, programs: int, routings: int) -> None:
    if tiles.size == 0:
        return
    lowest, highest = tiles.min(axis=(0, 1)), tiles.max(axis=(0, 1))
    if lowest[0] < -1 or lowest[1] < 0 or highest[0] >= programs or highest[1] >= routings:
        raise ValueError("tiles.npy names a program or a routing that does not exist")


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    if not folder.is_dir():
        raise NotAnImageError(f"'{folder}' is no folder; compile first: cslc <layout> -o {folder}")
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotAnImageError(f"'{folder}' has no {_MANIFEST}: not written by this cslc, or not completely") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptImageError(f"'{path}' cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("magic") != MAGIC:
        raise NotAnImageError(f"'{path}' is not the manifest of a compiled image")
    if manifest.get("format") != FORMAT:
        found = manifest.get("format")
        raise ImageVersionError(f"'{folder}' has image format {found!r:.20}, this wafersim reads {FORMAT}; recompile")
    missing = [name for name in (*_IN_MANIFEST, "files", "companions") if name not in manifest]
    files = manifest.get("files")
    if missing or not isinstance(files, dict) or set(files) != _FILES or not isinstance(manifest["companions"], dict):
        raise CorruptImageError(f"'{path}' is incomplete: {', '.join(missing) or 'files'}")
    if manifest.get("digest") != digest_of(manifest):
        raise CorruptImageError(f"'{path}' is damaged: it was changed after it was written; recompile")
    return manifest


_FILES = {"out.json", "programs.jsonl", "routings.jsonl", "tiles.npy", "rows.npy", "patches.npy"}


def _read_checked(path: Path, digest: object) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorruptImageError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if _digest(content) != digest:
        raise CorruptImageError(f"'{path}' is damaged: its content is not what the manifest says; recompile")
    return content


def _tiles_bytes(image: Image) -> bytes:
    return _array_bytes(np.array(image.tiles, dtype="<i4").reshape(image.height, image.width, 2))


def _patches_bytes(image: Image) -> bytes:
    return _array_bytes(np.concatenate([np.zeros(0, "<i8"), *(np.array(rows, "<i8") for rows in image.patches)]))


def _array_bytes(numbers: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, numbers, allow_pickle=False)
    return buffer.getvalue()


def _array(files: dict[str, bytes], name: str, kind: str) -> np.ndarray:
    numbers = np.load(io.BytesIO(files[name]), allow_pickle=False)
    if numbers.dtype != np.dtype(kind):
        raise ValueError(f"{name} has elements of type {numbers.dtype}")
    return numbers


def _json(value: Any, indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else None
    return (json.dumps(value, indent=indent, separators=separators, ensure_ascii=True) + "\n").encode()


def digest_of(manifest: dict[str, Any]) -> str:
    """Digest of a manifest without the digest."""
    rest = {name: value for name, value in manifest.items() if name != "digest"}
    return _digest(json.dumps(rest, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:  # also Ctrl-C: nothing half-written stays
        temporary.unlink(missing_ok=True)
        raise
