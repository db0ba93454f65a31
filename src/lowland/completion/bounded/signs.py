"""Which columns hold quantities that are never negative, as far as their known numbers tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.completion.layers.model import Layer
from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Vector, places_of_each
from lowland.core.cells.observations import Observations

# known numbers that a column has at least, and distinct positive ones among them
FEWEST, DISTINCT = 10, 3
# columns whose least number lies so many of their spreads above zero keep what the fit says
FAR_ABOVE = 9.0
# columns may be of one unit if spreads differ by at most this factor, and means by so many spreads
ALIKE = 3.0
# how likely it is at most that a column with negative numbers shows none
UNLIKELY = 0.05
# tables that are looked at: rows times columns
MOST_CELLS = 1_000_000


def read_signed(given: Any, labels: TableLabels) -> frozenset[int]:
    """Return the columns that may hold negative numbers although none may be known.

    Parameters
    ----------
    given : sequence of labels, or True for all columns, or None
    labels : TableLabels

    Raises
    ------
    InvalidInputError
        If a column is not known.
    """
    if given is None:
        return frozenset()
    if given is True:
        return frozenset(range(labels.shape[1]))
    names = list(given)
    listed = np.array(names, dtype=np.intp if not names else None if labels.columns is None else object)
    return frozenset(labels.positions(listed, 1).tolist())


def columns_named(given: Any, labels: TableLabels) -> frozenset[int]:
    """Return the columns that a mapping of bounds names, with open ends too."""
    if not isinstance(given, Mapping) or not given:
        return frozenset()
    names = np.array(list(given), dtype=None if labels.columns is None else object)
    return frozenset(labels.positions(names, 1).tolist())


def nonnegative_columns(
    table: Observations, model: SamplingModel, without: Collection[int] = ()
) -> tuple[Indices, NDArray[np.bool_]]:
    """Return the columns of a fitted table whose quantities are never negative, and which hold zeros.

    Parameters
    ----------
    table : Observations
    model : SamplingModel
        Columns that it keeps from going below zero itself, as roots, logarithms and grades, are left out.
    without : collection of int
        Columns of which something else is said, and those of levels.

    Notes
    -----
    Such a column has no negative number among ten at least, three distinct positive ones, and comes so near
    to zero that its laws may reach below. A column that is like one with negative numbers (its spread
    within a factor of three, its mean within three spreads) may well be of the same unit, such as rates of
    growth in a good year, and is left out too, unless draws from a normal law with its mean and its spread
    would probably (at 5 %) have been negative somewhere. So are all where rows have units of their own, since
    signs are then those of rows. Costs O(cells log cells).
    """
    from scipy.special import log_ndtr

    none = np.zeros(0, np.intp), np.zeros(0, bool)
    if table.shape[0] * table.shape[1] > MOST_CELLS or not table.size or _has_row_units(model):
        return none
    places = places_of_each(table.columns, table.shape[1])
    parts = [table.values[at].astype(np.float64) for at in places]
    signed = [(part.mean(), part.std()) for part in parts if part.size and part.min() < 0]
    found = []
    for j, part in enumerate(parts):
        if j in without or part.size < FEWEST or part.min() < 0:
            continue
        mean, spread = float(part.mean()), float(part.std())
        few = np.unique(part[part > 0]).size < DISTINCT
        if few or part.min() > FAR_ABOVE * spread:
            continue
        by_chance = part.size * float(log_ndtr(mean / spread)) > np.log(UNLIKELY)
        if by_chance and any(_alike(mean, spread, *one) for one in signed):
            continue
        column = np.array([j])
        lower, _ = model.clip(np.array([-spread]), np.array([spread]), column)
        if lower[0] < 0:
            found.append(j)
    touches = [bool(parts[j].min() == 0) for j in found]
    return np.array(found, np.intp), np.array(touches, bool)


def _has_row_units(model: object) -> bool:
    while isinstance(model, Layer) and not isinstance(model, RowUnitsLayer):
        model = model.base
    return isinstance(model, RowUnitsLayer)


def _alike(mean: float, spread: float, other_mean: float, other_spread: float) -> bool:
    """Return whether two columns have means and spreads that are those of one unit."""
    larger, smaller = max(spread, other_spread), min(spread, other_spread)
    return larger <= ALIKE * smaller and abs(mean - other_mean) <= ALIKE * larger


def lowest_of(table: Observations) -> Vector:
    """Return the least known number of each column, infinite where there is none, shape (n,)."""
    lowest = np.full(table.shape[1], np.inf)
    np.minimum.at(lowest, table.columns, table.values)
    return lowest
