"""`lowland predict`: predict a list of cells from a saved model."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from lowland.cli.options import DelimiterOption, JsonOption
from lowland.cli.output import say, say_json
from lowland.completion.completed import Completed
from lowland.completion.model_files import load_model
from lowland.core.atomic import check_writable
from lowland.core.errors import InvalidInputError
from lowland.core.labels import LabelColumn
from lowland.files.delimited import read_delimited, read_header
from lowland.files.outputs import cell_text, write_rows
from lowland.files.tables import DELIMITERS


def predict(
    model: Annotated[Path, typer.Argument(help="A model written by lowland complete.")],
    pairs: Annotated[
        Path, typer.Argument(help="CSV or TSV with one row label and one column label per line.")
    ],
    row: Annotated[
        str | None, typer.Option(help="Name of the column of row labels; by default the first.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Name of the column of column labels; by default the second.")
    ] = None,
    delimiter: DelimiterOption = None,
    interval: Annotated[
        float | None, typer.Option(help="Add prediction intervals of this level (Bayesian models).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the predictions here instead of printing them.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Predict cells of a completed table."""
    if output is not None:
        check_writable(output)
    loaded, _ = load_model(model)
    fitted = loaded.model
    suffix = pairs.suffix.lower()
    if suffix not in DELIMITERS:
        raise InvalidInputError(
            f"{pairs} has an unknown file extension", suffix or "none", fix="pass a CSV or TSV file"
        )
    delimiter = delimiter or DELIMITERS[suffix]
    header = read_header(pairs, delimiter)
    if len(header) < 2:
        raise InvalidInputError(
            f"{pairs} needs two columns",
            f"{len(header)}",
            fix="name one column of row labels and one of column labels",
        )
    first = row or next(name for name in header if name != column)
    names = [first, column or next(name for name in header if name != first)]
    for name in names:
        if name not in header:
            raise InvalidInputError(f"{pairs} has no column {name!r}", ", ".join(header))
    lines = read_delimited(pairs, delimiter, set(names))
    labels = [lines[name] for name in names]
    positions = []
    for axis, column_ in enumerate(labels):
        if not isinstance(column_, LabelColumn):
            raise InvalidInputError(f"{pairs} has no labels in column {names[axis]!r}")
        positions.append(fitted.labels.positions(column_.names, axis)[column_.codes])
    rows, cols = (c.names[c.codes] for c in labels if isinstance(c, LabelColumn))
    values = [fitted.predict(*positions)]
    titles: tuple[str, ...] = (*names, "prediction")
    if interval is not None:
        values += Completed(loaded).intervals.at(positions[0], positions[1], interval, "auto")
        titles += ("lower", "upper")
    numbers = np.column_stack(values).astype(float).tolist()
    written = [(r, c, *own) for r, c, own in zip(rows.tolist(), cols.tolist(), numbers, strict=True)]
    if output is not None:
        write_rows(output, titles, written)
        say(f"{len(written)} predictions: {output}")
    elif json:
        say_json({"columns": titles, "rows": written})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows(map(cell_text, line) for line in written)
