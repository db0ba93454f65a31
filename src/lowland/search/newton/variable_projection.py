"""Variable projection: damped Gauss-Newton steps on one factor, with the other eliminated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.promises.fits import HasElimination
from lowland.search.newton.conjugate_gradients import conjugate_gradients
from lowland.search.newton.residual_variance import residual_variance
from lowland.search.stepper import Info

# damping in the metric in which all singular values have equal weight; conjugate-gradient iterations per step
FIRST_DAMPING, MOST_DAMPING, MOST_INNER = 1e-2, 1e12, 500
# limits of the prior, as shares of the usual curvature of an eliminated row: for the first fit, and for
# all later ones, so that a component which started too small does not die out
WEAK_PRIOR = 0.025
STRONGEST_PRIOR = 0.3
# a component smaller than this fraction of the largest has died out
DEAD = 1e-13


@briefly
@final
@dataclass(frozen=True, eq=False)
class VariableProjectionState:
    """The point, its kept factor, the prior of the other, the variance behind it, and the damping."""

    theta: Vector
    kept: Matrix
    prior: Matrix
    variance: float
    damping: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class VariableProjection:
    """Levenberg-Marquardt steps on one factor, with the other eliminated and shrunk according to the misfit.

    Every eliminated row b adds b^H K b. K is the noise variance implied by the residual, times the
    inverse of the rows' second moment, so all components shrink alike, a row determined by few
    entries cannot diverge, and the term vanishes with the residual: an exact fit remains exact.

    Parameters
    ----------
    side : {"columns", "rows"}
        Which factor is eliminated: V or U.
    surplus : float
        The variance is the sum of squares over the number of measurements beyond the degrees of
        freedom, or over this share of all measurements if that is more. A smaller share means a
        stronger prior; near the information limit, too strong a prior kills small components.

    Notes
    -----
    A step costs two eliminations, O(p k^2), and some ten to a few hundred products, O(p k) each;
    nothing larger than the data is formed.

    References
    ----------
    G. Golub, V. Pereyra, Separable nonlinear least squares, Inverse Problems 2003; N. Boumal,
    P.-A. Absil, Low-rank matrix completion via preconditioned optimization on the Grassmann
    manifold, Linear Algebra and its Applications 2015 (variable projection with a fixed ridge).

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import VariableProjection
    >>> case = ll.datasets.planted_completion((30, 20), 2, 1.5, rng=0, least=3)
    >>> fit = ll.recover(case.measurement, case.y, rank=2, solver=VariableProjection(), certify=False, rng=0)
    >>> bool(np.allclose(fit.matrix(), case.truth)), fit.search.iterations < 20
    (True, True)
    """

    side: str = "columns"
    surplus: float = 0.25
    name: ClassVar[str] = "variable_projection"
    needs: ClassVar[tuple[type[Any], ...]] = (HasElimination,)
    promises_descent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_choice("side", self.side, ("columns", "rows"))
        if not 0 < self.surplus <= 1:
            raise InvalidInputError("surplus must be above 0 and at most 1", repr(self.surplus))

    def init(
        self, objective: HasElimination, theta: Vector, rng: np.random.Generator
    ) -> tuple[VariableProjectionState, Info]:
        """Orthonormalise the kept factor, and take the first prior from the other one fitted to it."""
        elimination = objective.elimination
        kept, other = elimination.split(theta, self.side)
        value = objective.value(theta)
        # new components of a start are often far too small, and a prior made from them far too strong:
        # so the weakest is shrunk a little and the others less
        weak = _prior(other, 1.0, np.inf)
        weak *= WEAK_PRIOR * elimination.density / np.linalg.norm(weak, 2)
        first = elimination.at(kept, weak, self.side)
        variance = residual_variance(objective, first.squares, self.surplus)
        prior = _prior(first.b, variance, STRONGEST_PRIOR * elimination.density)
        state = VariableProjectionState(theta, kept, prior, variance, FIRST_DAMPING)
        return state, Info(value, None, {"variance": variance, "damping": FIRST_DAMPING, "inner": 0.0})

    def step(
        self, objective: HasElimination, state: VariableProjectionState, rng: np.random.Generator
    ) -> tuple[VariableProjectionState, Info]:
        """Try dampings until the reduced problem's value falls, then update the prior."""
        elimination, side = objective.elimination, self.side
        here = elimination.at(state.kept, state.prior, side)
        rows = here.b.shape[0]
        gradient, blocks, damping = here.gradient, here.blocks(), state.damping
        identity = np.eye(here.scatter.shape[0])
        while damping <= MOST_DAMPING:
            # n sigma^2 I is the curvature that the prior adds on orthonormal factors
            shift = rows * state.variance * identity + damping / state.kept.shape[0] * here.scatter
            direction, inner = _solve(here, blocks, shift, -gradient)
            direction = direction - state.kept @ (state.kept.conj().T @ direction)
            kept = _nearest_orthonormal(state.kept + direction)
            there = elimination.at(kept, state.prior, side)
            if there.value < here.value:
                break
            damping = max(4 * damping, 1e-10)
        else:
            message = "no damped step lowers the reduced objective"
            return state, Info(objective.value(state.theta), None, stalled=message)
        predicted = (
            -np.vdot(gradient, direction).real - 0.5 * np.vdot(direction, here.product(direction)).real
        )
        gain = 0.5 * (here.value - there.value) / max(float(predicted), np.finfo(float).tiny)
        damping *= 0.2 if gain > 0.75 else 0.5 if gain > 0.25 else 2.0
        variance = residual_variance(objective, there.squares, self.surplus)
        theta = elimination.join(kept, there.b, side)
        prior = _prior(there.b, variance, STRONGEST_PRIOR * elimination.density)
        new = VariableProjectionState(theta, kept, prior, variance, max(damping, 1e-14))
        measures = {"variance": variance, "damping": damping, "inner": float(inner)}
        return new, Info(objective.value(theta), None, measures)


