"""figures: measurements, records and published numbers → one figure: PNG, PDF and the numbers behind it (CSV)."""

from argparse import Namespace
from pathlib import Path

from waferllm import job
from waferllm.figures.write import write_figure_of
from waferllm.paper import load_values


def main(options: Namespace) -> None:
    sources = [Path(path) for path in options.sources]
    write_figure_of(options.item, sources, load_values(Path(options.paper)), Path(options.out))


if __name__ == "__main__":
    parser = job.parser(__doc__, "--item", "--paper", "--out")
    parser.add_argument("--sources", nargs="+", required=True, metavar="PATH", help="measurements or records")
    job.run(main, parser)
