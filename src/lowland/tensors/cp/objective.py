"""The CP objective: half the weighted squared errors of known cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.memory import check_fits
from lowland.core.results.findings import Certificate
from lowland.core.results.verification import Verification
from lowland.core.work import CALL, touch
from lowland.recheck.tensors.cp_checks import verify_cp
from lowland.tensors.cell_objective import CellObjective, sum_of_squares
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.unfoldings import RowCells, UnfoldedCells, all_products, products
from lowland.tensors.complete_cells import (
    CompleteCells,
    contracted_model,
    model_curvature,
    normal_product,
)
from lowland.tensors.cp.constrained_factor import best_factor
from lowland.tensors.cp.constraints import Constraints, FactorConstraint, asked_of
from lowland.tensors.cp.document import plain_cp
from lowland.tensors.cp.model import CP, kept_scales
from lowland.tensors.normal_matrix import cp_normal_matrix

# ridge of alternating least squares, as a share of the mean square of the design
RIDGE = 1e-12
# cells that are predicted at once
CHUNK = 500_000


@final
@dataclass(frozen=True, eq=False)
class CPObjective(CellObjective):
    """Half the weighted squares of X - T, X the sum of products of the factors' columns.

    Parameters
    ----------
    data : TensorObservations
    model : CP
    constraints : tuple of FactorConstraint
        What each mode's factor must satisfy; none by default.

    Notes
    -----
    Values, gradients and Hessian products are exact: those of a Tucker decomposition with a fixed core.
    """

    data: TensorObservations
    model: CP
    constraints: Constraints = ()
    penalties: ClassVar[tuple[()]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        core = 8.0 * float(self.model.rank) ** len(self.model.shape)
        check_fits(4 * core, "the derivatives of so many components", "use fewer components")

    @property
    def is_constrained(self) -> bool:
        """Whether anything is asked of any factor."""
        return not all(own.is_free for own in self.constraints)

    @property
    def kept_scales(self) -> NDArray[np.bool_]:
        """Which columns have a known scale, shape (N, R)."""
        return kept_scales(self.constraints, self.model)

    @property
    def rank(self) -> int:
        """Number of components."""
        return self.model.rank

    @property
    def components(self) -> int:
        """Number of components."""
        return self.model.rank

    def flat_rank(self, modes: tuple[int, ...]) -> int:
        """Return the largest rank of any flattening: that of its components."""
        return self.model.rank

    @property
    def gauge_size(self) -> int:
        """Dimension of the gauge."""
        return (len(self.shape) - 1) * self.model.rank

    def predict(self, theta: Vector) -> Vector:
        """Return the model's predictions of the known cells, shape (p,)."""
        factors = self.model.unpack(theta)
        if self.data.positions is None:
            return self.predictor(theta)(0, self.shape[0])
        out = np.empty(self.data.size, self.dtype)
        for low in range(0, self.data.size, CHUNK):
            out[low : low + CHUNK] = products(factors, self.data.positions[low : low + CHUNK]).sum(axis=1)
        return out

    def value(self, theta: Vector) -> float:
        """Return the objective, summed in float64."""
        return self.data_value(theta)

    def predictor(self, theta: Vector) -> Callable[[int, int], Vector]:
        """Return the predictions of all cells of slices low to high - 1 of the first mode, at a point."""
        first, *others = self.model.unpack(theta)
        products = all_products(others).T

        def predicted(low: int, high: int) -> Vector:
            touch(CALL + (high - low) * products.shape[1] * (1 + self.rank / 12))
            return (first[low:high] @ products).ravel()

        return predicted

    def overlaps(self, theta: Vector) -> tuple[float, float]:
        """Return the weighted inner products of the predictions with themselves and with the data."""
        if self.complete is not None:
            return self.complete.overlaps(self.model.unpack(theta))
        found = self.predict(theta)
        weighted = self.weighted(found)
        return float(np.sum(weighted * found)), float(np.sum(weighted * self.y))

    def linearise(self, theta: Vector) -> CPLinearisation:
        """Return the objective linearised at a point, for repeated products."""
        return CPLinearisation(self, theta)

    def transpose_product(self, theta: Vector, weights: Vector) -> Vector:
        """Return the gradient of sum weights * cells in the point."""
        return self.linearise(theta).jacobian_transpose(weights)

    @cached_property
    def complete(self) -> CompleteCells | None:
        """The tensor if all cells are known and weigh the same, whose cells are never listed; else None."""
        return None if self.full_tensor is None else CompleteCells(self.full_tensor)

    @cached_property
    def _unfoldings(self) -> list[UnfoldedCells]:
        return self.data.unfoldings()

    def with_solved_mode(self, theta: Vector, mode: int) -> Vector:
        """Return the point with the best factor of one mode, given the others.

        Directions in which the data say nothing stay small: a tiny ridge keeps systems regular.
        """
        factors, constraint = list(self.model.unpack(theta)), self._constraint(mode)
        cells: RowCells = (
            self._unfoldings[mode] if self.complete is None else self.complete.reduced(factors, mode)
        )
        if self.allows_mixing():
            factors[mode] = cells.best(factors, RIDGE, nonnegative=constraint.nonnegative)
        else:
            factors[mode] = best_factor(cells, factors, constraint, RIDGE)
        return self.model.pack(factors)

    def _constraint(self, mode: int) -> FactorConstraint:
        return self.constraints[mode] if self.constraints else FactorConstraint()

    def needs_sign(self, mode: int) -> bool:
        """Whether a mode's factor must be nonnegative."""
        return self._constraint(mode).nonnegative

    def allows_mixing(self) -> bool:
        """Whether nothing but signs is asked of any factor."""
        return all(own.allows_mixing for own in self.constraints)

    def imposed(self, theta: Vector) -> Vector:
        """Return a point near another that satisfies the constraints."""
        if not self.is_constrained:
            return theta
        pairs = zip(self.model.unpack(theta), self.constraints, strict=True)
        return self.model.pack([own.imposed(factor) for factor, own in pairs])

    def is_feasible(self, theta: Vector) -> bool:
        """Whether the factors satisfy their constraints."""
        pairs = zip(self.model.unpack(theta), self.constraints, strict=False)
        return all(own.holds(factor) for factor, own in pairs)

    def gauge(self, theta: Vector) -> Matrix:
        """Return directions along which the objective is constant, shape (size, g)."""
        return self.model.gauge(theta)

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same components."""
        return self.model.canonical(theta, self.constraints)

    def unpack(self, theta: Vector) -> tuple[Matrix, ...]:
        """Return the factors of a point."""
        return self.model.unpack(theta)

    def in_double(self) -> CPObjective:
        """Return the same problem in float64."""
        return self if self.dtype == np.float64 else replace(self, data=self.data.in_double())

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None = None
    ) -> Verification:
        """Derive everything that a certificate states about a point again, from plain arrays."""
        factors = self.model.unpack(np.asarray(theta, np.float64))
        problem = plain_cp(self.in_double().data, factors, self.constraints, self.describe())
        return verify_cp(problem, certificate, on_progress)

    def describe(self) -> str:
        """Return the problem in one line."""
        by = " x ".join(str(length) for length in self.shape)
        known = "all cells" if self.data.is_full else f"{self.data.size} cells"
        weighted = ", weighted" if self.weights is not None else ""
        words = "component" if self.rank == 1 else "components"
        asked = "".join(f", {words}" for words, _ in asked_of(self.constraints))
        return f"{by} tensor of {self.rank} CP {words} from {known}{weighted}, squared loss{asked}"


@final
class CPLinearisation:
    """Predictions and slopes at a point, each computed at most once.

    Parameters
    ----------
    objective : CPObjective
    theta : ndarray, shape (size,)
        The point; it must not be changed afterwards.
    """

    def __init__(self, objective: CPObjective, theta: Vector) -> None:
        self.objective, self.theta = objective, theta
        self.parts = objective.model.lifted(theta)

    @cached_property
    def predictions(self) -> Vector:
        """Predictions of the known cells, shape (p,)."""
        return self.objective.predict(self.theta)

    @cached_property
    def residual(self) -> Vector:
        """Predictions minus data, shape (p,)."""
        return self.predictions - self.objective.y

    @cached_property
    def value(self) -> float:
        """The objective."""
        if self.objective.complete is not None:
            return self.objective.value(self.theta)
        return 0.5 * sum_of_squares(self.residual, self.objective.weights)

    @cached_property
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""
        if self.objective.complete is not None:
            model = contracted_model(self.parts.factors)
            return self.objective.model.pack(model) - self.jacobian_transpose(self.objective.y)
        return self.jacobian_transpose(self.objective.weighted(self.residual))

    @cached_property
    def normal_matrix(self) -> Matrix:
        """J^T W J, shape (size, size), in float64."""
        factors = self.objective.model.unpack(self.theta.astype(np.float64, copy=False))
        if self.objective.complete is not None:
            return self.objective.complete.normal_matrix(factors)
        return cp_normal_matrix(factors, self.objective.data.all_positions(), self.objective.weights)

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the known cells along a direction, shape (p,)."""
        return self.objective.measurement.push(self.parts, self.objective.model.changed(direction))

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""
        pulled = self.objective.measurement.pull(self.parts, weights)
        return self.objective.model.pack(pulled.factors)

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return J^T W J times a direction."""
        if self.objective.complete is not None:
            model = self.objective.model
            return model.pack(normal_product(self.parts.factors, model.unpack(direction)))
        return self.jacobian_transpose(self.objective.weighted(self.jacobian_product(direction)))

    def jacobian(self) -> None:
        """Return None: the Jacobian is available through products only."""
        return

    def second_matrix(self) -> None:
        """Return None: the Hessian's part from the model's curvature is available through products only."""
        return

    def hessian_product(self, direction: Vector) -> Vector:
        """Return the exact Hessian times a direction."""
        objective, change = self.objective, self.objective.model.changed(direction)
        complete = objective.complete is not None
        slopes = objective.y if complete else objective.weighted(self.residual)
        second = objective.model.pack(
            objective.measurement.pull_derivative(self.parts, change, slopes).factors
        )
        if complete:
            second = objective.model.pack(model_curvature(self.parts.factors, change.factors)) - second
        return self.gauss_newton_product(direction) + second
