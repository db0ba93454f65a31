"""Lower bounds on the best value from a feasible dual point.

For f = sum w (A(X) + B beta - y)^2 / 2 + penalty ||X||_*, and any nu,

    f >= y.nu - sum nu^2 / (2 w) - <A* nu, X> + penalty ||X||_* - nu.(B beta),

so D = y.nu - sum nu^2 / (2 w) is a lower bound if ||A* nu||_2 <= penalty and B^T nu = 0. The
vector is the weighted residual times the best feasible scale. A penalty that weights row i by a_i
and column j by b_j bounds the norm of A* nu with entries divided by sqrt(a_i b_j); a ridge kappa on a
bias, with weight c, needs no constraint and costs (B^T nu)^2 / (2 kappa c). For other convex losses
the first two terms are minus the conjugates of the losses at -nu / w. Where cells that are not listed count
as zeros, the dual matrix has entries N_ij there too, each of which costs N_ij^2 / 2 over their weight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.certificates.gaps.dual_biases import bias_charge, bias_square
from lowland.certificates.gaps.norm_bounds import norm_bound
from lowland.certificates.gaps.spectral_bounds import Bound, eigenvalue_bound
from lowland.certificates.settings import Judgement
from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_complexes, as_reals
from lowland.core.promises.fits import MatrixFit
from lowland.core.promises.protocols import BoundedLoss
from lowland.core.results.reasons import Reason, because
from lowland.core.results.status import Rigour
from lowland.core.rounding import ELEMENTARY, gamma
from lowland.core.work import cholesky_work, eigenvalue_work


@final
@dataclass(frozen=True, eq=False)
class LowerBound:
    """A lower bound on the objective of every matrix, what it rests on, and its dual vector.

    That vector is `scale` times the weighted residual, or `dual` if it is not.
    """

    value: float
    rigour: Rigour
    reason: Reason
    scale: float = 0.0
    limited_by: str = ""
    dual: Vector | None = None


# squares below this lose digits to underflow
SMALLEST_SQUARE = 1e-290
ZERO_BOUND = LowerBound(0.0, Rigour.RIGOROUS, because("never_negative"))


def dual_bound(objective: MatrixFit, theta: Vector, upper: float, given: Judgement) -> LowerBound:
    """Return the best lower bound obtained from the residual.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64 with squared loss.
    theta : ndarray, shape (size,)
    upper : float
        The objective at theta, rounded up; better points are no worse than this.
    given : Judgement

    Returns
    -------
    LowerBound
        Zero, which always holds, if nothing better is proved.
    """
    if not objective.loss.is_quadratic:
        if objective.model.is_psd:
            return _psd_conjugate_bound(objective, theta, given)
        return _conjugate_bound(objective, theta, given)
    if objective.model.biases and objective.observed_pattern is None:
        return ZERO_BOUND  # biases can be refitted only for observed entries
    refitted = objective.biases.refit(theta)
    direction = objective.weighted(objective.y - objective.predict(refitted))
    if not np.any(direction) or not np.isfinite(direction).all():
        return ZERO_BOUND
    if objective.model.is_psd:
        return _psd_bound(objective, direction, given)
    if not objective.penalty:
        return ZERO_BOUND
    bound = _norm_bound(objective, theta, direction, given)
    rigour, _ = _charged(objective, direction, bound)
    error = penalised_error(objective, direction) + objective.relaxation.dual_error(theta, direction)
    highest = (bound.value + error) * (1 + 1e-15)
    if not np.isfinite(highest):
        return replace(ZERO_BOUND, limited_by=bound.limited_by)
    limit = objective.penalty / highest if highest > 0 else np.inf
    others = objective.relaxation.unlisted_square(theta)
    lower = _scaled(objective, direction, limit, upper, bound.reason, rigour, others=others)
    return replace(lower, limited_by=bound.limited_by)


def _norm_bound(objective: MatrixFit, theta: Vector, direction: Vector, given: Judgement) -> Bound:
    settings = given.settings
    return norm_bound(
        objective.relaxation.dual(theta, direction),
        method=settings.norm_bound,
        largest_dense=settings.largest_dense,
        steps=settings.lanczos_steps,
        rng=given.rng(),
        budget=given.budget,
        near=_right_vectors(objective, theta),
    )


def _right_vectors(objective: MatrixFit, theta: Vector) -> Matrix:
    """Return the right factor in the ridge's units: at an optimum it spans the leading right vectors."""
    right = objective.model.sides(theta)[1]
    if objective.side_weights is None:
        return right
    return np.asarray(right * np.sqrt(objective.side_weights[1])[:, None])


