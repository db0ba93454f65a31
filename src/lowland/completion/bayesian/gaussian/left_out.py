"""Each known cell of a table predicted from the other cells of its row, by a Gaussian without that row."""

from __future__ import annotations

import numpy as np

from lowland.bayes.row_scales import RowScales
from lowland.cells.sums import known_cells
from lowland.completion.bayesian.gaussian.objective import GaussianDraw, GaussianRows
from lowland.core.arrays import Matrix
from lowland.core.work import touch

# numbers of the systems that are inverted at once, and least share of the Gaussian that is left without a row
AT_ONCE, LEAST_LEFT = 1 << 20, 0.01


def left_out(objective: GaussianRows, state: GaussianDraw) -> tuple[Matrix, Matrix]:
    """Return predictions of known cells and their standard errors, in units of the scaled table.

    Parameters
    ----------
    objective : GaussianRows
    state : GaussianDraw
        With kept draws.

    Returns
    -------
    predictions, errors : ndarray, shape (m, p)
        Of no meaning where nothing is known.

    Notes
    -----
    Of the mean covariance C of n draws' worth, a row at distance c from the mean holds c c^T / n, which is
    taken out: (n C - m / (m - 1) c c^T) / (n - 1), and from the mean likewise: as points of a regression
    are left out one by one. What the row has told of missing cells of other rows stays. Rows differ in size
    as `RowScales` learns from their distances. Costs O(m p^3).
    """
    m, p = objective.count, objective.width
    (known,) = objective.cells.map(0, known_cells, p)
    gaussian = state.covariance_sum / state.kept
    away = np.where(known, state.theta.reshape(m, p) - state.mean_sum / state.kept, 0.0)
    count, part = max(m + state.excess - 1, 2.0), m / max(m - 1, 1)
    errors, variances, distances = np.zeros((m, p)), np.ones((m, p)), np.zeros(m)
    step = max(1, AT_ONCE // (p * p))
    touch(m * float(p) ** 3 / 8)
    for first in range(0, m, step):
        at = slice(first, first + step)
        seen, c = known[at], away[at]
        systems = np.where(seen[:, :, None] & seen[:, None, :], gaussian, np.eye(p))
        precision = np.linalg.inv(systems)
        pulls = np.einsum("ijk,ik->ij", precision, c)
        left = np.maximum(1 - part / count * np.einsum("ij,ij->i", c, pulls), LEAST_LEFT)
        # the inverse without the row: Sherman and Morrison 1950
        diagonal = np.einsum("ijj->ij", precision) + part / count * pulls**2 / left[:, None]
        without = pulls * (1 + part / count * np.einsum("ij,ij->i", c, pulls) / left)[:, None]
        shrunk = (count - 1) / count
        errors[at] = part * without / diagonal
        variances[at] = 1 / (shrunk * diagonal)
        distances[at] = shrunk * part**2 * np.einsum("ij,ij->i", c, without)
    scales = RowScales.learn(distances, known.sum(axis=1))
    if scales is not None:
        others = distances[:, None] - errors**2 / variances
        variances *= scales.factors(others, known.sum(axis=1)[:, None] - 1)
    predictions = np.where(known, state.theta.reshape(m, p) - errors, 0.0)
    return predictions, np.sqrt((1 + 1 / m) * variances)
