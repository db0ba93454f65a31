"""Whether an activation region has bad minima: by exact ranks, else by a proven minimum inside it.

Within the region the outputs are linear in the first layer's weights, so its differentiable minima are the
least-squares solutions w with s_ik x_i . w_k > 0. One near a computed w is proved to exist by bounds: if C
is a maximal set of independent columns of the design, and s bounds their singular values from below, then a
change of these columns' weights by at most |C^T (y - design w)| / s^2 leads to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np

from lowland.certificates.factorisations import eigenvalues, leading_columns
from lowland.certificates.gaps.spectral_bounds import is_eigenvalue_below
from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.results.findings import Finding
from lowland.core.results.reasons import Reason, assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma, unit_roundoff

CLAIM = "no_bad_minimum_in_region"
# a margin closer to zero than this is left open if nothing is proved: solvers are not more accurate
UNSURE = 1e-6
# in these units numbers are about one; numbers this small may have lost digits to underflow
TINY = 1e-250


@final
@dataclass(frozen=True, eq=False)
class RegionFacts:
    """Facts about a region.

    Parameters
    ----------
    n_points : int
    rank : int
        Exact rank of the Jacobian, never too high.
    on_boundary : bool
        Whether a neuron is at its kink on a data point.
    linear : bool
        Whether only the first layer is trained, so that the Jacobian is constant over the region.
    shallow : bool
        Whether there is one hidden layer.
    any_output_zero : bool
        Whether an output weight is zero.
    """

    n_points: int
    rank: int
    on_boundary: bool
    linear: bool
    shallow: bool
    any_output_zero: bool


class Units(Protocol):
    """Units in which the numbers of a region are about one."""

    def restore(self, weights: Matrix) -> Matrix:
        """Return weights in the units of the data."""


class Program(Protocol):
    """The least-squares problem of a region: targets as a linear function of weights with given signs."""

    @property
    def points(self) -> Matrix:
        """Data points in these units, shape (n, d)."""

    @property
    def sides(self) -> Matrix:
        """On which side of each neuron's kink each point lies, 1 or -1, shape (n, k)."""

    @property
    def aim(self) -> Vector:
        """Targets in these units, shape (n,)."""

    @property
    def units(self) -> Units:
        """The units."""

    def design(self) -> Matrix:
        """Return the outputs as a linear function of the weights, shape (n, k d)."""

    def has_pattern(self, weights: Matrix) -> bool:
        """Whether weights, in the units of the data, have the pattern exactly."""


class Optimum(Protocol):
    """The best network of the closed region, as a solver found it."""

    @property
    def loss(self) -> float:
        """Its loss."""

    @property
    def weights(self) -> Matrix:
        """The first layer that attains it."""

    @property
    def is_zero(self) -> bool:
        """Whether the loss is zero to solver precision."""

    @property
    def margin(self) -> float:
        """How far inside the open region the best unconstrained solution lies; negative if none does."""

    @property
    def inner(self) -> InnerMinimum | None:
        """The proof that the open region has a minimum, if there is one."""


@briefly
@final
@dataclass(frozen=True, eq=False)
class InnerMinimum:
    """A minimum inside an open region, proved by bounds.

    Parameters
    ----------
    weights : ndarray, shape (k, d)
        Weights that have the pattern exactly, with a minimum nearby.
    distance : float
        Bound on the distance of that minimum, relative to the size of the weights, in well-scaled units.
    least_loss : float
        Proven lower bound on its loss, relative to that of zero outputs.
    gradient : float
        Bound on the gradient at the weights, relative to the largest that residuals of that size could give.
    """

    weights: Matrix
    distance: float
    least_loss: float
    gradient: float


def prove_inner_minimum(program: Program, weights: Matrix, rank: int) -> InnerMinimum | None:
    """Return the proof of a minimum near weights in the open region, or None.

    Parameters
    ----------
    program : Program
    weights : ndarray, shape (k, d)
        In the program's units.
    rank : int
        Rank of the design.

    Returns
    -------
    InnerMinimum or None
        None if nothing is proved.
    """
    design, flat, points = program.design(), weights.ravel(), np.abs(program.points)
    if not np.isfinite(flat).all() or np.any((points > 0) & (points < TINY)):
        return None
    if not rank:
        return _at_any_weights(program, weights)
    columns = leading_columns(design, rank)
    square = _least_eigenvalue(columns)
    if not square > 0:
        return None
    n, size = design.shape
    residual = program.aim - design @ flat
    error = gamma(size + 2) * (np.abs(design) @ np.abs(flat) + np.abs(program.aim))
    error = error + unit_roundoff("float64") * np.abs(program.aim)
    slope = np.abs(columns.T @ residual) + np.abs(columns).T @ (gamma(n + 2) * np.abs(residual) + error)
    steep = float(np.linalg.norm(slope)) * (1 + gamma(rank + 4))
    reach = steep / square * (1 + 1e-12)
    root, short = float(np.sqrt(square)), float(np.linalg.norm(error))
    least = (float(np.linalg.norm(residual)) * (1 - gamma(n + 4)) - short - steep / root) * (1 - 1e-12)
    whole = float(program.aim @ program.aim)
    given = program.units.restore(weights)
    if not (_margins(program, weights, reach) and least > 0 and program.has_pattern(given)):
        return None
    possible = float(np.linalg.norm(columns)) * float(np.linalg.norm(residual))
    return InnerMinimum(
        given, reach / (float(np.abs(flat).max()) or 1.0), least**2 / whole * (1 - 1e-12), steep / possible
    )


