"""tables: measurements, records and published numbers → one table: CSV, Markdown and LaTeX of the same name."""

from argparse import Namespace
from pathlib import Path

from waferllm import job
from waferllm.paper import load_claims, load_values
from waferllm.tables import table_of
from waferllm.tables.render import write_table


def main(options: Namespace) -> None:
    paper, claims = load_values(Path(options.paper)), load_claims(Path(options.claims))
    write_table(table_of(options.item, [Path(path) for path in options.sources], paper, claims), Path(options.out))


if __name__ == "__main__":
    parser = job.parser(__doc__, "--item", "--paper", "--claims", "--out")
    parser.add_argument("--sources", nargs="*", default=[], metavar="PATH", help="measurements or records")
    job.run(main, parser)