def _prior(other: Matrix, variance: float, limit: float) -> Matrix:
    """Return K = variance * (second moment of the rows)^-1, with no eigenvalue above the limit."""
    rows = other.shape[0]
    moment = other.T @ other.conj() / rows
    values, vectors = np.linalg.eigh((moment + moment.conj().T) / 2)
    top = float(values[-1])
    values = np.maximum(values, DEAD * top) if top > 0 else np.ones_like(values)  # nothing is known of zeros
    strengths = np.minimum(variance / values, limit)
    prior: Matrix = (vectors * strengths) @ vectors.conj().T
    return prior


def _nearest_orthonormal(matrix: Matrix) -> Matrix:
    # well conditioned: orthonormal columns plus something orthogonal to them
    values, vectors = np.linalg.eigh(matrix.conj().T @ matrix)
    nearest: Matrix = matrix @ ((vectors / np.sqrt(values)) @ vectors.conj().T)
    return nearest


def _solve(here: Any, blocks: Matrix, shift: Matrix, right: Matrix) -> tuple[Matrix, int]:
    """Solve (S + I kron shift) d = right by conjugate gradients, preconditioned by the blocks of rows."""
    try:
        inverse = np.linalg.inv(blocks + shift)
    except np.linalg.LinAlgError:
        # lines with hardly any data and no prior: slightly shifted blocks still precondition
        traces = np.trace(blocks + shift, axis1=1, axis2=2).real
        least = np.finfo(float).eps * float(traces.max()) + np.finfo(float).tiny
        inverse = np.linalg.inv(blocks + shift + least * np.eye(shift.shape[0]))
    # the closer to an exact fit, the more accurate a step should be
    target = min(1e-2, max(1e-10, float(np.sqrt(here.squares / max(here.energy, np.finfo(float).tiny)))))

    def precondition(d: Matrix) -> Matrix:
        return np.asarray(np.matmul(inverse, d[:, :, None])[:, :, 0])

    def product(d: Matrix) -> Matrix:
        return np.asarray(here.product(d) + d @ shift.T)

    return conjugate_gradients(product, right, target, MOST_INNER, precondition)
