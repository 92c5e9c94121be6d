"""Files of the stage `partition`: `inputs.npz` goes in, `tiles.npz` and `manifest.json` come out.

`tiles.npz` has one array [height, width, n] for each input symbol, in the type and element order of the PE; the
manifest says mesh, padded lengths, axes and order of each.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from waferllm import artifacts
from waferllm.errors import PartitionError
from waferllm.experiments import Experiment
from waferllm.kernels import dtypes, elements_of, global_shapes, holders, kernel_of, mesh_for, params_of, tiles_of
from waferllm.partition.tiles import join, split


def split_inputs(experiment: Experiment, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tiles [height, width, n] of each input."""
    mesh, tiles = mesh_for(experiment), tiles_of(experiment)
    types, shapes = dtypes(experiment), global_shapes(experiment)
    result = {}
    for name in kernel_of(experiment).inputs:
        if name not in arrays or arrays[name].shape != shapes[name] or arrays[name].dtype != types[name]:
            found = f"{arrays[name].dtype} {arrays[name].shape}" if name in arrays else "nothing"
            raise PartitionError(f"{experiment.id}: '{name}': expected {types[name]} {shapes[name]}, found {found}")
        result[name] = split(tiles[name], arrays[name], mesh)
    return result


def join_output(experiment: Experiment, tiles: np.ndarray) -> np.ndarray:
    """The global output, from [height, width, n]."""
    name = kernel_of(experiment).output
    lengths = global_shapes(experiment)[name]
    return join(tiles_of(experiment)[name], tiles, mesh_for(experiment), lengths, holders(experiment))


def partition_experiment(experiment: Experiment, inputs: str | Path, tiles: str | Path, manifest: str | Path) -> None:
    """Writes `tiles` and `manifest`."""
    hashes = {"experiment": experiment.digest(), "inputs": artifacts.file_hash(inputs)}
    arrays = split_inputs(experiment, artifacts.read_npz(inputs, "inputs"))
    artifacts.write_npz(tiles, "partition", arrays, hashes)
    artifacts.write_json(manifest, "manifest", describe(experiment), hashes)


def describe(experiment: Experiment) -> dict:
    """What the manifest tells: enough to read the tiles without this package."""
    mesh, types, elements = mesh_for(experiment), dtypes(experiment), elements_of(experiment)
    return {
        "experiment": experiment.id,
        "kernel": experiment.kernel,
        "width": mesh.width,
        "height": mesh.height,
        "lengths": experiment.lengths(),
        "padded": dict(mesh.padded),
        "params": params_of(experiment),
        "arrays": {
            name: {
                "dtype": types[name].name,
                "axes": list(tile.axes),
                "order": list(tile.order),
                "placements": {axis: repr(placement) for axis, placement in tile.placements.items()},
                "elements": elements[name],
            }
            for name, tile in tiles_of(experiment).items()
        },
    }
