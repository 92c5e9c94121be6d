"""validate: outputs against NumPy → report with errors, bound and verdict; evidence of a failure goes into a folder."""

from argparse import Namespace

from waferllm import job
from waferllm.validate import validate_experiment


def main(options: Namespace) -> None:
    report = validate_experiment(
        job.experiment_of(options), options.inputs, options.outputs, options.out, options.failed
    )
    print(report.message())


if __name__ == "__main__":
    job.run(main, job.experiment_parser(__doc__, "--inputs", "--outputs", "--out", "--failed"))
