"""Points of the CP model: factors with a column per component, their gauge, balance and canonical form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.tensors.cp.constraints import Constraints
from lowland.tensors.tucker_tensor import TuckerTensor


@final
@dataclass(frozen=True)
class CP:
    """Tensors that are sums of R products of one vector per mode: a point is the factors, mode by mode.

    Parameters
    ----------
    shape : tuple of int
        Shape (I_1, ..., I_N), N at least 3.
    rank : int
        Number R of components.
    """

    shape: tuple[int, ...]
    rank: int
    name: ClassVar[str] = "cp"

    def __post_init__(self) -> None:
        most = prod(self.shape) // max(self.shape)
        if not 1 <= self.rank <= most:
            raise InvalidInputError(
                "rank does not fit the tensor",
                f"{self.rank} components for shape {self.shape}",
                "every tensor of this shape is a sum of that many components",
                f"use 1 <= rank <= {most}",
            )

    @property
    def size(self) -> int:
        """Length of a point."""
        return sum(self.shape) * self.rank

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of such tensors if their decompositions are finitely many."""
        return min((sum(self.shape) - len(self.shape) + 1) * self.rank, prod(self.shape))

    @property
    def operations(self) -> int:
        """Most rounded operations between a point and a predicted cell: a product over modes, and the sum."""
        return len(self.shape) + self.rank

    def unpack(self, theta: Vector) -> tuple[Matrix, ...]:
        """Return views of the factors, shapes (I_n, R)."""
        ends = np.cumsum(self.shape)[:-1] * self.rank
        return tuple(part.reshape(-1, self.rank) for part in np.split(theta, ends))

    def pack(self, factors: Sequence[Matrix]) -> Vector:
        """Return the point of factors."""
        return np.concatenate([factor.ravel() for factor in factors])

    def lifted(self, theta: Vector) -> TuckerTensor:
        """Return the tensor of a point in Tucker form: its core is one on the diagonal."""
        core = np.zeros((self.rank,) * len(self.shape), theta.dtype)
        core[(np.arange(self.rank),) * len(self.shape)] = 1
        return TuckerTensor(core, self.unpack(theta))

    def changed(self, direction: Vector) -> TuckerTensor:
        """Return the change of the Tucker form along a direction: that of the core is zero."""
        core = np.zeros((self.rank,) * len(self.shape), direction.dtype)
        return TuckerTensor(core, self.unpack(direction))

    def lowered(self, slopes: TuckerTensor) -> Vector:
        """Return slopes in the point: those in the factors."""
        return self.pack(slopes.factors)

    def gauge(self, theta: Vector) -> Matrix:
        """Return directions that leave the tensor unchanged, shape (size, (N - 1) R): scales of columns."""
        factors, out = self.unpack(theta), []
        for n in range(1, len(factors)):
            for k in range(self.rank):
                parts = [np.zeros_like(factor) for factor in factors]
                parts[0][:, k], parts[n][:, k] = factors[0][:, k], -factors[n][:, k]
                out.append(self.pack(parts))
        return np.stack(out, axis=1)

    def canonical(self, theta: Vector, constraints: Constraints = ()) -> Vector:
        """Return the point of the same tensor with columns of equal norm in all modes, the largest first.

        In all modes but the last the largest entry of each column is positive. Columns that must keep their
        scale or sign are left out of that, and components whose entries are known keep their order.
        """
        factors = [factor.copy() for factor in self.unpack(theta)]
        kept = kept_scales(constraints, self)
        sizes = np.array([np.linalg.norm(factor, axis=0) for factor in factors])
        some = sizes.all(axis=0)
        count = np.maximum((~kept).sum(axis=0), 1)
        logs = np.where(kept, 0.0, np.log(np.where(some, sizes, 1.0))).sum(axis=0) / count
        for n, factor in enumerate(factors):
            scales = np.where(some, np.exp(logs) / np.where(some, sizes[n], 1.0), 0.0)
            factor *= np.where(kept[n], 1.0, scales)
        self._turn(factors, kept, constraints)
        if any(constraint.known is not None for constraint in constraints):
            return self.pack(factors)
        order = np.argsort(-np.where(some, logs, -np.inf), kind="stable")
        return self.pack([factor[:, order] for factor in factors])

    def rescaled(self, theta: Vector, size: float, kept: NDArray[np.bool_]) -> Vector:
        """Return the point with components of a norm, by columns whose scale is free; zero ones stay zero."""
        factors = [factor.copy() for factor in self.unpack(theta)]
        norms = np.prod([np.linalg.norm(factor, axis=0) for factor in factors], axis=0)
        count = np.maximum((~kept).sum(axis=0), 1)
        scales = (size / np.where(norms > 0, norms, size)) ** (1 / count)
        for factor, keeps in zip(factors, kept, strict=True):
            factor *= np.where(keeps, 1.0, scales)
        return self.pack(factors)

    def _turn(self, factors: list[Matrix], kept: NDArray[np.bool_], constraints: Constraints) -> None:
        """Make the largest entries of columns positive that may change their sign, but in their last mode."""
        signed = np.array([constraint.nonnegative for constraint in constraints] or [False] * len(factors))
        turns = ~(kept | signed[:, None])
        last = len(factors) - 1 - turns[::-1].argmax(axis=0)
        for n, factor in enumerate(factors):
            negative = factor[np.abs(factor).argmax(axis=0), np.arange(self.rank)] < 0
            signs = np.where(turns[n] & (last != n) & negative, -1.0, 1.0)
            factor *= signs
            for m, other in enumerate(factors):
                other *= np.where(last == m, signs, 1.0)


def kept_scales(constraints: Constraints, model: CP) -> NDArray[np.bool_]:
    """Return which columns have a known scale, shape (N, R)."""
    if not constraints:
        return np.zeros((len(model.shape), model.rank), bool)
    return np.array([constraint.scaled_columns(model.rank) for constraint in constraints])
