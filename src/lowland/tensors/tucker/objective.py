"""The Tucker objective: half the weighted squared errors of known cells, plus the balancing regulariser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate
from lowland.core.results.verification import Verification
from lowland.recheck.tensors.checks import verify_tensor
from lowland.tensors.cell_objective import CellObjective, sum_of_squares
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.measurement import AllCells
from lowland.tensors.normal_matrix import normal_matrix
from lowland.tensors.tucker.balancing import TuckerBalancing
from lowland.tensors.tucker.document import plain_problem
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.modular_jacobian import TuckerJacobian
from lowland.tensors.tucker_tensor import TuckerTensor

# cells evaluated at a time when only the sum of squares is needed
SLAB = 1_000_000


@final
@dataclass(frozen=True, eq=False)
class TuckerObjective(CellObjective):
    """Half the weighted squares of X - T, and strength times sum_n ||F_n^T F_n - S_(n) S_(n)^T||^2.

    X = S x_1 F_1 ... x_N F_N.

    Parameters
    ----------
    data : TensorObservations
    model : Tucker
    strength : float
        Strength of the regulariser, at least 0.

    Notes
    -----
    Values, gradients and Hessian products are exact: by products along modes if every cell is known, cell
    by cell otherwise.

    References
    ----------
    A. Frandsen, R. Ge, Optimization landscape of Tucker decomposition, Math. Program. 2020.
    """

    data: TensorObservations
    model: Tucker
    strength: float = 0.0
    is_constrained: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (np.isfinite(self.strength) and self.strength >= 0):
            raise InvalidInputError("the strength of the balancing must be at least 0", repr(self.strength))

    @cached_property
    def penalties(self) -> tuple[TuckerBalancing, ...]:
        """The regulariser; empty if its strength is zero."""
        if not self.strength:
            return ()
        return (TuckerBalancing(self.strength, self.model.shape, self.model.ranks),)

    @property
    def rank(self) -> int:
        """The largest of the ranks."""
        return max(self.model.ranks)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Tucker ranks."""
        return self.model.ranks

    def flat_rank(self, modes: tuple[int, ...]) -> int:
        """Return the largest rank of the flattening with these modes as rows."""
        others = (rank for n, rank in enumerate(self.ranks) if n not in modes)
        return min(prod(self.ranks[n] for n in modes), prod(others))

    @property
    def modular_jacobian(self) -> TuckerJacobian:
        """The Jacobian of the known cells at random integer points, modulo a prime."""
        return TuckerJacobian(self.data, self.model)

    def predict(self, theta: Vector) -> Vector:
        """Return the model's predictions of the known cells, shape (p,)."""
        return self.measurement.measure(self.model.unpack(theta))

    def value(self, theta: Vector) -> float:
        """Return the objective, summed in float64."""
        return self.data_value(theta) + sum(penalty.value(theta) for penalty in self.penalties)

    def predictor(self, theta: Vector) -> Callable[[int, int], Vector]:
        """Return the predictions of all cells of slices low to high - 1 of the first mode, at a point."""
        at = self.model.unpack(theta)

        def predicted(low: int, high: int) -> Vector:
            factors = (at.factors[0][low:high], *at.factors[1:])
            return AllCells((high - low, *self.shape[1:])).measure(TuckerTensor(at.core, factors))

        return predicted

    def linearise(self, theta: Vector) -> TuckerLinearisation:
        """Return the objective linearised at a point, for repeated products."""
        return TuckerLinearisation(self, theta)

    def transpose_product(self, theta: Vector, weights: Vector) -> Vector:
        """Return the gradient of sum weights * cells in the point."""
        return self.model.pack(self.measurement.pull(self.model.unpack(theta), weights))

    def is_feasible(self, theta: Vector) -> bool:
        """Return True: factors are not constrained."""
        return True

    def gauge(self, theta: Vector) -> Matrix:
        """Return directions along which the objective is constant, shape (size, g)."""
        return self.model.gauge(theta, linear=not self.penalties)

    @property
    def gauge_size(self) -> int:
        """Upper bound on the dimension of the gauge."""
        return self.model.size - self.model.degrees_of_freedom

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same tensor."""
        return self.model.canonical(theta)

    def unpack(self, theta: Vector) -> TuckerTensor:
        """Return the core and the factors of a point."""
        return self.model.unpack(theta)

    def orthonormal(self, theta: Vector) -> TuckerTensor:
        """Return orthonormal factors and an all-orthogonal core of the same tensor."""
        return self.model.orthonormal(theta)

    def balanced(self, parts: TuckerTensor) -> Vector:
        """Return the balanced point of a tensor."""
        return self.model.balanced(parts)

    def residual_tensor(self, theta: Vector) -> Matrix:
        """Return weights * (data - X) as a dense tensor, zero where nothing is known."""
        slopes = self.weighted(self.y - self.predict(theta))
        if self.data.positions is None:
            return slopes.reshape(self.shape)
        out = np.zeros(self.shape, self.dtype)
        out[tuple(self.data.positions.T)] = slopes
        return out

    def in_double(self) -> TuckerObjective:
        """Return the same problem in float64."""
        return self if self.dtype == np.float64 else replace(self, data=self.data.in_double())

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None = None
    ) -> Verification:
        """Derive everything that a certificate states about a point again, from plain arrays."""
        parts = self.model.unpack(np.asarray(theta, np.float64))
        problem = plain_problem(self.in_double().data, parts, self.strength, self.describe())
        return verify_tensor(problem, certificate, on_progress)

    def describe(self) -> str:
        """Return the problem in one line."""
        by = " x ".join(str(length) for length in self.shape)
        ranks = ", ".join(str(rank) for rank in self.model.ranks)
        known = "all cells" if self.data.is_full else f"{self.data.size} cells"
        weighted = ", weighted" if self.weights is not None else ""
        return f"{by} tensor of Tucker ranks ({ranks}) from {known}{weighted}, squared loss"


@final
class TuckerLinearisation:
    """Predictions and slopes at a point, each computed at most once.

    Parameters
    ----------
    objective : TuckerObjective
    theta : ndarray, shape (size,)
        The point; it must not be changed afterwards.
    """

    def __init__(self, objective: TuckerObjective, theta: Vector) -> None:
        self.objective, self.theta = objective, theta
        self.parts = objective.model.unpack(theta)
        self.residual: Vector = objective.measurement.measure(self.parts)
        self.residual -= objective.y  # in place: it may be as large as memory

    @property
    def predictions(self) -> Vector:
        """The model's predictions of the known cells, shape (p,)."""
        return self.objective.measurement.measure(self.parts)

    @cached_property
    def value(self) -> float:
        """The objective."""
        data = 0.5 * sum_of_squares(self.residual, self.objective.weights)
        return data + sum(penalty.value(self.theta) for penalty in self.objective.penalties)

    @cached_property
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""
        total = self.jacobian_transpose(self.objective.weighted(self.residual))
        for penalty in self.objective.penalties:
            total = total + penalty.gradient(self.theta)
        return total

    @cached_property
    def normal_matrix(self) -> Matrix:
        """J^T W J of the data term, shape (size, size), in float64."""
        data, theta = self.objective.data, self.theta.astype(np.float64, copy=False)
        return normal_matrix(self.objective.model.unpack(theta), data.all_positions(), data.weights)

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the known cells along a direction, shape (p,)."""
        return self.objective.measurement.push(self.parts, self.objective.model.unpack(direction))

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""
        return self.objective.model.pack(self.objective.measurement.pull(self.parts, weights))

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return (J^T W J + Hessian of the regulariser) times a direction."""
        total = self.jacobian_transpose(self.objective.weighted(self.jacobian_product(direction)))
        for penalty in self.objective.penalties:
            total = total + penalty.hessian_product(self.theta, direction)
        return total

    def jacobian(self) -> None:
        """Return None: the Jacobian is available through products only."""
        return

    def second_matrix(self) -> None:
        """Return None: the Hessian's part from the model's curvature is available through products only."""
        return

    def hessian_product(self, direction: Vector) -> Vector:
        """Return the exact Hessian times a direction."""
        objective = self.objective
        slopes = objective.weighted(self.residual)
        change = objective.model.unpack(direction)
        second = objective.measurement.pull_derivative(self.parts, change, slopes)
        return self.gauss_newton_product(direction) + objective.model.pack(second)
