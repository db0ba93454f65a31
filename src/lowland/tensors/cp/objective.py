"""The CP objective: half the weighted squared errors of known cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.error_free import Close
from lowland.core.memory import check_fits
from lowland.core.promises.objectives import FitLinearisation
from lowland.core.results.findings import Certificate
from lowland.core.results.verification import Verification
from lowland.core.work import CALL, touch
from lowland.recheck.documents import Document
from lowland.recheck.tensors.cp_checks import verify_cp
from lowland.recheck.tensors.documents import CONSTRAINTS, cp_problem
from lowland.tensors.cell_objective import CellObjective, PointLinearisation, factor_arrays
from lowland.tensors.cells.plain import plain_cells
from lowland.tensors.cells.unfoldings import Unfolding, all_products, products
from lowland.tensors.close_cells import close_components
from lowland.tensors.complete_cells import (
    CompleteCells,
    contracted_model,
    model_curvature,
    normal_product,
)
from lowland.tensors.cp.constrained_factor import best_factor
from lowland.tensors.cp.constraints import Constraints, FactorConstraint, asked_of
from lowland.tensors.cp.model import CP, kept_scales
from lowland.tensors.cp.modular_jacobian import component_derivatives
from lowland.tensors.modular_jacobian import CellJacobian
from lowland.tensors.normal_matrix import cp_normal_matrix

# ridge of alternating least squares, as a share of the mean square of the design
RIDGE = 1e-12
# cells that are predicted at once
CHUNK = 500_000


@briefly
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
        return not all(constraint.is_free for constraint in self.constraints)

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
    def modular_jacobian(self) -> CellJacobian:
        """The Jacobian of the known cells at random integer components, modulo a prime."""
        return CellJacobian(
            data=self.data,
            derivatives=partial(component_derivatives, self.model),
            unknowns=self.size,
            expected_rank=self.size - self.gauge_size,
        )

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

    def close_slabs(self, theta: Vector) -> Iterator[tuple[slice, Close]]:
        """Yield predictions with twice the digits, bounds on their errors, and places, some at a time."""
        return close_components(self.data, self.model.unpack(theta))

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
        predicted = self.predict(theta)
        weighted = self.weighted(predicted)
        return float(np.sum(weighted * predicted)), float(np.sum(weighted * self.y))

    def linearise(self, theta: Vector) -> FitLinearisation:
        """Return the objective linearised at a point, for repeated products."""
        return super().linearise(theta) if self.complete is None else CompleteLinearisation(self, theta)

    def normal_matrix(self, theta: Vector) -> Matrix:
        """Return J^T W J, shape (size, size), in float64."""
        factors = self.model.unpack(theta.astype(np.float64, copy=False))
        if self.complete is not None:
            return self.complete.normal_matrix(factors)
        return cp_normal_matrix(factors, self.data.all_positions(), self.weights)

    @cached_property
    def complete(self) -> CompleteCells | None:
        """The tensor if all cells are known and weigh the same, whose cells are never listed; else None."""
        return None if self.full_tensor is None else CompleteCells(self.full_tensor)

    @cached_property
    def _unfoldings(self) -> list[Unfolding]:
        return self.data.unfoldings()

    def with_solved_mode(self, theta: Vector, mode: int) -> Vector:
        """Return the point with the best factor of one mode, given the others.

        Directions in which the data say nothing stay small: a tiny ridge keeps systems regular.
        """
        factors, constraint = list(self.model.unpack(theta)), self._constraint(mode)
        if self.complete is None:
            problem = self._unfoldings[mode].problem(factors)
        else:
            problem = self.complete.reduced(factors, mode)
        if self.allows_mixing():
            factors[mode] = problem.best(factors, RIDGE, nonnegative=constraint.nonnegative)
        else:
            factors[mode] = best_factor(problem, factors, constraint, RIDGE)
        return self.model.pack(factors)

    def _constraint(self, mode: int) -> FactorConstraint:
        return self.constraints[mode] if self.constraints else FactorConstraint()

    def needs_sign(self, mode: int) -> bool:
        """Whether a mode's factor must be nonnegative."""
        return self._constraint(mode).nonnegative

    def allows_mixing(self) -> bool:
        """Whether nothing but signs is asked of any factor."""
        return all(constraint.allows_mixing for constraint in self.constraints)

    def imposed(self, theta: Vector) -> Vector:
        """Return a point near another that satisfies the constraints."""
        if not self.is_constrained:
            return theta
        pairs = zip(self.model.unpack(theta), self.constraints, strict=True)
        return self.model.pack([constraint.imposed(factor) for factor, constraint in pairs])

    def is_feasible(self, theta: Vector) -> bool:
        """Whether the factors satisfy their constraints."""
        pairs = zip(self.model.unpack(theta), self.constraints, strict=False)
        return all(constraint.holds(factor) for factor, constraint in pairs)

    def gauge(self, theta: Vector) -> Matrix:
        """Return directions along which the objective is constant, shape (size, g)."""
        return self.model.gauge(theta)

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same components."""
        return self.model.canonical(theta, self.constraints)

    def unpack(self, theta: Vector) -> tuple[Matrix, ...]:
        """Return the factors of a point."""
        return self.model.unpack(theta)

    def document(self, theta: Vector, certificate: Certificate) -> Document:
        """Return a certificate with the problem and the point that it is about, but without the data."""
        signs = [f"mode {n}" for n, constraint in enumerate(self.constraints) if constraint.nonnegative]
        settings: dict[str, Any] = {"nonnegative": signs, "dtype": str(self.dtype)}
        if not self.allows_mixing():
            settings[CONSTRAINTS] = [constraint.as_data() for constraint in self.constraints]
        point = factor_arrays(self.unpack(theta.astype(np.float64)))
        return Document("cp", plain_cells(self.data).fingerprint(), settings, point, certificate)

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None = None
    ) -> Verification:
        """Derive everything that a certificate states about a point again, from plain arrays."""
        return verify_cp(self.plain_problem(theta, cp_problem), certificate, on_progress)

    def describe(self) -> str:
        """Return the problem in one line."""
        components = "component" if self.rank == 1 else "components"
        asked = "".join(f", {words}" for words, _ in asked_of(self.constraints))
        return self.described(f"{self.rank} CP {components}") + asked


@final
class CompleteLinearisation(PointLinearisation):
    """Predictions and slopes at a point where every cell is known: sums that list no cell.

    Parameters
    ----------
    objective : CPObjective
    theta : ndarray, shape (size,)
        The point; it must not be changed afterwards.
    """

    def __init__(self, objective: CPObjective, theta: Vector) -> None:
        super().__init__(objective, theta)
        self.model: CP = objective.model

    @cached_property
    def value(self) -> float:
        """The objective."""
        return self.objective.data_value(self.theta)

    @cached_property
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""
        of_model = self.model.pack(contracted_model(self.parts.factors))
        return of_model - self.jacobian_transpose(self.objective.y)

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return J^T J times a direction."""
        return self.model.pack(normal_product(self.parts.factors, self.model.unpack(direction)))

    def curvature_product(self, direction: Vector) -> Vector:
        """Return the Hessian's part from the model's curvature times a direction."""
        of_model = model_curvature(self.parts.factors, self.model.unpack(direction))
        return self.model.pack(of_model) - self.slope_change(direction, self.objective.y)
