"""aggregate: statistics and verdicts of all experiments → one table of measurements."""

from argparse import Namespace

from waferllm import job
from waferllm.aggregate import aggregate_experiments
from waferllm.experiments import load_experiments


def main(options: Namespace) -> None:
    aggregate_experiments(load_experiments(options.experiments), options.out, options.results)


if __name__ == "__main__":
    job.run(main, job.parser(__doc__, "--experiments", "--results", "--out"))
