"""The expected error of predictions of unseen cells: noise, and the error of the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import UnsupportedError
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruptible
from lowland.kernels.blas_threads import one_blas_thread
from lowland.search import Iterations, RelativeDecreaseBelow, run
from lowland.tensors.cell_objective import sum_of_squares
from lowland.tensors.measurement import SomeCells
from lowland.tensors.normal_matrix import normal_matrix
from lowland.tensors.search.filled_iteration import FilledIteration
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker.ranks import hold_out_cells
from lowland.trials.choices import FEW_CELLS_ERROR, TUCKER_RANKS

# largest number of unknowns, and of unseen cells evaluated
MOST_UNKNOWNS, MOST_CELLS = 3000, 20_000
# cells held out in all, and the largest dense tensor that is swept
ENOUGH_CELLS, LARGEST_DENSE = 20_000, 20_000_000
# most cells of a small tensor, of which fewer are held out at a time
FEW_CELLS = 5000
# sweeps of a refit end when one lowers the objective by less than this fraction, or after so many
CONVERGED, FIRST_SWEEPS, MOST_SWEEPS = 1e-6, 5, 1000
# eigenvalues of the normal equations below this fraction of the largest count as zero
ZERO_EIGENVALUE = 1e-13


@public("lowland.tensors")
@final
@dataclass(frozen=True)
class NewCellError:
    """Expected error of the prediction of a new observation of an unseen cell.

    Parameters
    ----------
    total : float
        Root mean square of the difference, over the unseen cells (if all were seen, what an unseen one would
        have); an estimate.
    noise : float
        Standard deviation of the noise, from the residuals and the degrees of freedom.
    fit : float
        Root mean square error of the model itself, by which the total exceeds the noise.

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


@Interruptible()
def new_cell_error(objective: TuckerObjective, theta: Vector) -> NewCellError:
    """Return the expected error of new observations, from fits without some of the known cells.

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
        If there are no more known cells than degrees of freedom, or they leave components free, or the tensor
        is too large for both kinds of estimate.

    Notes
    -----
    Each time some cells are held out, and the fit is continued without them by sweeps over the filled tensor:
    their errors contain what the model cannot describe. Where unseen cells lie, for instance whole missing
    fibres, may make them harder to predict than held-out ones. For not too many unknowns the Jacobian says
    how much harder, to first order, and that is added; for more unknowns it is not.
    """
    free = objective.data.size - objective.model.degrees_of_freedom
    if free < 1:
        raise UnsupportedError(
            "the residuals leave nothing to estimate the noise from",
            f"{objective.data.size} known cells for {objective.model.degrees_of_freedom} degrees of freedom",
        )
    dense, few = prod(objective.shape) <= LARGEST_DENSE, objective.size <= MOST_UNKNOWNS
    if not dense and not few:
        raise UnsupportedError(
            "the tensor is too large for refits, and its Jacobian too",
            f"{objective.size} unknowns, at most {MOST_UNKNOWNS}",
            fix="measure the error on held-out cells instead",
        )
    residual = objective.predict(theta) - objective.y
    noise = float(np.sqrt(sum_of_squares(residual, objective.weights) / free))
    if not noise:
        return NewCellError(0.0, 0.0, 0.0)
    # squares of the model's own error, in units of the noise, at unseen cells; and at held-out ones
    unseen = _variance_share(objective, theta) if few else None
    held_out = objective.model.degrees_of_freedom / free
    square = held_out_square(objective, theta) if dense else noise**2 * (1 + held_out)
    if unseen is not None and not objective.data.is_full:
        square += noise**2 * max(unseen - held_out, 0.0)
    total = max(float(np.sqrt(square)), noise)
    return NewCellError(total, noise, float(np.sqrt(total**2 - noise**2)))


def held_out_square(objective: TuckerObjective, theta: Vector) -> float:
    """Return the mean weighted square of the errors of cells that the fit is continued without."""
    rng = np.random.default_rng(0)  # only chooses cells
    data_alone, total, count = replace(objective, strength=0.0), 0.0, 0
    stop = RelativeDecreaseBelow(CONVERGED, after=FIRST_SWEEPS) | Iterations(MOST_SWEEPS)
    # without a tenth of few cells, the model would predict noticeably worse
    choice = FEW_CELLS_ERROR if objective.data.size <= FEW_CELLS else TUCKER_RANKS
    while count < min(ENOUGH_CELLS, objective.data.size):
        kept, apart = hold_out_cells(objective.data, rng, choice.hides)
        without = replace(data_alone, data=kept)
        with one_blas_thread():
            continued = run(without, FilledIteration(), theta, stop=stop, rng=rng)
        if continued.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt
        at = SomeCells(apart.all_positions(), apart.shape).measure(without.unpack(continued.theta))
        total += sum_of_squares(at - apart.values, apart.weights)
        count += apart.size
    return total / count


def _variance_share(objective: TuckerObjective, theta: Vector) -> float:
    """Return the mean variance of predictions of unseen cells in units of the noise, to first order."""
    parts = objective.model.unpack(theta.astype(np.float64))
    seen = normal_matrix(parts, objective.data.all_positions(), objective.weights)
    cells = _unseen(objective)
    unseen = normal_matrix(parts, cells, None) / len(cells)
    values, vectors = np.linalg.eigh(seen)
    keep = slice(objective.size - objective.model.degrees_of_freedom, None)  # the gauge is left out
    if not values[keep][0] > ZERO_EIGENVALUE * values[-1]:
        raise UnsupportedError(
            "the known cells do not determine the fit",
            "components that the data leave free",
            fix="lower the ranks",
        )
    shares = np.einsum("ik,ij,jk->k", vectors, unseen, vectors, optimize=True)[keep] / values[keep]
    return max(float(np.sum(shares)), 0.0)


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
