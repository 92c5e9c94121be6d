"""Stage `tables`: measurements and published numbers -> results/tables/ITEM.csv, .md, .tex."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from waferllm.measurements import MeasurementError, load_measurements
from waferllm.paper import PaperError, load_claims, load_values
from waferllm.tables import ITEMS, make_table
from waferllm.tables.render import write_table


def main() -> int:
    options = parse_options()
    try:
        measurements = load_measurements(options.measurements)
        values, claims = load_values(options.paper), load_claims(options.claims)
        for item in options.item:
            for path in write_table(make_table(item, measurements, values, claims), options.out):
                print(path)
    except (MeasurementError, PaperError) as error:
        print(f"tables: {error}", file=sys.stderr)
        return 1
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Tables of the paper, ours beside theirs, from the measurements")
    parser.add_argument("--item", nargs="+", choices=ITEMS, default=list(ITEMS), help="tables to make (default: all)")
    parser.add_argument("--measurements", type=Path, default=Path("results/aggregate/measurements.csv"))
    parser.add_argument("--paper", type=Path, default=Path("config/paper_values.csv"), help="published numbers")
    parser.add_argument("--claims", type=Path, default=Path("config/paper_claims.csv"), help="published claims")
    parser.add_argument("--out", type=Path, default=Path("results/tables"), help="folder of the tables")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
