"""The expected error of predictions of unseen cells: noise, and the uncertainty of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import UnsupportedError
from lowland.tensors.normal_matrix import normal_matrix
from lowland.tensors.objective import TuckerObjective, sum_of_squares

# largest number of unknowns, and of unseen cells evaluated
MOST_UNKNOWNS, MOST_CELLS = 3000, 20_000
# eigenvalues of the normal equations below this fraction of the largest count as zero
ZERO_EIGENVALUE = 1e-13


@final
@dataclass(frozen=True)
class NewCellError:
    """Expected error of the prediction of a new observation of an unseen cell.

    Parameters
    ----------
    total : float
        Root mean square of the difference, over the unseen cells (over all cells if all were seen).
    noise : float
        Standard deviation of the noise, from the residuals and the degrees of freedom.
    fit : float
        Root mean square error of the model itself.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> i, j, k = np.indices((6, 5, 4)) + 1.0
    >>> noisy = i * j * k + 0.1 * np.random.default_rng(0).standard_normal(i.shape)
    >>> holes = np.where((i + j + k) % 3 > 0, noisy, np.nan)
    >>> error = ll.decompose_tucker(holes, 1, certify=False, rng=0).new_cell_error()
    >>> 0.08 < error.noise < 0.12, error.fit < error.noise < error.total
    (True, True)
    """

    total: float
    noise: float
    fit: float


def new_cell_error(objective: TuckerObjective, theta: Vector) -> NewCellError:
    """Return the expected error of new observations, from the Jacobian at the fit.

    Parameters
    ----------
    objective : TuckerObjective
    theta : ndarray, shape (size,)

    Returns
    -------
    NewCellError
        For cells of weight one.

    Raises
    ------
    UnsupportedError
        If there are no more known cells than degrees of freedom, or too many unknowns.
    """
    free = objective.data.size - objective.model.degrees_of_freedom
    if free < 1:
        raise UnsupportedError(
            "the residuals leave nothing to estimate the noise from",
            f"{objective.data.size} known cells for {objective.model.degrees_of_freedom} degrees of freedom",
        )
    if objective.size > MOST_UNKNOWNS:
        raise UnsupportedError(
            "the Jacobian is too large",
            f"{objective.size} unknowns, at most {MOST_UNKNOWNS}",
            fix="measure the error on held-out cells instead",
        )
    residual = objective.predict(theta) - objective.y
    noise = float(np.sqrt(sum_of_squares(residual, objective.weights) / free))
    parts = objective.model.unpack(theta.astype(np.float64))
    seen = normal_matrix(parts, objective.data.all_positions(), objective.weights)
    cells = _unseen(objective)
    unseen = normal_matrix(parts, cells, None) / len(cells)
    if not noise:
        return NewCellError(0.0, 0.0, 0.0)
    values, vectors = np.linalg.eigh(seen)
    keep = slice(objective.size - objective.model.degrees_of_freedom, None)  # the gauge is left out
    if not values[keep][0] > ZERO_EIGENVALUE * values[-1]:
        raise UnsupportedError(
            "the known cells do not determine the fit",
            "components that the data leave free",
            fix="lower the ranks",
        )
    share = float(
        np.sum(np.einsum("ik,ij,jk->k", vectors, unseen, vectors, optimize=True)[keep] / values[keep])
    )
    fit = noise * float(np.sqrt(max(share, 0.0)))
    return NewCellError(float(np.hypot(noise, fit)), noise, fit)


def _unseen(objective: TuckerObjective) -> Matrix:
    """Return unseen cells, all or evenly spaced ones; all cells if all were seen."""
    count = int(np.prod(objective.shape, dtype=np.int64))
    if objective.data.is_full:
        flat = np.arange(count)
    else:
        known = np.ravel_multi_index(tuple(objective.data.all_positions().T), objective.shape)
        if count > 50 * MOST_CELLS + known.size:  # mostly unseen: draw at random, and drop the seen cells
            drawn = np.random.default_rng(0).integers(0, count, 2 * MOST_CELLS)
            flat = np.setdiff1d(drawn, known)
        else:
            flat = np.setdiff1d(np.arange(count), known, assume_unique=True)
    if flat.size > MOST_CELLS:
        flat = flat[np.linspace(0, flat.size - 1, MOST_CELLS).astype(np.intp)]
    return np.stack(np.unravel_index(flat, objective.shape), axis=1).astype(np.int64)