def _scaled(
    objective: MatrixFit,
    direction: Vector,
    limit: float,
    upper: float,
    reason: Reason,
    rigour: Rigour,
    *,
    toll: float = 0.0,
    others: float = 0.0,
) -> LowerBound:
    """Return the bound of the best feasible multiple of `direction`; s costs s * toll + s^2 others / 2."""
    y = (
        objective.y - float(objective.predict(objective.centre())[0])
        if objective.model.biases
        else objective.y
    )
    inverse = direction if objective.weights is None else direction / objective.weights
    linear, square = float(y @ direction), float(direction @ inverse)
    if not SMALLEST_SQUARE < square < 1 / SMALLEST_SQUARE:
        return ZERO_BOUND
    penalised = bias_square(objective, direction) + others
    scale = float(np.clip((linear - toll) / (square + penalised), 0.0, limit))
    nu = scale * direction
    curved = nu * nu if objective.weights is None else nu * (nu / objective.weights)
    if not np.isfinite(curved).all() or curved[nu != 0].min(initial=1.0) < SMALLEST_SQUARE:
        return ZERO_BOUND  # underflowing squares would make the bound too large
    value = float(y @ nu) - 0.5 * float(curved.sum())
    value -= toll * scale
    size = float(np.abs(y) @ np.abs(nu)) + 0.5 * float(curved.sum()) + abs(toll) * scale
    value -= gamma(y.size + 6) * size + bias_charge(objective, nu, y, upper)
    value -= 0.5 * bias_square(objective, nu) + 0.5 * others * scale**2 * (1 + 1e-14)
    if not value > 0:
        return ZERO_BOUND
    return LowerBound(value, rigour, reason, scale)


def _is_affordable(objective: MatrixFit, given: Judgement) -> bool:
    """Whether the budget allows bounding the eigenvalues of a matrix of this size: a few factorisations."""
    side, settings = min(objective.shape) * (2 if objective.model.is_complex else 1), given.settings
    work = eigenvalue_work(side) + 4 * cholesky_work(side)
    return bool(min(objective.shape) <= settings.largest_dense and given.budget.allows(work, part=0.5))


def _beyond(given: Judgement) -> LowerBound:
    return replace(ZERO_BOUND, limited_by=given.budget.name)


def _psd_bound(objective: MatrixFit, direction: Vector, given: Judgement) -> LowerBound:
    """Bound for positive semidefinite X: A* nu <= ridge I is enough, a one-sided constraint.

    With unit trace, <A* nu, X> is at most the largest eigenvalue of A* nu: no constraint, but a cost.
    """
    if not _is_affordable(objective, given):
        return _beyond(given)
    matrix = np.asarray(objective.adjoint(direction).toarray())
    top = eigenvalue_bound(matrix)
    rigour, error = _charged(objective, direction, top)
    highest = top.value + error
    if not np.isfinite(highest):
        return ZERO_BOUND
    if objective.model.has_unit_trace:
        return _scaled(objective, direction, np.inf, np.inf, top.reason, rigour, toll=highest)
    if objective.penalty:
        limit = objective.penalty / highest if highest > 0 else np.inf
        return _scaled(objective, direction, limit, np.inf, top.reason, rigour)
    if highest <= 0:
        return _scaled(objective, direction, np.inf, np.inf, top.reason, rigour)
    # twice the rounds usually needed to find a combination, and as much for each factorisation
    rounds = given.budget.times(2 * given.pass_work, 4 * objective.shape[0], part=0.5)
    return _shifted_psd_bound(objective, direction, highest, top.reason, rigour, rounds)


