"""Rows that hold means, extremes, deviations or counts of other rows: whether their values agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector

# chance of values that agree by accident, at most: of a row alone, and beside others that were found
ACCIDENT, ACCIDENT_BESIDE = 2e-3, 0.34
# share of the complete columns that must agree, and fewest rows that have a statistic
SHARE, FEWEST = 0.9, 3
DECIMALS = 9

_Statistic = Callable[[Matrix], Any]
# what is computed of the known cells of each column, in the order in which it is tried
STATISTICS: dict[str, tuple[_Statistic, ...]] = {
    "mean": (lambda cells: np.nanmean(cells, axis=0),),
    "median": (lambda cells: np.nanmedian(cells, axis=0),),
    "minimum": (lambda cells: np.nanmin(cells, axis=0),),
    "maximum": (lambda cells: np.nanmax(cells, axis=0),),
    "deviation": (lambda cells: np.nanstd(cells, axis=0, ddof=1), lambda cells: np.nanstd(cells, axis=0)),
    "variance": (lambda cells: np.nanvar(cells, axis=0, ddof=1), lambda cells: np.nanvar(cells, axis=0)),
    "count": (
        lambda cells: (~np.isnan(cells)).sum(axis=0),
        lambda cells: np.full(cells.shape[1], len(cells)),
    ),
}
# whose values are some of the cells, or a count
_AT_CELLS = ("median", "minimum", "maximum", "count")


def statistic_in(
    value: Vector, parts: Matrix, kind: str, *, supported: bool = False
) -> tuple[NDArray[np.bool_], Vector] | None:
    """Return which missing cells of a row are known, and what they hold, if the row is a statistic of others.

    Parameters
    ----------
    value : ndarray, shape (n,)
        The row; NaN where a cell is missing, or is no number.
    parts : ndarray, shape (k, n)
        The others.
    kind : str
        One of `STATISTICS`.
    supported : bool
        Whether other rows of the table are known to be statistics or sums.

    Returns
    -------
    pair of ndarray, shape (n,), or None
        None if it is not, or may be so by accident.
    """
    known = ~np.isnan(parts)
    some = known.sum(axis=0) >= FEWEST
    full, given = some & known.all(axis=0), some & ~np.isnan(value)
    for statistic in STATISTICS[kind]:
        computed = np.full(value.size, np.nan)
        computed[some] = statistic(parts[:, some])
        right = np.zeros(value.size, bool)
        right[given] = np.abs(value - computed)[given] <= _rounding(value[given])
        if not right.any() or right[full & given].sum() < SHARE * (full & given).sum():
            continue
        if _by_accident(value, parts, right, kind) <= (ACCIDENT_BESIDE if supported else ACCIDENT):
            # among whole numbers there is no room for a mean that is none
            wholes = (np.isnan(parts) | (parts == np.floor(parts))).all(axis=0)
            where = np.isnan(value) & full & ~(wholes & (computed != np.floor(computed)))
            return where, computed
    return None


def mean_of(value: Vector, parts: Matrix) -> NDArray[np.bool_]:
    """Return in which columns of complete cells a row is the mean of others."""
    return np.asarray(np.abs(value - parts.mean(axis=0)) <= _rounding(value))


def _rounding(values: Vector) -> Vector:
    """Return by how much each number may differ from one that was rounded to it."""
    ends = np.full(values.shape, 10.0**-DECIMALS)
    for digits in range(DECIMALS - 1, -1, -1):
        ends[np.isclose(values, np.round(values, digits), rtol=1e-12, atol=0)] = 10.0**-digits
    return 0.51 * ends + 1e-9 * np.abs(values)


def _by_accident(value: Vector, parts: Matrix, right: NDArray[np.bool_], kind: str) -> float:
    """Return how likely a row like the others has these values, at most."""
    cells = parts[:, right]
    spread, known = np.nanstd(cells, axis=0), (~np.isnan(cells)).sum(axis=0)
    near = 2 * _rounding(value[right]) / np.where(spread > 0, spread, 1.0)
    if kind in _AT_CELLS:
        tied = (cells == value[right]).sum(axis=0)
        near = np.maximum(near, np.maximum(tied, 1) / (known + 1))
    near[spread == 0] = 1.0
    if kind == "count":  # numbers among which a count is none of them
        low, high = np.nanmin(cells, axis=0), np.nanmax(cells, axis=0)
        near = np.where((value[right] < low - spread) | (value[right] > high + spread), 0.05, near)
    return float(np.prod(np.minimum(near, 1.0)))
