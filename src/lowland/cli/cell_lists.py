"""Lists of cells: all of a completed table with intervals, or those that were filled and how sure each is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lowland.cli.table_cells import (
    cell_titles,
    fillable_cells,
    filled_cells,
    fitted_places,
    observed_cells,
    observed_title,
    observed_word,
    side_names,
    text_style,
    worded,
)
from lowland.completion.informed.answers import told_cells, words_of
from lowland.completion.tables.completed import Completed
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.files.foreign.columnar import COLUMNAR
from lowland.files.outputs import write_rows
from lowland.files.shapes.layouts import Table
from lowland.files.writing.manners import filled_cell, find_manners, word_of

# of the intervals of filled cells, if no other is asked for
LEVEL = 0.9


def write_intervals(
    path: Path, table: Table, completed: Completed, level: float, method: str, *, formulas: bool = False
) -> None:
    """Write one line per cell: value or prediction, interval (none for levels), whether it was observed."""
    seen = table.known
    m, n = seen.shape
    rows, columns = side_names(table)
    names = cell_titles(table)
    header = (*names, "lower", "upper", observed_title(names))
    places, are_sums = fitted_places(table)
    listed = observed_cells(seen) | fillable_cells(table)
    some = np.flatnonzero(np.isin(places, completed.intervals.columns))
    with_interval, words = set(some.tolist()), dict(worded(table, seen))
    likeliest = filled_cells(table, completed.model) if words or table.totals else np.zeros((m, 0))
    columnar = path.suffix.lower() in COLUMNAR
    absent = math.nan if columnar else ""
    observed, exact = np.full((m, n), np.nan), seen.exact()  # of censored cells, what lies beyond the bound
    observed[exact.rows, exact.columns] = exact.values

    def lines() -> Iterator[Sequence[Any]]:
        everywhere = np.arange(n)
        for i, texts in zip(range(m), _as_written(table, seen, columns, path), strict=False):
            here = np.full(n, i)
            if table.totals is None:
                values = completed.model.predict(here, everywhere).astype(float)
            else:
                values = likeliest[i]
            low, high = np.full((2, n), np.nan)
            if not are_sums[i]:
                low[some], high[some] = completed.intervals.at(here[some], places[some], level, method)
            for j in np.flatnonzero(listed[i]).tolist():
                known = not np.isnan(observed[i, j])
                value = observed[i, j] if known else float(values[j])
                if j in words:
                    word = observed_word if known else word_of
                    value = word(words[j], value if known else float(likeliest[i, j]))
                value = texts.get(j, value) if known else value
                told = j in with_interval and j not in words and not are_sums[i] and np.isfinite(low[j])
                ends = (float(low[j]), float(high[j])) if told else (absent, absent)
                value = str(value) if words and columnar else value
                yield rows[i], columns[j], value, *ends, int(known)

    write_rows(path, header, lines(), labels=2, formulas=formulas, **text_style(table))


def _as_written(table: Table, seen: Observations, columns: Any, path: Path) -> Iterator[Mapping[int, Any]]:
    """Yield the observed cells of each row by column as a text file holds them, of a table that is text.

    Files of columns hold numbers.
    """
    original, listed = table.original, table.listed
    if path.suffix.lower() not in COLUMNAR and original is not None and original.is_text:
        fields = [original.names.index(str(name)) for name in columns.tolist()]
        for line in original.lines():
            yield {j: line[field] for j, field in enumerate(fields)}
    elif path.suffix.lower() not in COLUMNAR and listed is not None:
        rows: list[dict[int, Any]] = [{} for _ in range(seen.shape[0])]
        cells = zip(seen.rows.tolist(), seen.columns.tolist(), listed.values(seen).tolist(), strict=True)
        for i, j, cell in cells:
            rows[i][j] = cell
        yield from rows
    else:
        yield from ({} for _ in range(seen.shape[0]))


def write_marks(
    path: Path,
    table: Table,
    completed: Completed,
    level: float,
    method: str,
    *,
    means: bool = False,
    formulas: bool = False,
) -> None:
    """Write one line per filled cell: what fills it, its interval or its word's probability, what tells it.

    Parameters
    ----------
    path : Path
    table : Table
    completed : Completed
    level : float
        Of the intervals.
    method : str
        Of the intervals, see `TableIntervals.at`.
    means : bool
        Whether fills among whole numbers stay means.
    formulas : bool
        Whether labels that begin as formulas are written as they are.
    """
    rows, columns = side_names(table)
    at_row, at_column = np.nonzero(fillable_cells(table))
    words = dict(worded(table, table.known))
    filled = filled_cells(table, completed.model, means=means)[at_row, at_column].astype(float)
    places, are_sums = fitted_places(table)
    told = np.isin(places, completed.intervals.columns)[at_column] & ~np.isin(at_column, list(words))
    lower, upper = _ends(completed, told & ~are_sums[at_row], at_row, places[at_column], level, method)
    likely = _probabilities(completed, words, at_row, at_column, filled, places)
    informed = _informed_by(completed, at_row, places[at_column], are_sums)
    columnar = path.suffix.lower() in COLUMNAR
    absent = math.nan if columnar else ""

    def lines() -> Iterator[Sequence[Any]]:
        for k, (i, j) in enumerate(zip(at_row.tolist(), at_column.tolist(), strict=True)):
            value: Any = float(filled[k])
            held = words.get(j)
            value = word_of(held, value) if held else _shown(table, str(columns[j]), value, means, columnar)
            value = str(value) if words and columnar else value
            ends = (lower[k], upper[k], likely[k])
            numbers = (float(x) if np.isfinite(x) else absent for x in ends)
            yield rows[i], columns[j], value, *numbers, informed[k]

    header = (*cell_titles(table), "lower", "upper", "probability", "informed")
    write_rows(path, header, lines(), labels=2, formulas=formulas, **text_style(table))


def _informed_by(completed: Completed, rows: Indices, columns: Indices, are_sums: Any) -> Sequence[str]:
    """Return what informs filled cells, empty for sums of others and where the fit does not tell."""
    told = np.full(rows.size, "", object)
    at = np.flatnonzero((columns >= 0) & ~are_sums[rows])
    try:
        told[at] = words_of(told_cells(completed.table, rows[at], columns[at]))
    except UnsupportedError:  # a penalised fit, or a table too large
        return list(told)
    return list(told)


def _shown(table: Table, name: str, value: float, means: bool, columnar: bool) -> float | int | str:
    """Return the number that fills a cell, as the completed table holds it."""
    original = table.original
    if original is None:
        return value
    manner = find_manners(original)[name]
    if columnar:
        return float(manner.fill(value, means=means))
    return filled_cell(value, manner, original, original.numerals.of(name), means=means)


def _ends(
    completed: Completed, told: Any, rows: Any, columns: Any, level: float, method: str
) -> tuple[Vector, Vector]:
    """Return the ends of intervals of cells, NaN where there are none."""
    lower, upper = np.full((2, rows.size), np.nan)
    if told.any():
        lower[told], upper[told] = completed.intervals.at(rows[told], columns[told], level, method)
    return lower, upper


def _probabilities(
    completed: Completed, words: dict[int, Any], rows: Any, columns: Any, filled: Vector, places: Indices
) -> Vector:
    """Return the probabilities of the words that fill cells, NaN of numbers."""
    likely = np.full(rows.size, np.nan)
    for j, held in words.items():
        at = np.flatnonzero(columns == j)
        if at.size and len(held) > 1:
            chances = completed.model.probabilities(rows[at], int(places[j]))
            likely[at] = chances[np.arange(at.size), np.round(filled[at]).astype(int)]
    return likely
