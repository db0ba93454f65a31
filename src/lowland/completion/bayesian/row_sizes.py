"""How large rows of a Gaussian are, by their cells, and the wider or narrower moments that they then have."""

from __future__ import annotations

import numpy as np

from lowland.bayes.row_scales import RowScales
from lowland.cells.sides import PerLine, TableCells
from lowland.completion.cells.blocks import line_distances
from lowland.core.arrays import Matrix, Vector
from lowland.kernels.systems.moments import Moments


def row_distances(cells: TableCells, means: Matrix, prior_mean: Vector, precisions: Vector) -> Vector:
    """Return the squared Mahalanobis distance of each row's cells from their mean, shape (m,).

    Parameters
    ----------
    cells : TableCells
    means : ndarray, shape (m, n)
        Conditional means of rows without noise, given their cells.
    prior_mean : ndarray, shape (n,)
    precisions : ndarray, shape (n,)
        Of the noise of columns.
    """
    (distances,) = cells.map(0, line_distances, PerLine(means), prior_mean, precisions)
    return np.asarray(distances)


def with_sizes(
    rows: Moments, scales: RowScales, cells: TableCells, prior_mean: Vector, precisions: Vector
) -> tuple[Moments, Vector]:
    """Return rows with the variances of their sizes, and the factors by which these differ, shape (m,)."""
    distances = row_distances(cells, rows.means, prior_mean, precisions)
    factors = scales.factors(distances, cells.sides[0].counts)
    return rows.times(factors), factors
