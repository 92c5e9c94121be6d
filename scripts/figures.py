"""figures: measurements and published numbers → one figure of the paper: PNG, PDF and the numbers behind it (CSV)."""

from argparse import Namespace
from pathlib import Path

from waferllm import job
from waferllm.figures.write import write_figure
from waferllm.measurements import load_measurements
from waferllm.paper import load_values


def main(options: Namespace) -> None:
    measurements, paper = load_measurements(Path(options.measurements)), load_values(Path(options.paper))
    write_figure(options.item, measurements, paper, Path(options.out))


if __name__ == "__main__":
    job.run(main, job.parser(__doc__, "--item", "--measurements", "--paper", "--out"))