def _least_eigenvalue(columns: Matrix) -> float:
    """Return a proven lower bound on the smallest eigenvalue of C^T C, zero if none is proved."""
    gram = columns.T @ columns
    charge = (2 * gamma(len(columns) + 4) + 4 * unit_roundoff("float64")) * float(np.trace(gram))
    least = float(eigenvalues(gram)[0])
    for slack in (1e-8, 1e-3, 0.1, 0.5):
        bound = least * (1 - slack) - 2 * charge
        if bound > 0 and is_eigenvalue_below(bound * np.eye(len(gram)) - gram, -charge):
            return bound
    return 0.0


def _margins(program: Program, weights: Matrix, reach: float) -> bool:
    """Return whether all weights within reach have the pattern, rounding included."""
    points = program.points[np.any(program.points != 0, axis=1)]
    sides = program.sides[np.any(program.points != 0, axis=1)]
    inside = sides * (points @ weights.T)
    rounding = gamma(points.shape[1] + 2) * (np.abs(points) @ np.abs(weights).T)
    away = np.linalg.norm(points, axis=1)[:, None] * (1 + gamma(points.shape[1] + 4)) * reach
    return bool((inside > (rounding + away) * (1 + 1e-12)).all())


def _at_any_weights(program: Program, weights: Matrix) -> InnerMinimum | None:
    """Return weights with the pattern if no weight affects any output: all are then minima."""
    given = program.units.restore(weights)
    if np.any(program.design()) or not program.has_pattern(given) or not np.any(program.aim):
        return None
    return InnerMinimum(given, 0.0, 1.0, 0.0)


def judge_region(
    facts: RegionFacts,
    optimum: Optimum | None = None,
    least_possible: float = 0.0,
    *,
    is_rank_proved: bool = False,
) -> Finding:
    """Return what is proved about differentiable local minima of a region.

    Parameters
    ----------
    facts : RegionFacts
    optimum : Optimum, optional
        The best network of the region, if only the first layer is trained, so that outputs are linear.
    least_possible : float
        Smallest loss of any function: above zero if inputs repeat with different targets.
    is_rank_proved : bool
        Whether the rank is also proved from above; modulo primes it is almost surely right.

    Returns
    -------
    Finding
        PROVED by a Jacobian of full row rank: a zero gradient J^T r implies a zero residual r. REFUTED by a
        minimum that is proved to lie inside the region and to have a positive loss.
    """
    n, rank = facts.n_points, facts.rank
    numbers: dict[str, Any] = {"value": float(rank), "bound": float(n)}
    if facts.on_boundary:
        return Finding(CLAIM, Verdict.INCONCLUSIVE, reason=because("region_kink"), **numbers)
    if rank == n:
        return Finding(
            CLAIM,
            Verdict.PROVED,
            assumptions=_assumptions(facts),
            reason=because("region_full", rank=n),
            rigour=Rigour.RIGOROUS,
            **numbers,
        )
    short = because("region_deficient", rank=rank, points=n)
    if optimum is None:
        return Finding(CLAIM, Verdict.INCONCLUSIVE, reason=short, rigour=Rigour.PROBABILISTIC, **numbers)
    rigour = Rigour.RIGOROUS if is_rank_proved else Rigour.PROBABILISTIC
    return _by_optimum(short, optimum, numbers, least_possible, rigour)


def _assumptions(facts: RegionFacts) -> tuple[str, ...]:
    if facts.linear:
        return ()
    live = facts.shallow and not facts.any_output_zero
    return (assumption("live_outputs" if live else "null_set"),)


def _by_optimum(
    short: Reason, optimum: Optimum, numbers: dict[str, Any], least: float, rigour: Rigour
) -> Finding:
    loss, verdict = optimum.loss, Verdict.SUPPORTED
    if optimum.is_zero:
        reason = because("zero_loss")
    elif loss <= least * (1 + 1e-6):
        reason = because("repeated_inputs", loss=loss)
    elif optimum.inner is not None:
        return _refuted(short, optimum, optimum.inner, numbers, rigour)
    elif optimum.margin <= -UNSURE:
        reason = because("on_boundary", loss=loss)
    else:
        verdict, reason = Verdict.INCONCLUSIVE, because("near_boundary", loss=loss)
    return Finding(
        CLAIM,
        verdict,
        reason=short + reason,
        rigour=Rigour.WORKING_PRECISION,
        witness={"best_loss": loss, "weights": optimum.weights},
        **numbers,
    )


def _refuted(
    short: Reason, optimum: Optimum, inner: InnerMinimum, numbers: dict[str, Any], rigour: Rigour
) -> Finding:
    return Finding(
        CLAIM,
        Verdict.REFUTED,
        reason=short + because("minimum_inside", loss=optimum.loss),
        rigour=rigour,
        witness={"best_loss": optimum.loss, "least_loss": inner.least_loss, "weights": inner.weights},
        **numbers,
    )
