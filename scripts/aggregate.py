"""aggregate: statistics and verdicts of all experiments → one table of measurements."""

from argparse import Namespace

from waferllm import job
from waferllm.aggregate import aggregate_experiments
from waferllm.experiments import load_experiments


def main(options: Namespace) -> None:
    experiments = load_experiments(options.experiments)
    aggregate_experiments(experiments, options.out, options.results, options.config_hash)


if __name__ == "__main__":
    job.run(main, job.parser(__doc__, "--experiments", "--config-hash", "--results", "--out"))
