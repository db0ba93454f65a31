"""Higher-order orthogonal iteration (HOOI), with contractions shared between modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.errors import UnsupportedError
from lowland.core.work import CALL, touch
from lowland.search.stepper import Info
from lowland.tensors.capabilities import HasFullTensor, TensorFit
from lowland.tensors.kernels.mode_products import mode_product, unfold, visit_modes
from lowland.tensors.tucker_tensor import TuckerTensor

# below this fraction of ||T||^2, the difference ||T||^2 - ||S||^2 has lost too many digits
CANCELS = 1e-6


@briefly
@final
@dataclass(frozen=True, eq=False)
class OrthogonalIterationState:
    """A point with orthonormal factors, and its value."""

    theta: Vector
    value: float


@final
@dataclass(frozen=True)
class OrthogonalIteration:
    """Orthogonal iteration: each factor becomes singular vectors of the tensor contracted in the others.

    Notes
    -----
    A step costs two products with the whole tensor, whatever the number of modes, and never increases the
    objective.

    References
    ----------
    L. De Lathauwer, B. De Moor, J. Vandewalle, On the best rank-1 and rank-(R1, ..., RN) approximation of
    higher-order tensors, SIAM J. Matrix Anal. Appl. 2000.
    """

    name: ClassVar[str] = "orthogonal_iteration"
    needs: ClassVar[tuple[type[Any], ...]] = (HasFullTensor,)
    promises_descent: ClassVar[bool] = True

    def init(
        self, objective: HasFullTensor, theta: Vector, rng: np.random.Generator
    ) -> tuple[OrthogonalIterationState, Info]:
        """Make the factors of the start orthonormal, and evaluate it."""
        theta = orthonormal_point(objective, theta, self.name)
        state = OrthogonalIterationState(theta, objective.value(theta))
        return state, Info(state.value)

    def step(
        self, objective: HasFullTensor, state: OrthogonalIterationState, rng: np.random.Generator
    ) -> tuple[OrthogonalIterationState, Info]:
        """Update all factors once."""
        parts = improved(objective.full_tensor, objective.unpack(state.theta).factors)
        core, theta = parts.core, parts.point()
        value = 0.5 * (objective.square - float(np.sum(np.square(core, dtype=np.float64))))
        if not value > 0.5 * CANCELS * objective.square or objective.dtype != np.float64:
            value = objective.value(theta)
        return OrthogonalIterationState(theta, value), Info(value)


def orthonormal_point(objective: TensorFit, theta: Vector, name: str) -> Vector:
    """Return the point of the same tensor with orthonormal factors; a regulariser is refused."""
    if objective.penalties:
        raise UnsupportedError(
            f"{name} cannot work on this objective",
            "a regulariser, which orthonormal factors would not balance",
            fix="search without it, then balance the result",
        )
    return objective.orthonormal(theta).point()


def improved(tensor: Matrix, factors: Sequence[Matrix]) -> TuckerTensor:
    """Return the decomposition of a dense tensor after one update of each factor.

    Parameters
    ----------
    tensor : ndarray
    factors : sequence of ndarray
        With orthonormal columns.
    """
    factors, core = list(factors), tensor
    # each mode contracts the whole tensor once; the first products are shared
    touch(len(factors) * (CALL * 4 + tensor.size * (4 + max(f.shape[1] for f in factors) / 6)))

    def visit(n: int, part: Matrix) -> Matrix:
        nonlocal core
        left = np.linalg.svd(unfold(part, n), full_matrices=False)[0]
        rank = factors[n].shape[1]
        if left.shape[1] < rank:  # fewer directions than the rank: any others complete the basis
            left = np.linalg.qr(left, mode="complete")[0]
        factors[n] = left[:, :rank]
        if n == len(factors) - 1:
            core = mode_product(part, factors[n].T, n)
        return np.asarray(factors[n])

    visit_modes(tensor, factors, visit)
    return TuckerTensor(core, tuple(factors))
