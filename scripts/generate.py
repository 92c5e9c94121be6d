"""generate: a row of the generations table → what the wafer says, checked against the reference, and its cycles."""

from argparse import Namespace

from waferllm import job
from waferllm.backends.commands import Commands
from waferllm.errors import BackendError
from waferllm.generations import generate, load_generations


def main(options: Namespace) -> None:
    rows = {row.id: row for row in load_generations(options.experiments)}
    backend = job.toolchain_of(options)
    if not isinstance(backend, Commands):
        raise BackendError(f"backend '{options.backend}' runs whole jobs; models need wafersim or sdk")
    print(generate(rows[options.experiment], backend, options.out, options.kernels)["text"])


if __name__ == "__main__":
    job.run(main, job.toolchain_parser(__doc__, "--out"))
