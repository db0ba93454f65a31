"""What a column says of a cell by itself: a t law around its mean, or by the spreads of the other columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.informed.marks import FEWEST_KNOWN, FEWEST_LINKS
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations

# known cells of columns whose spreads are compared, and how many such columns there must be
ENOUGH_CELLS, ENOUGH_COLUMNS = 5, 3
# degrees of freedom below which spreads of columns are not alike, and their variance is stated as that of
LEAST_FREEDOM, LEAST_STATED = 1.0, 5.0
# most columns whose correlations are drawn
MOST_JOINT = 200


@final
@dataclass(frozen=True, eq=False)
class ColumnLaws:
    """Laws of a new cell of each column, given the known cells of the column alone.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
        Known cells.
    centres : ndarray, shape (n,)
        Their mean, 0 if there are none.
    scales : ndarray, shape (n,)
        Zero in constant columns; infinite where nothing says how far cells spread.
    freedoms : ndarray, shape (n,)

    Notes
    -----
    A new cell is centre + scale times a variable of Student's t law. Of n = 3 known cells or more with
    variance s², that is exact for normal columns: scale s √(1 + 1/n), n - 1 degrees of freedom.

    Of one or two cells the other columns say the spread, if they are alike: with variances σ² = ν s0² / χ²_ν,
    ν and s0² by the moments of log s² over columns of five cells or more (G. Smyth, 2004), without taking off
    what s² scatters about σ², which makes ν smaller, and ν at most the number of these columns less one;
    the law then has ν + n - 1 degrees of freedom. With ν below one, or fewer than three such columns,
    there is none.
    """

    counts: Indices
    centres: Vector
    scales: Vector
    freedoms: Vector

    @classmethod
    def of(cls, table: Observations) -> ColumnLaws:
        """Return the laws of the columns of a table, in one pass over its cells."""
        n, columns, values = table.shape[1], table.columns, table.values.astype(np.float64)
        counts = np.bincount(columns, minlength=n)
        least = np.maximum(counts, 1)
        centres = np.bincount(columns, values, n) / least
        squares = np.bincount(columns, (values - centres[columns]) ** 2, n)
        low, high = np.full(n, np.inf), np.full(n, -np.inf)
        np.minimum.at(low, columns, values)
        np.maximum.at(high, columns, values)
        squares[low == high] = 0.0
        freedoms = np.maximum(counts - 1, 1).astype(np.float64)
        variances = squares / freedoms
        few = counts < FEWEST_KNOWN
        whole = variances[(counts >= ENOUGH_CELLS) & (variances > 0)]
        freedom, variance = spread_of_spreads(whole)
        if freedom < LEAST_FREEDOM:
            freedom, variance = 1.0, np.inf
        mine = freedom + freedoms[few] - (counts[few] < 2)
        variances[few] = (freedom * variance + squares[few]) / mine
        freedoms[few] = mine
        variances[counts == 0] = np.inf
        return cls(counts, centres, np.sqrt(variances * (1 + 1 / least)), freedoms)

    @property
    def standard_errors(self) -> Vector:
        """Standard deviations, shape (n,); with fewer than five degrees of freedom as if there were five."""
        freedoms = np.maximum(self.freedoms, LEAST_STATED)
        return np.asarray(self.scales * np.sqrt(freedoms / (freedoms - 2)))

    def intervals(self, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new cells of columns, infinite where there is no law."""
        from scipy.special import stdtrit

        reach = stdtrit(self.freedoms[columns], (1 + level) / 2) * self.scales[columns]
        return self.centres[columns] - reach, self.centres[columns] + reach

    def read(self, normals: Vector, columns: Indices) -> Vector:
        """Return the cells of columns at the quantiles of standard normal numbers."""
        from scipy.special import ndtr, stdtrit

        # in the lower half, where shares are known to all digits
        far = stdtrit(self.freedoms[columns], ndtr(-np.abs(normals))) * self.scales[columns]
        return np.asarray(self.centres[columns] - np.sign(normals) * far)


def spread_of_spreads(variances: Vector) -> tuple[float, float]:
    """Return ν and s0² of variances s² = ν s0² / χ²_ν, ν zero if they are too few."""
    from scipy.special import digamma, polygamma

    if variances.size < ENOUGH_COLUMNS:
        return 0.0, np.inf
    logs = np.log(variances)
    low, high, wanted = 1e-3, float(variances.size - 1), float(logs.var(ddof=1))
    if polygamma(1, high / 2) < wanted:
        for _ in range(60):
            middle = np.sqrt(low * high)
            low, high = (middle, high) if polygamma(1, middle / 2) > wanted else (low, middle)
    return high, float(np.exp(logs.mean() + digamma(high / 2) - np.log(high / 2)))


def joint_columns(table: Observations, laws: ColumnLaws) -> tuple[Indices, Matrix]:
    """Return columns whose cells are drawn together, and a matrix that makes their correlations.

    Returns
    -------
    columns : ndarray of int, shape (k,)
        None, if they are more than `MOST_JOINT`: each is then drawn by itself.
    mixing : ndarray, shape (k, k)
        Rows of length one. Products of two are the correlations of columns seen together in four rows or
        more, zero for others, up to what makes of them a law.
    """
    columns = np.flatnonzero((laws.counts >= FEWEST_KNOWN) & (laws.scales > 0) & np.isfinite(laws.scales))
    if columns.size > MOST_JOINT:
        columns = columns[:0]
    places = np.full(table.shape[1], -1)
    places[columns] = np.arange(columns.size)
    at = places[table.columns] >= 0
    cells = table.rows[at], places[table.columns[at]]
    known, values = np.zeros((table.shape[0], columns.size)), np.zeros((table.shape[0], columns.size))
    known[cells] = 1.0
    values[cells] = table.values[at] - laws.centres[table.columns[at]]
    together, products = known.T @ known, values.T @ values
    # spreads over the rows of both
    sizes = (values**2).T @ known
    correlations = products / np.sqrt(np.maximum(sizes * sizes.T, np.finfo(np.float64).tiny))
    correlations[together < FEWEST_LINKS] = 0.0
    np.fill_diagonal(correlations, 1.0)
    strengths, axes = np.linalg.eigh(correlations)
    mixing = axes * np.sqrt(np.maximum(strengths, 0.0))
    return columns, mixing / np.maximum(np.linalg.norm(mixing, axis=1), 1e-300)[:, None]
