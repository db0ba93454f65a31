"""Confidence intervals for entries and other linear functionals of a fitted matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector, check_floats, check_positions
from lowland.core.dense_operator import DenseMap
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.shown import Shown
from lowland.objectives import RecoveryObjective
from lowland.sensing.tangent_covariance import Noise, TangentCovariance, estimate_noise


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Intervals(Shown):
    """Estimates with intervals that contain the truth with a given probability, to first order in the noise.

    Parameters
    ----------
    estimate, standard_error, lower, upper : ndarray, shape (k,)
    level : float
        Coverage probability, if the assumptions hold: the rank is right, the search ended at the best
        point, and the noise is independent, roughly Gaussian, with the variances implied by the weights.
    noise : float
        Estimated noise level of a datum of weight one; with Huber's loss that at which least squares would be
        as far off.
    degrees_of_freedom : float
        Number of data minus effective parameters: the degrees of freedom of the noise estimate.
    form : str
        "exact" or "block": how variances were computed.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rows, columns = np.indices((12, 8)).reshape(2, -1)
    >>> y = rows + 1.0 + np.random.default_rng(0).standard_normal(rows.size)
    >>> fit = ll.recover(ll.Entries(rows, columns, (12, 8)), y, rank=1, rng=0)
    >>> found = fit.interval([3, 4], [4, 5])
    >>> found.lower < [4, 5], found.upper > [4, 5], found.level
    (array([ True,  True]), array([ True,  True]), 0.95)
    """

    estimate: Vector
    standard_error: Vector
    lower: Vector
    upper: Vector
    level: float
    noise: float
    degrees_of_freedom: float
    form: str

    def _lines(self) -> list[str]:
        shown = zip(self.estimate[:10], self.lower[:10], self.upper[:10], strict=True)
        lines = [f"{e:.5g} ({low:.5g} to {high:.5g})" for e, low, high in shown]
        more = self.estimate.size - len(lines)
        head = f"{self.level:.0%} intervals, noise {self.noise:.3g}"
        return [head, *lines] + ([f"and {more} more"] if more > 0 else [])


def entry_intervals(
    objective: RecoveryObjective,
    theta: Vector,
    rows: ArrayLike,
    columns: ArrayLike,
    *,
    level: float = 0.95,
    new_observation: bool = False,
    new_weights: ArrayLike = 1.0,
    form: str = "auto",
) -> Intervals:
    """Return intervals for entries of the matrix at a point.

    Parameters
    ----------
    objective : RecoveryObjective
        With squared or Huber's loss; for new observations squared.
    theta : ndarray, shape (size,)
        The best point found.
    rows, columns : array_like of int, shape (k,)
    level : float
        Between 0 and 1.
    new_observation : bool
        Whether the interval is for a new observation of the entry, noise included; model misfit then
        counts as noise.
    new_weights : float or array_like, shape (k,)
        Weights of those observations: the noise variance of a datum is proportional to 1 / weight.
    form : {"auto", "exact", "block"}
        See `lowland.sensing.tangent_covariance.TangentCovariance`.

    Returns
    -------
    Intervals

    Raises
    ------
    UnsupportedError
        If the noise cannot be estimated: a saturated model, or residuals that are not noise (allowed for
        new observations).
    InvalidInputError
        If a position or the level is out of range.
    """
    exact = objective.in_double()
    if exact.model.is_complex:
        raise UnsupportedError("error bars of entries need a real matrix", exact.describe())
    i = check_positions(rows, "rows", below=exact.shape[0])
    j = check_positions(columns, "columns", below=exact.shape[1])
    if i.shape != j.shape:
        raise InvalidInputError("rows and columns must be equally long", f"{i.size} and {j.size}")
    point = check_floats(theta, "theta", dtype="float64", ndim=1)
    covariance = TangentCovariance(exact, point, form)
    noise = estimate_noise(exact, point, strict=not new_observation)
    weights = np.broadcast_to(np.asarray(new_weights, dtype=np.float64), i.shape)
    if not (np.isfinite(weights).all() and weights.min(initial=1.0) > 0):
        raise InvalidInputError("new_weights must be positive", f"smallest {weights.min(initial=1.0)}")
    extra = 1 / weights if new_observation else np.zeros(i.size)
    return _intervals(
        covariance, noise, exact.matrix(point).at(i, j), covariance.of_entries(i, j) + extra, level
    )


@public("lowland")
def functional_intervals(
    objective: RecoveryObjective, theta: Vector, arrays: ArrayLike, *, level: float = 0.95
) -> Intervals:
    """Return intervals for linear functionals <B_k, X> of the matrix at a point.

    Parameters
    ----------
    objective : RecoveryObjective
        With squared or Huber's loss and a real matrix.
    theta : ndarray, shape (size,)
    arrays : array_like, shape (k, m, n)
        The matrices B_k.
    level : float

    Returns
    -------
    Intervals

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland import functional_intervals
    >>> rows, columns = np.indices((12, 8)).reshape(2, -1)
    >>> y = rows + 1.0 + np.random.default_rng(0).standard_normal(rows.size)
    >>> fit = ll.recover(ll.Entries(rows, columns, (12, 8)), y, rank=1, rng=0)
    >>> mean = functional_intervals(fit.objective, fit.search.theta, np.full((1, 12, 8), 1 / 96))
    >>> bool(mean.lower[0] < 6.5 < mean.upper[0]), round(float(mean.standard_error[0]), 1)
    (True, 0.1)
    """
    exact, point = objective.in_double(), check_floats(theta, "theta", dtype="float64", ndim=1)
    if exact.model.is_complex:
        raise UnsupportedError("error bars of functionals need a real matrix", exact.describe())
    weights = check_floats(arrays, "arrays", dtype="float64", ndim=3)
    if weights.shape[1:] != exact.shape:
        shapes = f"shape {weights.shape[1:]} for {exact.shape}"
        raise InvalidInputError("arrays do not fit the matrix", shapes)
    factors = exact.matrix(point)
    estimate = np.array([np.sum((b @ factors.right) * factors.left) for b in weights])
    covariance = TangentCovariance(exact, point, "exact")
    noise = estimate_noise(exact, point)
    variances = covariance.of_maps([DenseMap(b) for b in weights])
    return _intervals(covariance, noise, estimate, variances, level)


def _intervals(
    covariance: TangentCovariance, noise: Noise, estimate: Vector, variances: Vector, level: float
) -> Intervals:
    from scipy.stats import t

    if not 0 < level < 1:
        raise InvalidInputError("level must lie between 0 and 1", repr(level))
    error = noise.level * np.sqrt(np.maximum(variances, 0.0))
    reach = float(t.ppf((1 + level) / 2, noise.free)) * error
    form = "exact" if covariance.is_exact else "block"
    return Intervals(
        estimate=estimate,
        standard_error=error,
        lower=estimate - reach,
        upper=estimate + reach,
        level=level,
        noise=noise.level,
        degrees_of_freedom=noise.free,
        form=form,
    )