def _shifted_psd_bound(
    objective: MatrixFit, direction: Vector, highest: float, reason: Reason, rigour: Rigour, rounds: int
) -> LowerBound:
    """Make nu feasible by adding a multiple of nu0 with A* nu0 >= I, if such a combination is found."""
    identity = identity_combination(objective, rounds)
    if identity is None:
        return ZERO_BOUND
    nu0, floor, certain = identity
    # the margin keeps the shifted vector provably feasible after its own rounding
    size = float(np.abs(objective.adjoint(direction).toarray()).sum(axis=1).max())
    nu = direction - (highest + 1e-10 * size) / floor * nu0
    top = eigenvalue_bound(np.asarray(objective.adjoint(nu).toarray()))
    _, error = _charged(objective, nu, top)
    if top.value + error > 0:
        return ZERO_BOUND
    result = _scaled(objective, nu, np.inf, np.inf, reason + because("shifted_dual"), rigour)
    if result.value > 0:
        result = replace(result, dual=result.scale * nu)
    return result if certain else replace(result, rigour=Rigour.WORKING_PRECISION)


def _conjugate_bound(objective: MatrixFit, theta: Vector, given: Judgement) -> LowerBound:
    """Bound any convex loss of observed entries through its conjugate, at the point's slopes made feasible.

    All biases must be penalised: over a free one the objective may be unbounded below.
    """
    loss = objective.loss
    free = objective.model.biases and not (objective.bias_penalty and "global" not in objective.model.biases)
    suited = objective.penalty and not free and objective.observed_pattern is not None
    if not suited or not isinstance(loss, BoundedLoss):
        return ZERO_BOUND
    slopes = loss.slope(objective.predict(theta), objective.y)
    direction = -objective.weighted(slopes)
    if not np.any(direction) or not np.isfinite(direction).all():
        return ZERO_BOUND
    bound = _norm_bound(objective, theta, direction, given)
    error = penalised_error(objective, direction) + objective.relaxation.dual_error(theta, direction)
    highest = (bound.value + error) * (1 + 1e-15)
    if not np.isfinite(highest):
        return replace(ZERO_BOUND, limited_by=bound.limited_by)
    # no more than the slopes themselves: for some losses the conjugate is infinite beyond
    scale = min(1.0, objective.penalty / highest) if highest > 0 else 1.0
    scaled = scale * slopes
    conjugates = objective.weighted(loss.conjugate(scaled, objective.y))
    sizes = objective.weighted(loss.conjugate_size(scaled, objective.y))
    value = -float(conjugates.sum()) - gamma(conjugates.size) * float(np.abs(conjugates).sum())
    value -= gamma(ELEMENTARY) * float(sizes.sum()) * (1 + 1e-9)
    # of these slopes, not of the multiple: sums that cancel may differ by all that rounding moves it
    value -= 0.5 * bias_square(objective, objective.weighted(scaled)) * (1 + 1e-14)
    value -= 0.5 * scale**2 * objective.relaxation.unlisted_square(theta) * (1 + 1e-14)
    if not (np.isfinite(value) and value > 0):
        return ZERO_BOUND
    reason = because("conjugates") + bound.reason
    return LowerBound(value, bound.rigour, reason, scale, limited_by=bound.limited_by)


