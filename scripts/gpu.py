"""gpu: GEMV and decode with PyTorch on a CUDA GPU of this machine → a record of times."""

from argparse import Namespace

from waferllm import gpu, job


def main(options: Namespace) -> None:
    print(gpu.measure(options.out)["device"])


if __name__ == "__main__":
    job.run(main, job.parser(__doc__, "--out"))
