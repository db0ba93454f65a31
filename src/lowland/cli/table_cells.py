"""The cells of a table as results name and write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bounded.layer import limits_of
from lowland.completion.tables.model import TableModel
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.core.cells.observed_cells import changed
from lowland.files.shapes.layouts import Table
from lowland.files.writing.manners import find_manners, word_of


def observed_word(words: Sequence[str], code: float) -> str:
    """Return the word that an observed cell holds; raise if its number is not that of a word."""
    if code not in range(len(words)):
        raise changed("a cell of words", code, word_of(words, code))
    return words[int(code)]


def filled_cells(table: Table, model: TableModel, *, means: bool = False) -> Matrix:
    """Return what fills the cells of a table, totals among them, as the sums of what fills their parts."""
    return with_totals(table, model.matrix(likeliest=True), model, means=means)


def with_totals(table: Table, filled: Matrix, model: TableModel, *, means: bool = False) -> Matrix:
    """Return a table with its holes filled as a model does, and the totals that took no part in its fit."""
    if table.totals is None:
        return filled
    manners = {} if means or table.original is None else find_manners(table.original)
    places = [manners[name].finest if name in manners else np.inf for name in table.totals.names]
    return table.totals.complete(filled, np.array(places, float), limits_of(model))


def counted_columns(table: Table) -> list[str]:
    """Return the columns that are filled by whole numbers."""
    manners = {} if table.original is None else find_manners(table.original)
    return [name for name, manner in manners.items() if manner.holds_counts]


def whole_columns(table: Table) -> list[int]:
    """Return their places in the fit."""
    labels = table.observations.column_labels
    counted = counted_columns(table)
    return [] if labels is None else [j for j, name in enumerate(labels.tolist()) if str(name) in counted]


def fitted_places(table: Table) -> tuple[Indices, NDArray[np.bool_]]:
    """Return the place in the fit of each column, -1 of sums of others, and which rows are such sums."""
    m, n = table.known.shape
    if table.totals is None:
        return np.arange(n), np.zeros(m, bool)
    places = np.full(n, -1, np.intp)
    places[table.totals.fitted] = np.arange(table.totals.fitted.size)
    return places, table.totals.is_row


def worded(table: Table, seen: Observations | None = None) -> list[tuple[int, tuple[str, ...]]]:
    """Return the columns that were read as words, by position among those that were fitted, and their words.

    Parameters
    ----------
    table : Table
    seen : Observations, optional
        Other columns among which their positions are.
    """
    labels = (seen or table.observations).column_labels
    places = {} if labels is None else {str(name): j for j, name in enumerate(labels.tolist())}
    return [(places[name], words) for name, words in table.levels.items() if words]


def observed_cells(seen: Observations) -> NDArray[np.bool_]:
    """Return which cells of a table are observed."""
    observed = np.zeros(seen.shape, bool)
    observed[seen.rows, seen.columns] = True
    return observed


def fillable_cells(table: Table) -> NDArray[np.bool_]:
    """Return which cells are filled: missing ones, but for bounds that stay as they are written."""
    seen = table.known
    missing = ~observed_cells(seen)
    if table.totals is not None:
        missing &= ~table.totals.left_blank
    if table.original is not None and seen.column_labels is not None:
        places = {str(name): j for j, name in enumerate(seen.column_labels.tolist())}
        for line, name in table.original.kept():
            missing[line, places[name]] = False
    return missing


def observed_title(names: Sequence[str]) -> str:
    """Return the name of the column that marks observed cells."""
    return "observed" if "observed" not in names else "was observed"


def side_names(table: Table) -> tuple[Any, Any]:
    """Return the labels of rows and columns, or their positions."""
    seen = table.known
    m, n = seen.shape
    rows = seen.row_labels if seen.row_labels is not None else np.arange(m)
    columns = seen.column_labels if seen.column_labels is not None else np.arange(n)
    return rows, columns


def cell_titles(table: Table) -> tuple[str, ...]:
    """Return the names of the columns of row, column and value in a list of cells."""
    return table.names if table.layout == "long" else ("row", "column", "value")


def text_style(table: Table) -> dict[str, str]:
    """Return the delimiter and the decimal mark of the text that a table was read from."""
    source = table.original or table.listed
    return {} if source is None else {"delimiter": source.delimiter, "decimal": source.numerals.decimal}
