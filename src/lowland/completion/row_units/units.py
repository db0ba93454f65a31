"""Centres and spreads of rows that have units of their own, as far as their known cells tell them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.bayesian.scaling import CONSTANT
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.trials.masks import Mask

# centres are whole multiples of so many spreads: what is left of levels is uniform, with variance one
STEP = float(np.sqrt(12))


@final
@dataclass(frozen=True, eq=False)
class RowUnits:
    """The unit of each row: what lies at zero in it, and what has size one.

    Parameters
    ----------
    centres, spreads : ndarray, shape (m,)
    """

    centres: Vector
    spreads: Vector

    def write(self, table: Observations, numbers: Mask | None = None) -> Observations:
        """Return a table with its values, or those of some columns, in the units of rows.

        They keep their precision.
        """
        values = (table.values - self.centres[table.rows]) / self.spreads[table.rows]
        if numbers is not None:
            values = np.where(numbers[table.columns], values, table.values)
        return replace(table, values=values.astype(table.values.dtype))

    def read(self, values: Vector, rows: Indices) -> Vector:
        """Return numbers in units of rows, shape (..., k), in the unit of the table."""
        return self.centres[rows] + self.spreads[rows] * values


@final
@dataclass(frozen=True)
class TypicalRow:
    """What rows of a table are like, which says what few cells of a row leave open.

    Parameters
    ----------
    centre, size : float
        Mean and standard deviation of the whole table, for rows without cells.
    log_spread : float
        Mean logarithm of the spreads of rows.
    relative : bool
        Whether spreads are those in units of a row's level, if they vary less so.
    variance : float
        Of these logarithms, without what chance adds.

    Notes
    -----
    The logarithm of the spread of a row with k cells is unsure by a quarter of trigamma((k - 1) / 2), and
    shrunk to the mean accordingly. Centres are rounded, since means of rows would leave rows without a level
    of their own: numbers that sum to zero seem to determine each other exactly.
    """

    centre: float
    size: float
    log_spread: float
    relative: bool
    variance: float

    @classmethod
    def of(cls, table: Observations, numbers: Mask | None = None) -> TypicalRow:
        """Return what the rows of a table are like, or their cells in some columns."""
        table = _some_columns(table, numbers)
        size = float(np.std(table.values)) or 1.0
        counts, means, spreads = moments_of_rows(table)
        seen = (counts > 1) & (spreads > 0)
        if not seen.any():
            return cls(float(np.mean(table.values)), size, float(np.log(size)), False, 0.0)
        logs, chance = _log_spreads(counts[seen], spreads[seen])
        with np.errstate(divide="ignore"):
            levels = np.log(np.abs(means[seen]))
        relative = bool(np.isfinite(levels).all() and np.var(logs - levels) < np.var(logs))
        logs = logs - levels if relative else logs
        variance = max(float(np.var(logs) - chance.mean()), 0.0)
        return cls(float(np.mean(table.values)), size, float(logs.mean()), relative, variance)

    def write(self, table: Observations, numbers: Mask | None = None) -> Observations:
        """Return a table with its values, or those of some columns, in the units of its rows."""
        return self.units(table, numbers).write(table, numbers)

    def units(self, table: Observations, numbers: Mask | None = None) -> RowUnits:
        """Return the units of the rows of a table, each by its own known cells, or those in some columns."""
        counts, means, spreads = moments_of_rows(_some_columns(table, numbers))
        sizes = np.where(means == 0, np.exp(0.0 if self.relative else self.log_spread), np.abs(means))
        usual = self.log_spread + (np.log(sizes) if self.relative else 0.0)
        logs, chance = _log_spreads(counts, spreads)
        known = np.isfinite(logs)
        share = np.divide(self.variance, self.variance + chance, out=np.zeros(means.size), where=known)
        logs = usual + share * np.where(known, logs - usual, 0.0)
        constant = (counts > 1) & (spreads == 0)
        units = np.where(constant, CONSTANT * sizes, np.exp(logs))
        centres = STEP * units * np.round(means / (STEP * units))
        empty = counts == 0
        return RowUnits(np.where(empty, self.centre, centres), np.where(empty, self.size, units))


def _some_columns(table: Observations, numbers: Mask | None) -> Observations:
    return table if numbers is None else table.select(numbers[table.columns])


def moments_of_rows(table: Observations) -> tuple[Indices, Vector, Vector]:
    """Return counts, means and standard deviations of the cells of rows; zero where there are none."""
    m, values = table.shape[0], table.values.astype(np.float64)
    counts = table.row_counts()
    means = np.bincount(table.rows, values, minlength=m) / np.maximum(counts, 1)
    squares = np.bincount(table.rows, (values - means[table.rows]) ** 2, minlength=m)
    return counts, means, np.sqrt(squares / np.maximum(counts - 1, 1))


def _log_spreads(counts: Indices, spreads: Vector) -> tuple[Vector, Vector]:
    """Return logarithms of spreads, unbiased for normal cells, and their variances; -inf where unknown."""
    from scipy.special import digamma, polygamma

    half = np.maximum(counts - 1, 1) / 2
    with np.errstate(divide="ignore"):
        logs = np.log(np.where(counts > 1, spreads, 0.0)) - (digamma(half) - np.log(half)) / 2
    return logs, polygamma(1, half) / 4