def _psd_conjugate_bound(objective: MatrixFit, theta: Vector, given: Judgement) -> LowerBound:
    """Bound any convex loss of a positive semidefinite X through its conjugate.

    f >= sum w (s z - loss*(s)) + ridge tr X for any slopes s, and <A*(w s) + ridge I, X> >= 0 if that
    matrix is positive semidefinite; with unit trace, it is at least the smallest eigenvalue. The slopes
    are those of the point, moved towards 1 until the matrix is positive semidefinite.
    """
    loss = objective.loss
    if not isinstance(loss, BoundedLoss):
        return ZERO_BOUND
    if not _is_affordable(objective, given):
        return _beyond(given)
    slopes = loss.slope(objective.predict(theta), objective.y)
    if not np.isfinite(slopes).all():
        return ZERO_BOUND
    lowest = -_largest_eigenvalue(objective, -objective.weighted(slopes)) + objective.penalty
    shift = 0.0
    if lowest < 0 and not objective.model.has_unit_trace:
        every = objective.weighted(np.ones_like(slopes))
        floor = -_largest_eigenvalue(objective, -every)
        if not floor > 0:
            return ZERO_BOUND
        # twice the shift needed: the new slopes are checked again, rounding included. Slopes of counts stay
        # below 1, beyond which their conjugate is infinite
        shift = min(-2 * lowest / (floor - lowest), 1.0)
        slopes = slopes + shift * (1 - slopes)
        lowest = -_largest_eigenvalue(objective, -objective.weighted(slopes)) + objective.penalty
        if not lowest >= 0:
            return ZERO_BOUND
    conjugates = objective.weighted(loss.conjugate(slopes, objective.y))
    sizes = objective.weighted(loss.conjugate_size(slopes, objective.y))
    value = -float(conjugates.sum()) - gamma(conjugates.size + 4) * float(np.abs(conjugates).sum())
    value -= gamma(ELEMENTARY) * float(sizes.sum()) * (1 + 1e-9)
    if objective.model.has_unit_trace:
        value += lowest - gamma(4) * (abs(lowest) + abs(value))
    if not (np.isfinite(value) and value > 0):
        return ZERO_BOUND
    rigour = Rigour.RIGOROUS if objective.bounds_rounding else Rigour.WORKING_PRECISION
    return LowerBound(value, rigour, because("slopes_moved"), shift)


def _largest_eigenvalue(objective: MatrixFit, weights: Vector) -> float:
    """Return a proven upper bound on the largest eigenvalue of A*(weights)."""
    top = eigenvalue_bound(np.asarray(objective.adjoint(weights).toarray()))
    return top.value + adjoint_error(objective, weights)


def identity_combination(objective: MatrixFit, rounds: int) -> tuple[Vector, float, bool] | None:
    """Return nu0, a proven c > 0 with A* nu0 >= c I, and whether rounding was included; or None."""
    from scipy.sparse.linalg import LinearOperator, lsqr

    n, p = objective.shape[0], objective.y.size

    def hermitian(nu: Vector) -> Matrix:
        dense = np.asarray(objective.adjoint(nu).toarray())
        # real weights of complex entries make a real array
        return np.asarray((dense + dense.conj().T) / 2 + (0j if objective.model.is_complex else 0.0))

    def gather(x: Vector) -> Vector:
        dense = (as_complexes(x) if objective.model.is_complex else x).reshape(n, n)
        gathered: Vector = objective.measurement.measure_matrix((dense + dense.conj().T) / 2)
        return gathered

    identity = as_reals(np.eye(n, dtype=np.complex128 if objective.model.is_complex else np.float64))
    adjoint = LinearOperator(
        (identity.size, p), matvec=lambda nu: as_reals(hermitian(nu)), rmatvec=gather, dtype=np.float64
    )
    nu0 = lsqr(adjoint, identity, atol=1e-12, btol=1e-12, iter_lim=rounds)[0]
    matrix = hermitian(nu0)
    lowest = eigenvalue_bound(-matrix)
    rigour, error = _charged(objective, nu0, lowest)
    floor = -lowest.value - error
    return (nu0, floor, rigour is Rigour.RIGOROUS) if floor > 1e-3 else None


def _charged(objective: MatrixFit, nu: Vector, bound: Bound) -> tuple[Rigour, float]:
    """Return the rigour that the rounding of A* nu allows, and a bound on that rounding."""
    rigour = bound.rigour
    if objective.rounding is None and rigour in (Rigour.RIGOROUS, Rigour.PROBABILISTIC):
        rigour = Rigour.WORKING_PRECISION
    return rigour, adjoint_error(objective, nu)


def penalised_error(objective: MatrixFit, nu: Vector) -> float:
    """Return a bound on the rounding of `Relaxation.adjoint`, whose scales add four roundings."""
    scales = objective.relaxation.cell_scales
    return adjoint_error(objective, nu) if scales is None else 5 * adjoint_error(objective, nu * scales)


def adjoint_error(objective: MatrixFit, nu: Vector) -> float:
    """Return a bound on the rounding of A* nu, zero if the measurement has none."""
    return 0.0 if objective.rounding is None else float(objective.rounding.adjoint_error(nu))
