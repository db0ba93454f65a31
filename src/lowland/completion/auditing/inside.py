"""Whether held-out values lie in what a fit says of their cells: intervals of numbers, sets of levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.completion.tables.fitted import FittedTable
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations

Mask = NDArray[np.bool_]


def lie_inside(fitted: FittedTable, cells: Observations, level: float, unseen: Mask | None = None) -> Mask:
    """Return which cells' values lie in their intervals, or sets of levels, of a nominal level.

    Parameters
    ----------
    fitted : FittedTable
        A fit that has not seen the cells.
    cells : Observations
    level : float
    unseen : ndarray of bool, optional
        Cells of words that no cell has which the fit has seen.

    Notes
    -----
    The set of a word is that of the likeliest levels whose probabilities add up to the nominal level.
    Intervals and sets grow with the level, so that what lies inside at one lies inside at any higher.
    """
    low, high = reaches(fitted, cells, level, unseen)
    words = level_columns(fitted)[cells.columns]
    values = cells.values.astype(np.float64)
    return np.where(words, low < high, (low <= values) & (values <= high))


def reaches(
    fitted: FittedTable, cells: Observations, level: float, unseen: Mask | None = None
) -> tuple[Vector, Vector]:
    """Return the intervals of cells; of words the probability of likelier levels, and the nominal level.

    Which levels there are was read from all known cells. That of an unseen one is told by nothing else, and
    a level that only missing cells have is in no set: so neither is an unseen one in any.
    """
    low, high = np.empty(cells.size), np.full(cells.size, level)
    of_levels = level_columns(fitted)
    numbers = ~of_levels[cells.columns]
    low[numbers], high[numbers] = number_intervals(fitted, cells.rows[numbers], cells.columns[numbers], level)
    for j in np.flatnonzero(of_levels):
        at = np.flatnonzero(cells.columns == j)
        if at.size:
            shares = fitted.model.probabilities(cells.rows[at], int(j))
            low[at] = _likelier(shares, _places_of(fitted, cells, at, int(j)))
    if unseen is not None:
        low[unseen & ~numbers] = 1.0
    return low, high


def level_columns(fitted: FittedTable) -> Mask:
    """Return which columns hold levels, shape (n,)."""
    losses, n = fitted.model.losses, fitted.model.shape[1]
    return np.zeros(n, bool) if losses is None else ~losses.numbers


def number_intervals(
    fitted: FittedTable, rows: Indices, columns: Indices, level: float
) -> tuple[Vector, Vector]:
    """Return a fit's own intervals of numbers: normal ones by its standard errors where it has no others."""
    if not rows.size:
        return np.zeros(0), np.zeros(0)
    if fitted.interval_method != "conformal":
        return fitted.intervals(rows, columns, level)
    from scipy.special import ndtri

    predictor = fitted.predictor()
    centre = predictor.predict(rows, columns)
    reach = float(ndtri((1 + level) / 2)) * predictor.standard_errors(rows, columns)
    return fitted.model.clip(centre - reach, centre + reach, columns)


def _places_of(fitted: FittedTable, cells: Observations, at: Indices, column: int) -> Indices:
    """Return the positions of levels among those of a column, -1 of any that the fit does not know."""
    known = fitted.model.losses
    assert known is not None
    levels = known.levels_of(column)
    places = np.searchsorted(levels, cells.values[at])
    inner = np.minimum(places, levels.size - 1)
    return np.where(levels[inner] == cells.values[at], inner, -1)


def _likelier(shares: Matrix, places: Indices) -> Vector:
    """Return the probabilities of all levels that are likelier than the true one, added up; 1 if unknown."""
    true = np.take_along_axis(shares, np.maximum(places, 0)[:, None], axis=1)
    likelier = np.where(shares > true, shares, 0.0).sum(axis=1)
    return np.where(places < 0, 1.0, likelier)
