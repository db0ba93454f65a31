"""Damped Gauss-Newton (Levenberg-Marquardt), matrix-free by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.errors import UnsupportedError
from lowland.core.parameter_checks import check_choice
from lowland.core.promises.capabilities import check_offered
from lowland.core.promises.fits import Fit
from lowland.core.promises.objectives import FitLinearisation, Objective
from lowland.core.promises.powers import HasNormalMatrix, HasResidual
from lowland.core.wording import Option, Words
from lowland.search.newton.conjugate_gradients import conjugate_gradients, shifted
from lowland.search.stepper import Info

# the first damping, or its factor of the residual in the setting form, as a fraction of the curvature along
# the gradient; and the dampings that are tried before a search counts as stalled
FIRST_DAMPING, MOST_TRIES = 1e-2, 12


@briefly
@final
@dataclass(frozen=True, eq=False)
class GaussNewtonState:
    """The point, its value, the damping in units of the mean curvature, and the value with nothing fitted."""

    theta: Vector
    value: float
    damping: float
    reference: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class GaussNewton:
    """Steps solve (J^T W J + penalty + mu I) d = -gradient inexactly.

    Parameters
    ----------
    form : {"levenberg", "setting"}
        "levenberg" adapts mu so that only descents are accepted. "setting" shrinks the new point
        itself instead of the step: d minimises the squares of J d + r plus mu times those of
        theta + d, with mu set by the residual. Every step is taken in full; the objective may rise.
    inner : {"normal", "lsqr", "dense"}
        Conjugate gradients on the normal equations; LSQR on the least-squares problem, which
        keeps more digits where it is ill-conditioned; or the normal equations formed and factored, if the
        objective offers them. The last two need a squared loss without penalties.
    max_inner : int
        Conjugate-gradient iterations per step.

    Notes
    -----
    An inner iteration costs one product with the Jacobian and one with its transpose. The inner
    tolerance tightens with the gradient, so convergence is superlinear if the residual
    vanishes.

    References
    ----------
    J. Nocedal, S. Wright, Numerical Optimization, 2006, chapters 7 and 10.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import GaussNewton
    >>> case = ll.datasets.planted_completion((30, 20), 2, 2, rng=0, least=3)
    >>> fit = ll.recover(case.measurement, case.y, rank=2, solver=GaussNewton(), certify=False, rng=0)
    >>> bool(np.allclose(fit.matrix(), case.truth)), fit.search.iterations < 15
    (True, True)
    """

    form: str = "levenberg"
    inner: str = "normal"
    max_inner: int = 300
    name: ClassVar[str] = "gauss_newton"
    needs: ClassVar[tuple[type[Any], ...]] = (HasResidual,)

    def __post_init__(self) -> None:
        check_choice("form", self.form, ("levenberg", "setting"))
        check_choice("inner", self.inner, ("normal", "lsqr", "dense"))

    @property
    def promises_descent(self) -> bool:
        """Whether no step may raise the objective: true in the "levenberg" form."""
        return self.form == "levenberg"

    def init(self, objective: Fit, theta: Vector, rng: np.random.Generator) -> tuple[GaussNewtonState, Info]:
        """Evaluate the start."""
        if self.inner == "dense":
            check_offered(objective, HasNormalMatrix, self.name)
            if objective.penalties:
                raise _not_squares("dense", objective)
        value, gradient = objective.value_and_gradient(theta)
        state = GaussNewtonState(theta, value, FIRST_DAMPING, value_of_nothing(objective, theta, value))
        return state, Info(value, float(np.linalg.norm(gradient)))

    def step(
        self, objective: Fit, state: GaussNewtonState, rng: np.random.Generator
    ) -> tuple[GaussNewtonState, Info]:
        """Try dampings until the objective falls."""
        at = objective.linearise(state.theta)
        gradient = at.gradient
        norm = float(np.linalg.norm(gradient))
        if norm == 0:
            return state, Info(state.value, 0.0, stalled="the gradient is exactly zero")
        curvature = float(gradient @ at.gauss_newton_product(gradient)) / norm**2
        tolerance = min(0.1, max(1e-10, _forcing(state)))
        if self.form == "setting":
            return self._set(objective, state, at, curvature, tolerance)
        damping, total = state.damping, 0
        for _ in range(MOST_TRIES):
            shift = damping * curvature if curvature > 0 else damping
            direction, inner = self._solve(objective, at, shift, -gradient, tolerance)
            total += inner
            theta = state.theta + direction
            value = objective.value(theta)
            predicted = -float(gradient @ direction) - 0.5 * float(
                direction @ at.gauss_newton_product(direction)
            )
            if value < state.value:
                gain = (state.value - value) / max(predicted, np.finfo(float).tiny)
                damping *= 0.1 if gain > 0.75 else 0.5 if gain > 0.25 else 2.0
                new = GaussNewtonState(theta, value, max(damping, 1e-15), state.reference)
                return new, Info(value, norm, {"inner": total, "damping": damping})
            damping *= 10
        message = "no damped Gauss-Newton step lowers the objective"
        return state, Info(state.value, norm, {"inner": total, "damping": damping}, stalled=message)

    def _set(
        self, objective: Fit, state: GaussNewtonState, at: Any, curvature: float, tolerance: float
    ) -> tuple[GaussNewtonState, Info]:
        """Take a full step to the regularised solution of the linearised problem."""
        shift = FIRST_DAMPING * _forcing(state) * max(curvature, np.finfo(float).tiny)
        right = -(at.gradient + state.theta.dtype.type(shift) * state.theta)
        direction, inner = self._solve(objective, at, shift, right, tolerance)
        theta = state.theta + direction
        value = objective.value(theta)
        norm = float(np.linalg.norm(at.gradient))
        new = GaussNewtonState(theta, value, state.damping, state.reference)
        return new, Info(value, norm, {"inner": float(inner), "damping": shift})

    def _solve(
        self, objective: Fit, at: FitLinearisation, shift: float, right: Vector, tolerance: float
    ) -> tuple[Vector, int]:
        if self.inner == "dense":
            return _factored(at.normal_matrix, shift, right), 1
        if self.inner == "normal":
            product = shifted(at.gauss_newton_product, shift)
            return conjugate_gradients(product, right, tolerance, self.max_inner)
        return _least_squares(objective, at, shift, right, tolerance, self.max_inner)


def value_of_nothing(objective: Objective, theta: Vector, value: float) -> float:
    """Return the objective with nothing fitted, or the one at the start if that is infinite."""
    nothing = float(objective.value(np.zeros_like(theta)))
    return nothing if np.isfinite(nothing) else value


def _forcing(state: GaussNewtonState) -> float:
    # relative residual: small residuals need accurate steps
    return float(np.sqrt(state.value / state.reference)) if state.reference > 0 else 0.1


def _not_squares(inner: str, objective: Fit) -> UnsupportedError:
    return UnsupportedError(
        Words(Option("inner", inner), " cannot work on this objective"),
        objective.describe(),
        "only a squared loss without penalties is a least-squares problem",
        Words("use ", Option("inner", "normal")),
    )


def _factored(matrix: Matrix, shift: float, right: Vector) -> Vector:
    """Solve (matrix + shift I) d = right, with a larger shift if rounding makes it indefinite."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    least = float(np.finfo(float).eps) * float(np.trace(matrix))
    for lifted in (shift, max(shift, least), max(shift, 1e3 * least)):
        try:
            factor = cho_factor(matrix + lifted * np.eye(len(matrix)), check_finite=False)
        except LinAlgError:
            continue
        return np.asarray(cho_solve(factor, right, check_finite=False), dtype=right.dtype)
    return np.zeros_like(right)


