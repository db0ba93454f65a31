"""The Tucker objective: half the weighted squared errors of known cells, plus the balancing regulariser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.error_free import Close
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate
from lowland.core.results.verification import Verification
from lowland.recheck.documents import Document
from lowland.recheck.tensors.checks import verify_tensor
from lowland.recheck.tensors.documents import tensor_problem
from lowland.tensors.cell_objective import CellObjective, factor_arrays
from lowland.tensors.cells.plain import plain_cells
from lowland.tensors.close_cells import close_tucker
from lowland.tensors.measurement import AllCells
from lowland.tensors.modular_jacobian import CellJacobian
from lowland.tensors.normal_matrix import normal_matrix
from lowland.tensors.tucker.balancing import TuckerBalancing
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.modular_jacobian import tucker_derivatives
from lowland.tensors.tucker_tensor import TuckerTensor


@briefly
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
    def modular_jacobian(self) -> CellJacobian:
        """The Jacobian of the known cells at random integer points, modulo a prime."""
        return CellJacobian(
            data=self.data,
            derivatives=partial(tucker_derivatives, self.model),
            unknowns=self.size,
            expected_rank=self.degrees_of_freedom,
        )

    def predict(self, theta: Vector) -> Vector:
        """Return the model's predictions of the known cells, shape (p,)."""
        return self.measurement.measure(self.model.unpack(theta))

    def close_slabs(self, theta: Vector) -> Iterator[tuple[slice, Close]]:
        """Yield predictions with twice the digits, bounds on their errors, and places, some at a time."""
        return close_tucker(self.data, self.model.unpack(theta))

    def predictor(self, theta: Vector) -> Callable[[int, int], Vector]:
        """Return the predictions of all cells of slices low to high - 1 of the first mode, at a point."""
        at = self.model.unpack(theta)

        def predicted(low: int, high: int) -> Vector:
            factors = (at.factors[0][low:high], *at.factors[1:])
            return AllCells((high - low, *self.shape[1:])).measure(TuckerTensor(at.core, factors))

        return predicted

    def normal_matrix(self, theta: Vector) -> Matrix:
        """Return J^T W J of the data term, shape (size, size), in float64."""
        parts = self.model.unpack(theta.astype(np.float64, copy=False))
        return normal_matrix(parts, self.data.all_positions(), self.weights)

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

    def document(self, theta: Vector, certificate: Certificate) -> Document:
        """Return a certificate with the problem and the point that it is about, but without the data."""
        parts = self.unpack(theta.astype(np.float64))
        point = {"core": parts.core, **factor_arrays(parts.factors)}
        settings = {"strength": float(self.strength), "dtype": str(self.dtype)}
        return Document("tensor", plain_cells(self.data).fingerprint(), settings, point, certificate)

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None = None
    ) -> Verification:
        """Derive everything that a certificate states about a point again, from plain arrays."""
        return verify_tensor(self.plain_problem(theta, tensor_problem), certificate, on_progress)

    def describe(self) -> str:
        """Return the problem in one line."""
        return self.described(f"Tucker ranks ({', '.join(str(rank) for rank in self.ranks)})")
