"""`lowland top`: rank the columns of rows by a saved model."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
import typer

from lowland.cells.labels import TableLabels
from lowland.cli.options import TableFileOptions
from lowland.cli.output import say, say_json
from lowland.cli.overwriting import check_output, check_table
from lowland.cli.reading import TableOptions
from lowland.cli.records import argument, option, takes_records
from lowland.completion.files.models import load_model
from lowland.completion.tables.rankings import recommend
from lowland.core.arrays import Indices
from lowland.core.cells.labels import label_text
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.files.outputs import cell_text, write_rows
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table, read_columns

HEADER = ("row", "rank", "column", "prediction")


@final
@dataclass(frozen=True, kw_only=True)
class TopOptions:
    """Which rows and columns to rank, and where to write that."""

    labels: list[str] | None = argument(
        "Labels of rows, or their positions if they have no labels.", default=None, metavar="[ROW]..."
    )
    everyone: bool = option(False, "Rank the columns of every row.", "--all")
    count: int = option(10, "Number of columns.", "--count", "-k")
    include_observed: bool = option(
        False, "Rank columns that the row has already, too.", "--include-observed"
    )
    candidates: Path | None = option(None, "Table whose first column lists the columns to choose from.")
    table: Path | None = option(
        None, "Table of what rows have already, of a model that was saved without its data."
    )
    output: Path | None = option(None, "Write the rankings here instead.")


@takes_records
def top(
    model: Annotated[Path, typer.Argument(help="A model written by lowland complete.")],
    asked: TopOptions,
    shared: TableFileOptions,
    layout: TableOptions,
) -> None:
    """Print the columns with the largest predictions for rows, without those that they have already."""
    labels, output, reading = asked.labels, asked.output, layout.reading
    if asked.count < 1:
        raise InvalidInputError("--count must be at least 1", str(asked.count))
    if asked.everyone == bool(labels):
        raise InvalidInputError(
            "name some rows, or pass --all", "both" if labels else "neither", fix="give one of them"
        )
    if output is not None:
        check_output(output, force=shared.files.force)
        check_table(output, "--output")
    fitted, _ = load_model(model)
    known = fitted.model.labels
    wanted = [] if labels is None else labels if known.rows is not None else [_position(x) for x in labels]
    rows = np.arange(known.shape[0]) if asked.everyone else known.positions(wanted, 0)
    seen = fitted.observations if asked.table is None else _aligned(asked.table, reading, known)
    places, predictions = recommend(
        fitted.model,
        rows,
        asked.count,
        seen=None if asked.include_observed else _must_know(seen),
        candidates=None if asked.candidates is None else _candidates(asked.candidates, known),
    )
    names = [_names(known.rows, rows), _names(known.columns, np.arange(known.shape[1]))]
    lines = [
        (names[0][i], rank + 1, names[1][j], float(number))
        for i, (columns, numbers) in enumerate(zip(places.tolist(), predictions.tolist(), strict=True))
        for rank, (j, number) in enumerate(zip(columns, numbers, strict=True))
        if j >= 0
    ]
    if output is not None:
        write_rows(output, HEADER, lines, labels=3, formulas=shared.keep_formulas)
        say(f"{len(lines)} lines for {rows.size} rows: {output}")
    elif shared.files.json:
        say_json({"columns": HEADER, "rows": lines})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(map(cell_text, line) for line in lines)


def _must_know(seen: Observations | None) -> Observations:
    if seen is None:
        raise InvalidInputError(
            "what rows have already is not known",
            "a model that was saved without its data",
            fix="pass --table, or --include-observed",
        )
    return seen


def _aligned(table: Path, reading: Reading, labels: TableLabels) -> Observations:
    known = labels.align(load_table(table, replace(reading, words=True)).observations, rows=True)
    if known.shape != labels.shape:
        raise InvalidInputError(
            "the table and the model differ in shape",
            f"table {known.shape}, model {labels.shape}",
            fix="pass the table that the model was fitted to",
        )
    return known


def _candidates(path: Path, labels: TableLabels) -> Indices:
    columns, _ = read_columns(path)
    return labels.positions(next(iter(columns.values())), 1)


def _names(labels: Any, positions: Indices) -> list[str]:
    return [label_text(x) for x in (positions if labels is None else labels[positions]).tolist()]


def _position(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInputError(
            "rows of this model have no labels", repr(text), fix="pass a position counted from 0"
        ) from None
