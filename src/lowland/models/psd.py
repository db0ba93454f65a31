"""`Psd`: X = U U^H, positive semidefinite of bounded rank, optionally of unit trace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_complexes, as_reals
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import LinearMap
from lowland.core.results.records import Factors
from lowland.core.wording import Option, Words
from lowland.models.mixings import column_precisions, divide_by_gram, skew_mixings


@public("lowland.models")
@final
@dataclass(frozen=True)
class Psd:
    """Matrices X = U U^H, or U U^H / tr(U U^H); a point is U row by row.

    Parameters
    ----------
    shape : tuple of int
        Shape (n, n).
    rank : int
        Columns of U.
    is_complex : bool
        Whether U is complex; a point then holds real and imaginary parts in turn.
    unit_trace : bool
        Whether X is scaled to trace one, as density matrices are.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.models import Psd
    >>> Psd((2, 2), 1).lift(np.array([1.0, 3.0])).matrix().tolist()
    [[1.0, 3.0], [3.0, 9.0]]
    >>> Psd((2, 2), 1, unit_trace=True).lift(np.array([1.0, 3.0])).matrix().round(6).tolist()
    [[0.1, 0.3], [0.3, 0.9]]
    """

    shape: tuple[int, int]
    rank: int
    is_complex: bool = False
    unit_trace: bool = False
    biases: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "psd"
    is_psd: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.shape[0] != self.shape[1]:
            raise InvalidInputError(
                'structure "psd" needs a square matrix',
                f"shape {self.shape}",
                fix=Words("use ", Option("structure", "general")),
            )

    @property
    def has_unit_trace(self) -> bool:
        """Whether X is scaled to trace one."""
        return self.unit_trace

    @property
    def factor_size(self) -> int:
        """Length of a point: all of it is U."""
        return self.shape[0] * self.rank * (2 if self.is_complex else 1)

    @property
    def size(self) -> int:
        """Length of a point."""
        return self.factor_size

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of matrices: n r - r (r - 1) / 2 if real, 2 n r - r^2 if complex."""
        n, r = self.shape[0], min(self.rank, self.shape[0])
        return (2 * n * r - r * r if self.is_complex else n * r - r * (r - 1) // 2) - self.unit_trace

    def unpack(self, theta: Vector) -> Matrix:
        """Return the view U, shape (n, r)."""
        numbers = as_complexes(theta) if self.is_complex else theta
        return numbers.reshape(self.shape[0], self.rank)

    def pack(self, u: Matrix) -> Vector:
        """Return the point of a factor."""
        return as_reals(u)

    def sides(self, theta: Vector) -> tuple[Matrix, Matrix]:
        """Return the factor of the matrix for both sides."""
        u = self.unpack(self._scaled(theta))
        return u, u

    def join(self, left: Matrix, right: Matrix, row: Vector, column: Vector) -> Vector:
        """Return the point of a factor used on both sides; there are no biases."""
        return self.from_factors(Factors(left, right))

    def lift(self, theta: Vector) -> Factors:
        """Return the matrix of a point."""
        u = self.unpack(self._scaled(theta))
        return Factors(u, u)

    def push(self, theta: Vector, direction: Vector) -> Factors:
        """Return D U^H + U D^H, with D projected along the set of unit trace if required."""
        u, d = self.unpack(self._scaled(theta)), self.unpack(self._tangent(theta, direction))
        return Factors(np.hstack([d, u]), np.hstack([u, d]))

    def pull(self, theta: Vector, cotangent: LinearMap) -> Vector:
        """Return (M + M^H) U."""
        return self._tangent(theta, self._doubled(self._scaled(theta), cotangent))

    def pull_derivative(self, theta: Vector, direction: Vector, cotangent: LinearMap) -> Vector:
        """Return (M + M^H) D, with the curvature of the normalisation if there is one."""
        if not self.unit_trace:
            return self._doubled(direction, cotangent)
        # pull is (H u - q u) / t with t = |u|^2 and q = u.H u / t; this is its derivative
        square = theta @ theta
        image, turned = self._doubled(theta, cotangent), self._doubled(direction, cotangent)
        along, quotient = 2 * (theta @ direction) / square, (theta @ image) / square
        change = 2 * (image @ direction) / square - quotient * along
        derivative = turned - quotient * direction - change * theta - along * (image - quotient * theta)
        return np.asarray(derivative / square)

    def second_derivative(self, cotangent: Matrix) -> Matrix | None:
        """Return the matrix of `pull_derivative` for a dense cotangent; None if complex or of unit trace."""
        if self.is_complex or self.unit_trace:
            return None
        return np.asarray(np.kron(cotangent + cotangent.T, np.eye(self.rank)))

    def gauge(self, theta: Vector, *, linear: bool) -> Matrix:
        """Return the rotations U K, K skew, shape (size, g), and U itself if its scale does not matter.

        `linear` makes no difference: only rotations leave U U^H unchanged.
        """
        u = self.unpack(theta)
        directions = [self.pack(u @ k) for k in skew_mixings(self.rank, u.dtype)]
        if self.unit_trace:
            directions.append(theta)
        return np.stack(directions, axis=1) if directions else np.zeros((self.size, 0), theta.dtype)

    def scaled(self, theta: Vector, gradient: Vector, share: float) -> Vector:
        """Return G (U^H U + lambda I)^-1, lambda a fraction of the mean eigenvalue; unit trace is ignored."""
        u = self.unpack(self._scaled(theta))
        return self.pack(divide_by_gram(self.unpack(gradient), u, share))

    def canonical(self, theta: Vector) -> Vector:
        """Return the factor with orthogonal columns, largest first."""
        q, r = np.linalg.qr(self.unpack(self._scaled(theta)))
        left, s, _ = np.linalg.svd(r)
        return self.pack((q @ left) * s)

    def precisions(self, theta: Vector) -> Vector:
        """Return, for each number of a canonical point, the inverse mean square of its column."""
        return column_precisions(self.unpack(self._scaled(theta)))

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point of the left factor."""
        left = factors.left
        if self.is_complex and not np.iscomplexobj(left):
            left = left + 0j
        return self.pack(left)

    def resized(self, rank: int) -> Psd:
        """Return the same model with another rank."""
        return replace(self, rank=rank)

    def _doubled(self, theta: Vector, cotangent: LinearMap) -> Vector:
        u = self.unpack(theta)
        return self.pack(cotangent.matmat(u) + cotangent.rmatmat(u))

    def _scaled(self, theta: Vector) -> Vector:
        if not self.unit_trace:
            return theta
        length = np.linalg.norm(theta)
        return theta / length if length > 0 else theta

    def _tangent(self, theta: Vector, direction: Vector) -> Vector:
        if not self.unit_trace:
            return direction
        length = np.linalg.norm(theta)
        if not length > 0:
            return np.zeros_like(direction)
        unit = theta / length
        return np.asarray((direction - (unit @ direction) * unit) / length)
