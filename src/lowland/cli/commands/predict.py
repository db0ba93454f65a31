"""`lowland predict`: predict a list of cells from a saved model."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
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
from lowland.completion.explaining.explained_cell import explain_cell, row_of
from lowland.completion.files.models import load_model
from lowland.completion.tables.completed import Completed, folding
from lowland.completion.tables.fitted import FittedTable, data_of
from lowland.completion.tables.model import TableModel
from lowland.completion.tables.trial import LevelPredictor
from lowland.completion.tables.unknown_lines import UNKNOWN, describe_unknown, predict_all
from lowland.core.arrays import Indices
from lowland.core.cells.labels import LabelColumn, label_column
from lowland.core.errors import FileFormatError, InvalidInputError, without_column
from lowland.core.wording import counted
from lowland.files.columns.contexts import context_cells
from lowland.files.columns.dates import WORDS, find_dates
from lowland.files.evidence import profile
from lowland.files.frames import Columns
from lowland.files.outputs import cell_text, write_rows
from lowland.files.table_format import TableFormat
from lowland.files.tables import read_typed_columns

# of the lines of an explanation: which part it is, of which known cell, what that holds, how far it moves
PARTS = ("part", "by", "holds", "amount", "unit")


@final
@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """Which columns name the cells, and what is written of their predictions."""

    row: str | None = option(None, "Name of the column of row labels; by default the first.")
    column: str | None = option(None, "Name of the column of column labels; by default the second.")
    context: str | None = option(
        None,
        "Name of the column that says when each cell is observed, if the model's table said that of its own.",
    )
    interval: float | None = option(None, "Add prediction intervals of this level (Bayesian models).")
    explain: bool = option(
        False,
        "Instead, list what each prediction leans on: the known cells of its row, how far each moves it from "
        "what is usual, and their sum.",
        "--explain",
    )
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
    if asked.explain and interval is not None:
        raise InvalidInputError(
            "--explain lists no intervals", f"--interval {interval}", fix="omit one of them"
        )
    if interval is not None and not 0 < interval < 1:
        raise InvalidInputError("--interval must lie between 0 and 1", f"{interval:g}")
    loaded, header = load_model(model, data=interval is not None or asked.explain)
    fitted = loaded.model
    if asked.explain and asked.context is not None:
        raise InvalidInputError(
            "--explain tells of known cells of the row, whenever they are observed",
            f"--context {asked.context}",
            fix="omit one of them",
        )
    names, labels, when = _pairs(pairs, asked, fitted.labels, cells.form)
    positions = [
        fitted.labels.positions(one.names, axis, unknown=UNKNOWN)[one.codes]
        for axis, one in enumerate(labels)
    ]
    for axis, (at, one) in enumerate(zip(positions, labels, strict=True)):
        if at.size and (at < 0).all():  # rather another column than strangers alone
            fitted.labels.positions(one.names, axis)
    strange = describe_unknown(*positions)
    unknown = sum(map(bool, strange))
    if unknown:
        left = "are left out" if asked.explain else "are predicted by averages, see the column unknown"
        warn(
            f"lowland: {unknown} of {counted(len(strange), 'cell')} have labels that the model does not "
            f"know; they {left}"
        )
    if asked.explain:
        known = np.array([not words for words in strange], bool)
        lines = list(_explained(loaded, header, *(places[known] for places in positions)))
        _give((*names, *PARTS), lines, "line", asked, shared)
        return
    told = Completed(loaded).told((positions[0], positions[1]), when)
    titles, columns = _predicted(loaded, told, header, positions, strange, interval)
    if np.isinf(columns[0]).any():
        raise FileFormatError(
            f"{model} is a damaged model", "it predicts numbers that are not finite", fix="use a whole model"
        )
    rows, cols = (one.names[one.codes].tolist() for one in labels)
    lines = [
        (row, column, *map(_or_blank, of_cell), words)
        for row, column, *of_cell, words in zip(rows, cols, *columns, strange, strict=True)
    ]
    for place, word in _words_of(fitted, header, *positions).items():
        lines[place] = (*lines[place][:2], word, *lines[place][3:])
    _give((*names, *titles, "unknown"), lines, "prediction", asked, shared)


def _predicted(
    loaded: FittedTable,
    told: TableModel,
    header: Mapping[str, Any],
    positions: list[Indices],
    strange: list[str],
    interval: float | None,
) -> tuple[list[str], list[list[float]]]:
    """Return what is said of cells, with titles: predictions, ends of intervals, probabilities of words."""
    known, titles = np.array([not words for words in strange], bool), ["prediction"]
    columns = [predict_all(told, *positions)]
    if interval is not None:
        with_ends = known & _has_interval(loaded.model, positions[1])
        rows, cols = (at[with_ends] for at in positions)
        when = None if told is loaded.model else folding(told, "intervals")
        for ends in Completed(loaded).intervals.at(rows, cols, interval, "auto", when):
            columns.append(np.full(known.size, np.nan))
            columns[-1][with_ends] = np.where(np.isfinite(ends), ends, np.nan)
        titles += ["lower", "upper"]
    words = [j for j, of_column in _levels_of(loaded.model, header).items() if len(of_column) > 1]
    if np.isin(positions[1], words).any():
        titles, likely = [*titles, "probability"], np.full(known.size, np.nan)
        for j in words:
            at = np.flatnonzero(known & (positions[1] == j))
            if at.size:
                likely[at] = loaded.model.probabilities(positions[0][at], j).max(axis=1)
        columns.append(likely)
    return titles, [one.astype(float).tolist() for one in columns]


def _give(
    titles: tuple[str, ...],
    lines: list[tuple[Any, ...]],
    what: str,
    asked: PredictOptions,
    shared: TableFileOptions,
) -> None:
    """Write lines, or print them."""
    if asked.output is not None:
        write_rows(asked.output, titles, lines, labels=2, formulas=shared.keep_formulas)
        say(f"{counted(len(lines), what)}: {asked.output}")
    elif shared.files.json:
        say_json({"columns": titles, "rows": lines})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows(map(cell_text, line) for line in lines)


def _explained(
    fitted: FittedTable, header: Mapping[str, Any], rows: Indices, columns: Indices
) -> Iterator[tuple[Any, ...]]:
    """Yield the lines of each cell: what is usual, what known cells of its row add, the rest, and the sum."""
    fix = "write the model by lowland complete without --no-model-data, of a table in memory"
    seen = data_of(fitted, "an explanation", fix=fix)
    labels, words = TableLabels.of(seen), _levels_of(fitted.model, header)
    levels = dict(zip(labels.columns_or_none(np.array(list(words), np.intp)), words.values(), strict=True))
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        why = explain_cell(fitted.model, labels, row_of(seen, row), (row, column), levels)
        cell = why.row, why.column
        yield *cell, "usual", "", "", why.intercept, why.unit
        for name, value, part in zip(why.columns, why.values, why.contributions.tolist(), strict=True):
            yield *cell, "known", name, value, part, why.unit
        if why.rest:
            yield *cell, "rest", "", "", why.rest, why.unit
        yield *cell, "prediction", "", "", why.prediction, why.unit
        if why.probability is not None:
            yield *cell, "probability", "", "", why.probability, ""


def _or_blank(number: float) -> float | str:
    return "" if np.isnan(number) else number


def _has_interval(fitted: TableModel, columns: Indices) -> NDArray[np.bool_]:
    """Return which cells have intervals: levels have none."""
    if fitted.losses is None:
        return np.ones(columns.size, bool)
    return np.isin(columns, np.flatnonzero(fitted.losses.numbers))


def _levels_of(fitted: TableModel, header: Mapping[str, Any]) -> dict[int, list[str]]:
    """Return the words of columns that were fitted as levels, by position."""
    names = {str(name): words for name, words in header.get("levels", [])}
    labels = fitted.labels.columns
    known = [] if labels is None else enumerate(map(str, labels.tolist()))
    return {j: names[label] for j, label in known if label in names}


def _words_of(
    fitted: TableModel, header: Mapping[str, Any], rows: Indices, columns: Indices
) -> dict[int, str]:
    """Return the likeliest levels, by the places of known cells in columns that were fitted as levels."""
    words = _levels_of(fitted, header)
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
    path: Path, options: PredictOptions, known: TableLabels, form: TableFormat
) -> tuple[list[str], list[LabelColumn], NDArray[Any] | None]:
    """Return the names of the two columns of labels, the labels, and when cells are observed.

    A first line that holds labels of the model is no header.
    """
    asked, time = (options.row, options.column), options.context
    chosen = [name for name in (*asked, time) if name is not None]
    headed = replace(form, header=True) if form.header is None else form
    named = [name for name in asked if name is not None]
    labels = [*(named or (0, 1)), *([] if time is None else [time])]
    lines, where = read_typed_columns(path, labels, headed)
    if form.header is None and len(lines) >= 2 and not chosen:
        first = list(lines)[:2]
        if all(known.has(name, axis) for axis, name in enumerate(first)):
            lines, where = read_typed_columns(path, (0, 1), replace(form, header=False))
    when = None if time is None else _times(lines, time, where, form)
    header = [name for name in lines if name != time]
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
            raise without_column(where, name, header)
    return names, [label_column(lines[name], name, where) for name in names], when


def _times(lines: Columns, name: str, where: str, form: TableFormat) -> NDArray[Any]:
    """Return when cells are observed, as a column says it."""
    if name not in lines:
        raise without_column(where, name, list(lines))
    how = find_dates(name, profile(lines[name]), form.dates)
    cells = context_cells(lines[name], how)
    if cells is None:
        raise InvalidInputError(
            f"{where} has cells in {name!r} that are no dates", WORDS.get(how, how), fix="correct them"
        )
    return cells
