"""Whether rows look like variables, and columns like samples: spreads of rows are then far apart.

What spreads of rows are is known once those of columns are, and the other way round: columns of other units
are no reason for rows to differ, and rows of large numbers none for columns.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import final

import numpy as np

from lowland.cells.sides import TableCells
from lowland.completion.cells.summary import TableSummary
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations

# rows with fewer cells off their median do not say what their spread is
JUDGED = 4
# root mean square of the spreads of rows over their median that is suspected: by so much do errors of a usual
# row grow, in its own unit, if all rows are fitted in one
FAR_APART = 3.0
# sweeps over rows and columns, after which spreads hardly change
SWEEPS = 4
# so many cells say whether rows are variables; rows at least
ENOUGH, FEWEST_ROWS = 300_000, 50
# standard deviation of a normal law over its median absolute deviation
NORMAL = 1.4826


@final
class Spreads:
    """Spreads of rows times those of columns: medians of what is off the medians of rows.

    Parameters
    ----------
    table : Observations

    Attributes
    ----------
    rows, columns : ndarray, shapes (m,) and (n,)
        Logarithms; median polish (Tukey 1977) of those of absolute deviations.
    judged : ndarray of bool, shape (m,)
        Whether a row has enough cells off its median.
    """

    def __init__(self, table: Observations) -> None:
        (m, n), lines = table.shape, (table.rows, table.columns)
        apart = np.abs(table.values - medians(table.values.astype(np.float64), table.rows, m)[table.rows])
        rows, columns = (line[apart > 0] for line in lines)
        logs = np.log(apart[apart > 0])
        self.columns: Vector = np.zeros(n)
        for _ in range(SWEEPS):
            self.rows = medians(logs - self.columns[columns], rows, m)
            self.columns = medians(logs - self.rows[rows], columns, n)
        self.judged = np.bincount(rows, minlength=m) >= JUDGED

    @property
    def far_apart(self) -> bool:
        """Whether the root mean square of the spreads of rows is far above their median."""
        spreads = np.exp(self.rows[self.judged] - np.max(self.rows, initial=-np.inf))
        return bool(np.sqrt(np.mean(spreads**2)) > FAR_APART * np.median(spreads))

    def at(self, rows: Indices, columns: Indices) -> Vector:
        """Return the spreads of cells, shape (k,)."""
        return NORMAL * np.exp(self.rows[rows] + self.columns[columns])


def look_like_variables(table: Observations) -> bool:
    """Return whether spreads of rows are far apart, of a table of numbers; grades have one unit.

    At least half of the rows that have cells must say what their spread is.
    """
    # rows that were drawn may have no cells
    if not table.size or TableSummary.of(TableCells.of(table)).graded:
        return False
    spreads = Spreads(table)
    enough = spreads.judged.sum() >= max(2, np.sum(table.row_counts() > 0) / 2)
    return bool(enough and spreads.far_apart)


def warn_of_variables(table: Observations, what: str, remedy: str = "") -> None:
    """Warn of rows that look like variables where they get no units of their own.

    Parameters
    ----------
    table : Observations
    what : str
        What has no units of rows.
    remedy : str
        Another way out.
    """
    if look_like_variables(some_rows(table)[0]):
        warnings.warn(
            f"rows look like variables, and columns like samples: spreads of rows are far apart, and {what} "
            "knows no units of rows, so that fills of rows of small numbers may be far off; bring the rows "
            f"to one unit{remedy}",
            stacklevel=5,
        )


def some_rows(table: Observations) -> tuple[Observations, Indices]:
    """Return a table of so many rows that it has enough cells, and which rows these are."""
    m, n = table.shape
    count = max(FEWEST_ROWS, ENOUGH // n)
    if m <= count:
        return table, np.arange(m)
    chosen = np.sort(np.random.default_rng(0).choice(m, count, replace=False))
    part = table.select(np.isin(table.rows, chosen))
    labels = None if table.row_labels is None else table.row_labels[chosen]
    places = np.searchsorted(chosen, part.rows)
    return replace(part, rows=places, shape=(count, n), row_labels=labels, context=None), chosen


def medians(values: Vector, lines: Indices, count: int) -> Vector:
    """Return the median of the values of each line, zero of none."""
    if not values.size:
        return np.zeros(count)
    counts, ordered = np.bincount(lines, minlength=count), values[np.lexsort((values, lines))]
    starts = np.cumsum(counts) - counts
    low, high = (np.minimum(starts + half, values.size - 1) for half in ((counts - 1) // 2, counts // 2))
    return np.where(counts > 0, (ordered[low] + ordered[high]) / 2, 0.0)
