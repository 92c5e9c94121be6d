"""What a generation has come to so far: steps go in as they come, and are there again when a killed run starts anew.

    run.json         what the run is of; a folder of another run is emptied
    steps.jsonl      a line for each step: the first is the prompt, each of the others a token
    logits_N.npy     logits after step N
    state_N.npz      state of the machine after the last step, from which the next one goes on
    bounds.npz       how far numbers may be off, once it has been computed
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class Journal:
    """A folder; `steps` has the records of all steps so far."""

    def __init__(self, folder: Path, run: Mapping[str, Any]):
        self.folder = folder
        self.steps: list[dict[str, Any]] = []
        text = json.dumps(run, indent=2, sort_keys=True) + "\n"
        name = folder / "run.json"
        if name.is_file() and name.read_text(encoding="utf-8") == text:
            self.steps = self._read()
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        name.write_text(text, encoding="utf-8")

    def _read(self) -> list[dict[str, Any]]:
        """A line that was cut off does not count."""
        path = self.folder / "steps.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        if len(found) < len(lines):
            path.write_text("".join(lines[:-1]), encoding="utf-8")
        return found

    def add(self, step: Mapping[str, Any], state: Mapping[str, np.ndarray]) -> None:
        """The line comes last: what it stands for is there."""
        number = len(self.steps)
        np.save(self.folder / f"logits_{number}.npy", state["logits"])
        np.savez(self.folder / f"state_{number}.npz", allow_pickle=False, **state)
        with (self.folder / "steps.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(step) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.steps.append(dict(step))
        if number:
            (self.folder / f"state_{number - 1}.npz").unlink(missing_ok=True)

    @property
    def state_path(self) -> Path:
        return self.folder / f"state_{len(self.steps) - 1}.npz"

    def state(self) -> dict[str, np.ndarray]:
        with np.load(self.state_path) as saved:
            return dict(saved)

    def logits(self) -> np.ndarray:
        """[steps, words]"""
        return np.array([np.load(self.folder / f"logits_{number}.npy") for number in range(len(self.steps))])

    def kept(self, name: str, compute: Any) -> dict[str, np.ndarray]:
        """Arrays that take long to compute, and do not depend on the machine."""
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            beside = path.with_suffix(".part.npz")
            np.savez(beside, allow_pickle=False, **compute())
            os.replace(beside, path)
        with np.load(path) as saved:
            return dict(saved)
