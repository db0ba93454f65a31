"""`lowland predict`: predict a list of cells from a saved model."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
import typer
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.cli.options import TableFileOptions
from lowland.cli.output import say, say_json, warn
from lowland.cli.overwriting import check_output, check_table
from lowland.cli.reading import CellOptions
from lowland.cli.records import option, takes_records
from lowland.completion.files.models import load_model
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.model import TableModel
from lowland.completion.tables.trial import LevelPredictor
from lowland.completion.tables.unknown_lines import UNKNOWN, describe_unknown, predict_all
from lowland.core.arrays import Indices
from lowland.core.cells.labels import LabelColumn, label_column
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.files.outputs import cell_text, write_rows
from lowland.files.table_format import TableFormat
from lowland.files.tables import read_typed_columns


@final
@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """Which columns name the cells, and what is written of their predictions."""

    row: str | None = option(None, "Name of the column of row labels; by default the first.")
    column: str | None = option(None, "Name of the column of column labels; by default the second.")
    interval: float | None = option(None, "Add prediction intervals of this level (Bayesian models).")
    output: Path | None = option(None, "Write the predictions here instead of printing them.")


@takes_records
def predict(
    model: Annotated[Path, typer.Argument(help="A model written by lowland complete.")],
    pairs: Annotated[
        Path, typer.Argument(help="Table with one row label and one column label per line: CSV, Parquet, ...")
    ],
    asked: PredictOptions,
    shared: TableFileOptions,
    cells: CellOptions,
) -> None:
    """Predict cells of a completed table."""
    output, interval = asked.output, asked.interval
    if output is not None:
        check_output(output, force=shared.files.force)
        check_table(output, "--output")
    loaded, header = load_model(model, data=interval is not None)
    fitted = loaded.model
    names, labels = _pairs(pairs, (asked.row, asked.column), fitted.labels, cells.form)
    positions = [
        fitted.labels.positions(one.names, axis, unknown=UNKNOWN)[one.codes]
        for axis, one in enumerate(labels)
    ]
    for axis, (at, one) in enumerate(zip(positions, labels, strict=True)):
        if at.size and (at < 0).all():  # rather another column than strangers alone
            fitted.labels.positions(one.names, axis)
    rows, cols = (one.names[one.codes] for one in labels)
    values = [predict_all(fitted, *positions)]
    if np.isinf(values[0]).any():
        raise FileFormatError(
            f"{model} is a damaged model", "it predicts numbers that are not finite", fix="use a whole model"
        )
    titles: tuple[str, ...] = (*names, "prediction")
    strange = describe_unknown(*positions)
    if interval is not None:
        known = np.array([not words for words in strange]) & _has_interval(fitted, positions[1])
        some = [places[known] for places in positions]
        for ends in Completed(loaded).intervals.at(some[0], some[1], interval, "auto"):
            values.append(np.full(known.size, np.nan))
            values[-1][known] = ends
        titles += ("lower", "upper")
    titles += ("unknown",)
    numbers = np.column_stack(values).astype(float).tolist()
    lines = zip(rows.tolist(), cols.tolist(), numbers, strange, strict=True)
    written = [(r, c, *map(_or_blank, of_cell), words) for r, c, of_cell, words in lines]
    for place, word in _words_of(fitted, header, *positions).items():
        written[place] = (*written[place][:2], word, *written[place][3:])
    count = sum(map(bool, strange))
    if count:
        warn(
            f"lowland: {count} of {len(strange)} cells have labels that the model does not know; they are "
            "predicted by averages, see the column unknown"
        )
    if output is not None:
        write_rows(output, titles, written, labels=2, formulas=shared.keep_formulas)
        say(f"{len(written)} predictions: {output}")
    elif shared.files.json:
        say_json({"columns": titles, "rows": written})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows(map(cell_text, line) for line in written)


def _or_blank(number: float) -> float | str:
    return "" if np.isnan(number) else number


def _has_interval(fitted: TableModel, columns: Indices) -> NDArray[np.bool_]:
    """Return which cells have intervals: levels have none."""
    if fitted.losses is None:
        return np.ones(columns.size, bool)
    return np.isin(columns, np.flatnonzero(fitted.losses.numbers))


def _words_of(
    fitted: TableModel, header: Mapping[str, Any], rows: Indices, columns: Indices
) -> dict[int, str]:
    """Return the likeliest levels, by the places of known cells in columns that were fitted as levels."""
    names = {str(name): words for name, words in header.get("levels", [])}
    if not names:
        return {}
    labels = fitted.labels.columns
    assert labels is not None
    words = {j: names[str(label)] for j, label in enumerate(labels.tolist()) if str(label) in names}
    asked = np.isin(columns, list(words))
    known = np.flatnonzero(asked & (rows >= 0))
    levels = np.full(known.size, np.nan)  # a column of one word was fitted as a number
    if isinstance(fitted, LevelPredictor):
        levels = fitted.likeliest(rows[known], columns[known])
    likeliest = {
        int(place): str(words[int(columns[place])][0 if np.isnan(level) else int(level)])
        for place, level in zip(known, levels, strict=True)
    }
    return likeliest | {int(place): "" for place in np.flatnonzero(asked & (rows < 0))}


def _pairs(
    path: Path, asked: tuple[str | None, str | None], known: TableLabels, form: TableFormat
) -> tuple[list[str], list[LabelColumn]]:
    """Return the names of the two columns of labels, and the labels.

    A first line that holds labels of the model is no header.
    """
    chosen = [name for name in asked if name is not None]
    headed = replace(form, header=True) if form.header is None else form
    lines, where = read_typed_columns(path, chosen or (0, 1), headed)
    if form.header is None and len(lines) >= 2 and not chosen:
        first = list(lines)[:2]
        if all(known.has(name, axis) for axis, name in enumerate(first)):
            lines, where = read_typed_columns(path, (0, 1), replace(form, header=False))
    header = list(lines)
    if len(header) < 2:
        raise InvalidInputError(
            f"{where} needs two columns",
            f"{len(header)}",
            fix="name one column of row labels and one of column labels",
        )
    first_name = asked[0] or next(name for name in header if name != asked[1])
    names = [first_name, asked[1] or next(name for name in header if name != first_name)]
    for name in names:
        if name not in header:
            raise InvalidInputError(f"{where} has no column {name!r}", ", ".join(header))
    return names, [label_column(lines[name], name, where) for name in names]