def _least_squares(
    objective: Fit, at: FitLinearisation, shift: float, right: Vector, tolerance: float, limit: int
) -> tuple[Vector, int]:
    """Solve (J^T W J + shift I) d = right, where right = -J^T W r - shift theta or -J^T W r, by LSQR."""
    from scipy.sparse.linalg import LinearOperator, lsqr

    if objective.penalties or not objective.loss.is_quadratic:
        raise _not_squares("lsqr", objective)
    root = np.sqrt(objective.weights) if objective.weights is not None else np.ones_like(objective.y)
    jacobian = LinearOperator(
        (objective.y.size, right.size),
        matvec=lambda d: root * at.jacobian_product(d.reshape(-1)),
        rmatvec=lambda w: at.jacobian_transpose(root * w.reshape(-1)),
        dtype=right.dtype,
    )
    # d = -theta_part + e: the part of `right` that is not a gradient shifts the unknown
    pull = (right + at.gradient) / shift if shift > 0 else np.zeros_like(right)
    target = -root * at.residual - jacobian.matvec(pull)
    solution = lsqr(jacobian, target, damp=np.sqrt(shift), atol=tolerance, btol=tolerance, iter_lim=limit)
    return np.asarray(pull + solution[0], dtype=right.dtype), int(solution[2])
