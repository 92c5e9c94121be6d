"""partition: matrices → the tile of each PE (tiles.npz) and where each element went (manifest.json)."""

from argparse import Namespace

from waferllm import job
from waferllm.partition.stage import partition_experiment


def main(options: Namespace) -> None:
    partition_experiment(job.experiment_of(options), options.inputs, options.tiles, options.manifest)


if __name__ == "__main__":
    job.run(main, job.experiment_parser(__doc__, "--inputs", "--tiles", "--manifest"))
