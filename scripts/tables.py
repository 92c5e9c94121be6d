"""tables: measurements and published numbers → one table of the paper: CSV, Markdown and LaTeX of the same name."""

from argparse import Namespace
from pathlib import Path

from waferllm import job
from waferllm.measurements import load_measurements
from waferllm.paper import load_claims, load_values
from waferllm.tables import make_table
from waferllm.tables.render import write_table


def main(options: Namespace) -> None:
    measurements, paper = load_measurements(Path(options.measurements)), load_values(Path(options.paper))
    table = make_table(options.item, measurements, paper, load_claims(Path(options.claims)))
    write_table(table, Path(options.out))


if __name__ == "__main__":
    job.run(main, job.parser(__doc__, "--item", "--measurements", "--paper", "--claims", "--out"))
