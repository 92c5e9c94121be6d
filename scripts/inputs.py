"""inputs: an experiment → its seeded matrices (inputs.npz)."""

from argparse import Namespace

from waferllm import job
from waferllm.inputs import inputs_experiment


def main(options: Namespace) -> None:
    inputs_experiment(job.experiment_of(options), options.out)


if __name__ == "__main__":
    job.run(main, job.experiment_parser(__doc__, "--out"))
