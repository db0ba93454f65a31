"""`lowland predict`: predictions of a saved model for a list of cells."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from lowland.cli.output import say, say_json
from lowland.cli.store import load_model
from lowland.core.atomic import check_writable
from lowland.core.errors import InvalidInputError
from lowland.files.delimited import read_delimited
from lowland.files.outputs import write_rows
from lowland.files.tables import DELIMITERS


def predict(
    model: Annotated[Path, typer.Argument(help="A model that lowland complete wrote.")],
    pairs: Annotated[Path, typer.Argument(help="CSV or TSV with a row and a column label in each line.")],
    row: Annotated[str | None, typer.Option(help="Name of the row column; the first by default.")] = None,
    column: Annotated[
        str | None, typer.Option(help="Name of the column column; the second by default.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write here instead of to the screen.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict cells of a completed table."""
    if output is not None:
        check_writable(output)
    fitted, _ = load_model(model)
    suffix = pairs.suffix.lower()
    if suffix not in DELIMITERS:
        raise InvalidInputError(
            f"{pairs} has an unknown ending", suffix or "none", fix="pass a CSV or TSV file"
        )
    columns = read_delimited(pairs, DELIMITERS[suffix])
    if len(columns) < 2:
        raise InvalidInputError(
            f"{pairs} needs two columns", f"{len(columns)}", fix="one for rows, one for columns"
        )
    first, second, *_ = columns
    names = [row or first, column or second]
    for name in names:
        if name not in columns:
            raise InvalidInputError(f"{pairs} has no column {name!r}", ", ".join(columns))
    rows, cols = (columns[name] for name in names)
    values = fitted.predict(fitted.positions(rows, 0), fitted.positions(cols, 1))
    header = (*names, "prediction")
    lines = [(r, c, float(v)) for r, c, v in zip(rows.tolist(), cols.tolist(), values, strict=True)]
    if output is not None:
        write_rows(output, header, lines)
        say(f"{len(lines)} predictions: {output}")
    elif json:
        say_json({"columns": header, "rows": lines})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(header)
        writer.writerows((r, c, f"{v:.6g}") for r, c, v in lines)
