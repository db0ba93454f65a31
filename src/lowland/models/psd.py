"""`Psd`: X = U U^T, positive semidefinite of bounded rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.protocols import LinearMap
from lowland.core.records import Factors


@final
@dataclass(frozen=True)
class Psd:
    """Matrices X = U U^T; a point is U row by row.

    Parameters
    ----------
    shape : tuple of int
        Shape (n, n).
    rank : int
        Columns of U.
    """

    shape: tuple[int, int]
    rank: int
    name: ClassVar[str] = "psd"

    def __post_init__(self) -> None:
        if self.shape[0] != self.shape[1]:
            raise InvalidInputError(
                'structure "psd" needs a square matrix', f"shape {self.shape}", fix='use structure="general"'
            )

    @property
    def factor_size(self) -> int:
        """Length of U."""
        return self.shape[0] * self.rank

    @property
    def size(self) -> int:
        """Length of a point."""
        return self.factor_size

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension n r - r (r - 1) / 2 of the set of matrices."""
        n, r = self.shape[0], min(self.rank, self.shape[0])
        return n * r - r * (r - 1) // 2

    def unpack(self, theta: Vector) -> Matrix:
        """Return the view U, shape (n, r)."""
        return theta.reshape(self.shape[0], self.rank)

    def pack(self, u: Matrix) -> Vector:
        """Return the point of a factor."""
        return np.ascontiguousarray(u).reshape(-1)

    def lift(self, theta: Vector) -> Factors:
        """Return the matrix of a point."""
        u = self.unpack(theta)
        return Factors(u, u)

    def push(self, theta: Vector, direction: Vector) -> Factors:
        """Return D U^T + U D^T."""
        u, d = self.unpack(theta), self.unpack(direction)
        return Factors(np.hstack([d, u]), np.hstack([u, d]))

    def pull(self, theta: Vector, cotangent: LinearMap) -> Vector:
        """Return (M + M^T) U."""
        u = self.unpack(theta)
        return self.pack(cotangent.matmat(u) + cotangent.rmatmat(u))

    def pull_derivative(self, direction: Vector, cotangent: LinearMap) -> Vector:
        """Return (M + M^T) D."""
        return self.pull(direction, cotangent)

    def gauge(self, theta: Vector, *, linear: bool) -> Matrix:
        """Return the rotations U K, K antisymmetric, shape (n r, r (r - 1) / 2).

        `linear` makes no difference: only rotations leave U U^T unchanged.
        """
        u = self.unpack(theta)
        directions = []
        for i in range(self.rank):
            for j in range(i + 1, self.rank):
                d = np.zeros_like(u)
                d[:, j], d[:, i] = u[:, i], -u[:, j]
                directions.append(d.ravel())
        return np.stack(directions, axis=1) if directions else np.zeros((self.size, 0), u.dtype)

    def canonical(self, theta: Vector) -> Vector:
        """Return the factor with orthogonal columns, largest first."""
        q, r = np.linalg.qr(self.unpack(theta))
        left, s, _ = np.linalg.svd(r)
        return self.pack((q @ left) * s)

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point of the left factor."""
        return self.pack(factors.left)

    def resized(self, rank: int) -> Psd:
        """Return the same model with another rank."""
        return Psd(self.shape, rank)
