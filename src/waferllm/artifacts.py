"""Files between the stages: arrays (.npz) and records (.json) go in, the same come out, whole or not at all.

A file is written beside its place and then moved there, so that a killed job leaves no half file under the final
name. Every file says what it is: `format` is the number of its layout, `kind` the stage that wrote it, and
`inputs` the SHA-256 of the files that it was made from. Changing a layout means adding one to its number in FORMATS.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from waferllm.errors import ArtifactError, FormatError, StaleError, TruncatedError

KINDS = ("inputs", "partition", "manifest", "compile", "run", "validate", "aggregate", "generate")
FORMATS: dict[str, int] = dict.fromkeys(KINDS, 1)
"""Layout number of the files of each kind."""
HEADER = "__artifact__"
"""Member of an .npz file that holds kind, format and input hashes as JSON text."""


# ------------------------------------------------------------------------------------------------ places


def place(stage: str, experiment: str, root: str | Path = "results") -> Path:
    """The main file (for compile: the program's folder) of a stage for one experiment, below `root`."""
    folder = Path(root) / stage
    files = {
        "inputs": folder / experiment / "inputs.npz",
        "partition": folder / experiment / "tiles.npz",
        "manifest": Path(root) / "partition" / experiment / "manifest.json",
        "compile": folder / experiment / "out",
        "compiled": Path(root) / "compile" / experiment / "compile.json",
        "run": folder / experiment / "outputs.npz",
        "stats": Path(root) / "run" / experiment / "stats.json",
        "validate": folder / f"{experiment}.json",
        "failed": folder / experiment,
        "aggregate": folder / "measurements.csv",
    }
    if stage not in files:
        raise ArtifactError(f"no stage writes '{stage}', expected one of: {', '.join(files)}")
    return files[stage]


# ------------------------------------------------------------------------------------------------ hashes


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with _opened(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def data_hash(data: Any) -> str:
    """SHA-256 of plain data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def folder_hash(folder: str | Path) -> str:
    """SHA-256 over names and contents of all files below a folder."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return data_hash([[path.relative_to(folder).as_posix(), file_hash(path)] for path in files])


def input_hashes(**paths: str | Path) -> dict[str, str]:
    return {name: file_hash(path) for name, path in paths.items()}


# ------------------------------------------------------------------------------------------------ writing


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A path to write to; what stands there when the block ends without an error becomes `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, kind: str, record: Mapping[str, Any], inputs: Mapping[str, str] | None = None) -> None:
    content = {"format": FORMATS[kind], "kind": kind, "inputs": dict(inputs or {}), **record}
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=False) + "\n", encoding="utf-8")


def write_npz(
    path: str | Path, kind: str, arrays: Mapping[str, np.ndarray], inputs: Mapping[str, str] | None = None
) -> None:
    header = json.dumps({"format": FORMATS[kind], "kind": kind, "inputs": dict(inputs or {})})
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{HEADER: np.array(header)}, **arrays)  # pyright: ignore[reportArgumentType]


def write_text(path: str | Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


# ------------------------------------------------------------------------------------------------ reading


def read_json(path: str | Path, kind: str) -> dict[str, Any]:
    try:
        with _opened(path) as file:
            content = json.loads(file.read())
    except ValueError as error:
        raise TruncatedError(f"{path}: no whole JSON file ({error}); delete it and run again") from error
    if not isinstance(content, dict):
        raise FormatError(f"{path}: expected a record of kind '{kind}', found {type(content).__name__}")
    _check(path, kind, content)
    return content


def read_npz(path: str | Path, kind: str) -> dict[str, np.ndarray]:
    """The arrays of a file of our own."""
    arrays = read_arrays(path)
    header = arrays.pop(HEADER, None)
    if header is None:
        raise FormatError(f"{path}: expected a file of kind '{kind}', found an .npz without a header")
    _check(path, kind, json.loads(str(header)))
    return arrays


def read_header(path: str | Path) -> dict[str, Any]:
    """Kind, format and input hashes of an .npz file; empty if it has none."""
    with _opened(path), np.load(path, allow_pickle=False) as archive:
        return json.loads(str(archive[HEADER])) if HEADER in archive else {}


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz file, whoever wrote it."""
    try:
        with _opened(path), np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise TruncatedError(f"{path}: no whole .npz file ({error}); delete it and run again") from error


def check_inputs(path: str | Path, recorded: Mapping[str, str], **paths: str | Path) -> None:
    """Refuses a file whose recorded input hashes are not those of the files at hand."""
    for name, source in paths.items():
        if recorded.get(name) != file_hash(source):
            raise StaleError(f"{path}: made from another '{name}' than {source}; delete it and run again")


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    try:
        file = Path(path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error
    with file:
        yield file


def _check(path: str | Path, kind: str, header: Mapping[str, Any]) -> None:
    if header.get("kind") != kind:
        raise FormatError(f"{path}: expected a file of kind '{kind}', found '{header.get('kind')}'")
    if header.get("format") != FORMATS[kind]:
        raise FormatError(
            f"{path}: format {header.get('format')} of '{kind}', this version reads {FORMATS[kind]}; "
            "delete it and run again"
        )
