"""run: a compiled program and tiles → outputs and time stamps (outputs.npz), cycles and statistics (stats.json)."""

from argparse import Namespace
from pathlib import Path

from waferllm import job
from waferllm.run import run_experiment


def main(options: Namespace) -> None:
    experiment, toolchain = job.experiment_of(options), job.toolchain_of(options)
    program = Path(options.program) / "out"
    files = program, options.tiles, options.outputs, options.stats
    run_experiment(experiment, toolchain, *files, kernels=options.kernels, address=options.cmaddr)


if __name__ == "__main__":
    job.run(main, job.toolchain_parser(__doc__, "--program", "--tiles", "--outputs", "--stats"))
