"""`lowland top`: rank the columns of a row by a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from lowland.cli.options import JsonOption
from lowland.cli.output import say, say_json
from lowland.cli.reading import reads_table
from lowland.completion.model_files import load_model
from lowland.completion.rankings import best_columns
from lowland.core.errors import InvalidInputError
from lowland.core.labels import label_text
from lowland.files.layouts import Reading
from lowland.files.tables import load_table


@reads_table
def top(
    reading: Reading,
    model: Annotated[Path, typer.Argument(help="A model written by lowland complete.")],
    label: Annotated[
        str, typer.Argument(metavar="ROW", help="Label of the row, or its position if rows have no labels.")
    ],
    count: Annotated[int, typer.Option("--count", "-k", help="Number of columns.")] = 10,
    table: Annotated[
        Path | None,
        typer.Option(help="The fitted table; columns that it observes in the row are left out."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print the columns with the largest predictions for a row."""
    if count < 1:
        raise InvalidInputError("--count must be at least 1", str(count))
    fitted = load_model(model)[0].model
    labels = fitted.labels
    wanted = [label] if labels.rows is not None else [_position(label)]
    at = int(labels.positions(wanted, 0)[0])
    seen = np.zeros(0, np.intp)
    if table is not None:
        loaded = load_table(table, reading)
        known = labels.align(loaded.observations, rows=True)
        if known.shape != fitted.shape:
            raise InvalidInputError(
                "the table and the model differ in shape",
                f"table {known.shape}, model {fitted.shape}",
                fix="pass the table that the model was fitted to",
            )
        seen = known.columns[known.rows == at]
    n = fitted.shape[1]
    columns = best_columns(fitted.scores(np.full(n, at), np.arange(n)), seen, count)
    predictions = fitted.predict(np.full(columns.size, at), columns)
    names = columns if labels.columns is None else labels.columns[columns]
    texts, numbers = [label_text(name) for name in names.tolist()], predictions.astype(float).tolist()
    if json:
        say_json({"row": label, "columns": texts, "predictions": numbers})
        return
    for name, number in zip(texts, numbers, strict=True):
        say(f"{number:.6g}  {name}")


def _position(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInputError(
            "rows of this model have no labels", repr(text), fix="pass a position counted from 0"
        ) from None
