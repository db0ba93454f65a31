"""`lowland top`: rank the columns of rows by a saved model."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lowland.cells.labels import TableLabels
from lowland.cli.options import ForceOption, FormulasOption, JsonOption, QuietOption
from lowland.cli.output import say, say_json
from lowland.cli.overwriting import check_output, check_table
from lowland.cli.reading import reads_table
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


@reads_table
def top(
    reading: Reading,
    model: Annotated[Path, typer.Argument(help="A model written by lowland complete.")],
    labels: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ROW]...", help="Labels of rows, or their positions if they have no labels."),
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Rank the columns of every row.")] = False,
    count: Annotated[int, typer.Option("--count", "-k", help="Number of columns.")] = 10,
    include_observed: Annotated[
        bool, typer.Option("--include-observed", help="Rank columns that the row has already, too.")
    ] = False,
    candidates: Annotated[
        Path | None, typer.Option(help="Table whose first column lists the columns to choose from.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Table of what rows have already, of a model that was saved without its data."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the rankings here instead.")] = None,
    keep_formulas: FormulasOption = False,
    force: ForceOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Print the columns with the largest predictions for rows, without those that they have already."""
    if count < 1:
        raise InvalidInputError("--count must be at least 1", str(count))
    if everyone == bool(labels):
        raise InvalidInputError(
            "name some rows, or pass --all", "both" if labels else "neither", fix="give one of them"
        )
    if output is not None:
        check_output(output, force=force)
        check_table(output, "--output")
    fitted, _ = load_model(model)
    known = fitted.model.labels
    wanted = [] if labels is None else labels if known.rows is not None else [_position(x) for x in labels]
    rows = np.arange(known.shape[0]) if everyone else known.positions(wanted, 0)
    seen = fitted.observations if table is None else _aligned(table, reading, known)
    places, predictions = recommend(
        fitted.model,
        rows,
        count,
        seen=None if include_observed else _must_know(seen),
        candidates=None if candidates is None else _candidates(candidates, known),
    )
    names = [_names(known.rows, rows), _names(known.columns, np.arange(known.shape[1]))]
    lines = [
        (names[0][i], rank + 1, names[1][j], float(number))
        for i, (own, numbers) in enumerate(zip(places.tolist(), predictions.tolist(), strict=True))
        for rank, (j, number) in enumerate(zip(own, numbers, strict=True))
        if j >= 0
    ]
    if output is not None:
        write_rows(output, HEADER, lines, labels=3, formulas=keep_formulas)
        say(f"{len(lines)} lines for {rows.size} rows: {output}")
    elif json:
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
