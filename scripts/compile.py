"""compile: a kernel and the parameters of an experiment → folder with the compiled program (out/) and compile.json."""

from argparse import Namespace
from pathlib import Path

from waferllm import job
from waferllm.compile import compile_experiment


def main(options: Namespace) -> None:
    out = Path(options.out)
    experiment, toolchain = job.experiment_of(options), job.toolchain_of(options)
    compile_experiment(experiment, toolchain, out / "out", out / "compile.json", options.kernels)


if __name__ == "__main__":
    job.run(main, job.toolchain_parser(__doc__, "--out"))
