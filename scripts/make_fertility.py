"""Make the fertility table that ships with the package from the World Bank's download.

    python scripts/make_fertility.py fertility.csv src/lowland/datasets/data/fertility.csv

The source has one row a country with three further text columns and one column a year. Country
codes and indicator names are dropped, and so are countries and years without a single value;
both are printed. Values are written with three decimals, the source's own precision.
"""

import csv
import sys


def main(source: str, target: str) -> None:
    """Read the source and write the tidy table."""
    with open(source, newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    years = header[4:]
    empty_years = [year for k, year in enumerate(years) if not any(row[4 + k] for row in rows)]
    empty_countries = [row[0] for row in rows if not any(row[4:])]
    kept = [k for k, year in enumerate(years) if year not in empty_years]
    with open(target, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["country", *(years[k] for k in kept)])
        for row in rows:
            if row[0] not in empty_countries:
                cells = [row[4 + k] for k in kept]
                writer.writerow([row[0], *(f"{float(cell):.3f}" if cell else "" for cell in cells)])
    print(f"dropped years without data: {', '.join(empty_years) or 'none'}")
    print(f"dropped countries without data: {', '.join(empty_countries) or 'none'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
