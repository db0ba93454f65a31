"""Cells of a table predicted from others of their row, by a Gaussian without that row: no fit is made again.

Each known cell from all others, or some cells from the rest: as points of a regression are left out in turn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lowland.bayes.row_scales import RowScales
from lowland.cells.sums import known_cells
from lowland.completion.bayesian.gaussian.objective import GaussianDraw, GaussianRows
from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.work import touch
from lowland.trials.masks import Mask

# numbers of the systems that are inverted at once, and least share of the Gaussian that is left without a row
AT_ONCE, LEAST_LEFT = 1 << 20, 0.01


class _Rows(NamedTuple):
    """The rows of a table beside the mean Gaussian of the draws, and what one of them is of it.

    `away` is how far known cells are from the mean; the Gaussian is worth so many `rows`, and a row is
    `part` times as far from the mean of all others.
    """

    known: Mask
    table: Matrix
    gaussian: Matrix
    mean: Vector
    away: Matrix
    rows: float
    part: float

    @classmethod
    def of(cls, objective: GaussianRows, state: GaussianDraw) -> _Rows:
        m, p = objective.count, objective.width
        (known,) = objective.cells.map(0, known_cells, p)
        table, mean = state.theta.reshape(m, p), state.mean_sum / state.kept
        away, rows = np.where(known, table - mean, 0.0), max(m + state.excess - 1, 2.0)
        return cls(known, table, state.covariance_sum / state.kept, mean, away, rows, m / max(m - 1, 1))


def left_out(
    objective: GaussianRows, state: GaussianDraw, groups: Indices | None = None
) -> tuple[Matrix, Matrix]:
    """Return predictions of known cells and their standard errors, in units of the scaled table.

    Parameters
    ----------
    objective : GaussianRows
    state : GaussianDraw
        With kept draws.
    groups : ndarray of int, shape (p,), optional
        Columns of one group are known together, and do not predict each other; by default each is its own.

    Returns
    -------
    predictions, errors : ndarray, shape (m, p)
        Of no meaning where nothing is known.

    Notes
    -----
    Of the mean covariance C of n draws' worth, a row at distance c from the mean holds c c^T / n, which is
    taken out: (n C - m / (m - 1) c c^T) / (n - 1), and from the mean likewise: as points of a regression
    are left out one by one. What the row has told of missing cells of other rows stays. Rows differ in size
    as `RowScales` learns from their distances, of columns that are their own group. Costs O(m p^3).
    """
    m, p = objective.count, objective.width
    known, table, gaussian, _, away, count, part = _Rows.of(objective, state)
    together = _of_several(groups)
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
        pulls_left = pulls * (1 + part / count * np.einsum("ij,ij->i", c, pulls) / left)[:, None]
        shrunk = (count - 1) / count
        errors[at] = part * pulls_left / diagonal
        variances[at] = 1 / (shrunk * diagonal)
        distances[at] = shrunk * part**2 * np.einsum("ij,ij->i", c, pulls_left)
        for some in together:
            more = pulls[:, some] * np.sqrt(part / count / left)[:, None]
            blocks = precision[:, some[:, None], some] + more[:, :, None] * more[:, None, :]
            covariances = np.linalg.inv(blocks)
            errors[at, some] = part * np.einsum("ijk,ik->ij", covariances, pulls_left[:, some])
            variances[at, some] = np.einsum("ijj->ij", covariances) / shrunk
    scales = RowScales.learn(distances, known.sum(axis=1))
    if scales is not None:
        alone = np.ones(p, bool)
        alone[[j for some in together for j in some]] = False
        others = distances[:, None] - errors[:, alone] ** 2 / variances[:, alone]
        variances[:, alone] *= scales.factors(others, known.sum(axis=1)[:, None] - 1)
    predictions = np.where(known, table - errors, 0.0)
    return predictions, np.sqrt((1 + 1 / m) * variances)


def without(
    objective: GaussianRows, state: GaussianDraw, kept: Mask, scales: RowScales | None
) -> tuple[Matrix, Matrix]:
    """Return predictions from some known cells and their standard errors, in units of the scaled table.

    Parameters
    ----------
    objective : GaussianRows
    state : GaussianDraw
        With kept draws.
    kept : ndarray of bool, shape (m, p)
        The known cells that predict the others of their row.
    scales : RowScales or None
        How rows differ in size.

    Returns
    -------
    predictions, errors : ndarray, shape (m, p)
        Kept cells are predicted as what they are.

    Notes
    -----
    Of a row at distance c from the mean, let g = c_K C_KK^{-1} C_K: be the prediction, q = c_K C_KK^{-1} c_K.
    Without the row, of weight w, a known cell that is not kept has the residual (c - g) / (1 - w q), and a
    missing one, of which the row has told nothing, the prediction g. Errors are those of a regression on the
    other rows, whose coefficients are not known either. Costs O(m p^3).
    """
    m, p = objective.count, objective.width
    known, table, gaussian, mean, away, count, part = _Rows.of(objective, state)
    predictions, variances = np.empty((m, p)), np.empty((m, p))
    step = max(1, AT_ONCE // (p * p))
    touch(m * float(p) ** 3 / 3)
    for first in range(0, m, step):
        at = slice(first, first + step)
        own, c, hidden = kept[at], np.where(kept[at], away[at], 0.0), known[at] & ~kept[at]
        systems = np.where(own[:, :, None] & own[:, None, :], gaussian, np.eye(p))
        across = np.where(own[:, :, None], gaussian, 0.0)
        slopes = np.linalg.solve(systems, across)
        guesses = np.einsum("ij,ijk->ik", c, slopes)
        size = np.einsum("ij,ij->i", c, np.linalg.solve(systems, c[:, :, None])[:, :, 0])
        left = np.maximum(1 - part / count * size, LEAST_LEFT)[:, None]
        rests = np.where(hidden, away[at] - guesses, 0.0)
        predictions[at] = np.where(own | hidden, table[at] - part * rests / left, mean + guesses)
        spread = np.diag(gaussian) - np.einsum("ijk,ijk->ik", across, slopes)
        without_row = np.maximum(spread - part / count * rests**2 / left, LEAST_LEFT * spread)
        distances = (count - 1) / count * part**2 * size / left[:, 0]
        factors = 1 + 1 / m + distances / count
        if scales is not None:
            factors *= scales.factors(distances, own.sum(axis=1))
        variances[at] = count / (count - 1) * without_row * factors[:, None]
    return predictions, np.sqrt(np.maximum(variances, 0.0))


def _of_several(groups: Indices | None) -> list[Indices]:
    """Return the places of each group of more than one column."""
    if groups is None:
        return []
    each = places_of_each(groups, int(groups.max()) + 1)
    return [some for some in each if some.size > 1]
