"""Stage `figures`: measurements and published numbers -> results/figures/ITEM.png, .pdf, and the data as .csv."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from waferllm.figures.write import ITEMS, write_figure
from waferllm.measurements import MeasurementError, load_measurements
from waferllm.paper import PaperError, load_values


def main() -> int:
    options = parse_options()
    try:
        measurements, values = load_measurements(options.measurements), load_values(options.paper)
        for item in options.item:
            for path in write_figure(item, measurements, values, options.out):
                print(path)
    except (MeasurementError, PaperError) as error:
        print(f"figures: {error}", file=sys.stderr)
        return 1
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Figures of the paper from the measurements")
    parser.add_argument("--item", nargs="+", choices=ITEMS, default=list(ITEMS), help="figures to make (default: all)")
    parser.add_argument("--measurements", type=Path, default=Path("results/aggregate/measurements.csv"))
    parser.add_argument("--paper", type=Path, default=Path("config/paper_values.csv"), help="published numbers")
    parser.add_argument("--out", type=Path, default=Path("results/figures"), help="folder of the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
