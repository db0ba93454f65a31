"""`General`: X = U V^H, with optional free row, column and global biases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_complexes, as_reals
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import LinearMap
from lowland.core.results.records import Factors, dimension_of
from lowland.models.mixings import all_mixings, column_precisions, divide_by_gram, skew_mixings

BIASES = ("row", "column", "global")


@public("lowland.models")
@final
@dataclass(frozen=True)
class General:
    """Matrices X = U V^H + a 1^T + 1 b^T + c.

    A point holds U, V, a, b, c in sequence, each row by row; only requested biases are present, and
    only for real matrices. A bias is a factor column whose partner is the constant 1, so to a
    measurement it is just a slightly wider pair of factors.

    Parameters
    ----------
    shape : tuple of int
        Shape (m, n).
    rank : int
        Columns of U and V.
    biases : tuple of {"row", "column", "global"}
        Which biases are free.
    is_complex : bool
        Whether U and V are complex; a point then holds real and imaginary parts in turn.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.models import General
    >>> model = General((2, 3), 1, biases=("row",))
    >>> theta = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0])  # U, V, and a bias for each row
    >>> model.size, model.lift(theta).matrix().tolist()
    (7, [[13.0, 14.0, 15.0], [26.0, 28.0, 30.0]])
    """

    shape: tuple[int, int]
    rank: int
    biases: tuple[str, ...] = ()
    is_complex: bool = False
    name: ClassVar[str] = "general"
    is_psd: ClassVar[bool] = False
    has_unit_trace: ClassVar[bool] = False

    def __post_init__(self) -> None:
        unknown = set(self.biases) - set(BIASES)
        if unknown:
            raise InvalidInputError("biases are unknown", repr(sorted(unknown)), fix=f"use some of {BIASES}")
        if self.biases and self.is_complex:
            raise InvalidInputError("biases need a real matrix", "a complex matrix", fix="leave biases out")

    @property
    def factor_size(self) -> int:
        """Length of U and V together."""
        return sum(self.shape) * self.rank * (2 if self.is_complex else 1)

    @property
    def size(self) -> int:
        """Length of a point."""
        m, n = self.shape
        return self.factor_size + m * self._has("row") + n * self._has("column") + self._has("global")

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of matrices in real numbers, without the overlap of factors and biases."""
        total = dimension_of(self.shape, self.rank, self.biases)
        return 2 * total if self.is_complex else total

    def unpack(self, theta: Vector) -> tuple[Matrix, Matrix, Vector, Vector, float]:
        """Return views U (m, r), V (n, r), a (m,), b (n,) and the number c; absent biases are zeros."""
        (m, n), r = self.shape, self.rank
        factors: Matrix = theta[: self.factor_size]
        if self.is_complex:
            factors = as_complexes(factors)
        u = factors[: m * r].reshape(m, r)
        v = factors[m * r :].reshape(n, r)
        at = self.factor_size
        a = theta[at : at + m] if self._has("row") else np.zeros(m, theta.dtype)
        at += m * self._has("row")
        b = theta[at : at + n] if self._has("column") else np.zeros(n, theta.dtype)
        at += n * self._has("column")
        return u, v, a, b, float(theta[at]) if self._has("global") else 0.0

    def pack(
        self,
        u: Matrix,
        v: Matrix,
        row: Vector | None = None,
        column: Vector | None = None,
        offset: float = 0.0,
    ) -> Vector:
        """Return the point of given factors and biases; biases that are not free are left out."""
        if self.is_complex:
            return np.concatenate([as_reals(u + 0j), as_reals(v + 0j)])
        parts = [u.ravel(), v.ravel()]
        if self._has("row"):
            parts.append(np.zeros(self.shape[0], u.dtype) if row is None else row)
        if self._has("column"):
            parts.append(np.zeros(self.shape[1], u.dtype) if column is None else column)
        if self._has("global"):
            parts.append(np.array([offset], dtype=u.dtype))
        return np.concatenate(parts, dtype=u.dtype)

    def sides(self, theta: Vector) -> tuple[Matrix, Matrix]:
        """Return U and V."""
        u, v, *_ = self.unpack(theta)
        return u, v

    def join(self, left: Matrix, right: Matrix, row: Vector, column: Vector) -> Vector:
        """Return the point of given factors and biases; biases that are not free are left out."""
        return self.pack(left, right, row, column)

    def lift(self, theta: Vector) -> Factors:
        """Return the matrix of a point as factors of width rank + (0, 1 or 2)."""
        u, v, a, b, c = self.unpack(theta)
        return self._widen([u], [v], a + theta.dtype.type(c), b)

    def push(self, theta: Vector, direction: Vector) -> Factors:
        """Return the derivative of the matrix along a direction, as factors."""
        u, v, *_ = self.unpack(theta)
        du, dv, da, db, dc = self.unpack(direction)
        return self._widen([du, u], [v, dv], da + theta.dtype.type(dc), db)

    def pull(self, theta: Vector, cotangent: LinearMap) -> Vector:
        """Return the gradient of <cotangent, lift(theta)> in theta."""
        u, v, *_ = self.unpack(theta)
        ones = [np.ones((k, 1), theta.dtype) for k in self.shape]
        biased = bool(self.biases)
        by_row = cotangent.matmat(np.hstack([v, ones[1]]) if biased else v)
        by_column = cotangent.rmatmat(np.hstack([u, ones[0]]) if biased else u)
        r = self.rank
        row_sums = by_row[:, -1] if biased else None
        column_sums = by_column[:, -1] if biased else None
        total = float(row_sums.sum()) if row_sums is not None else 0.0
        return self.pack(by_row[:, :r], by_column[:, :r], row_sums, column_sums, total)

    def pull_derivative(self, theta: Vector, direction: Vector, cotangent: LinearMap) -> Vector:
        """Return the derivative of `pull` along a direction, the operator held fixed."""
        du, dv, *_ = self.unpack(direction)
        return self.pack(cotangent.matmat(dv), cotangent.rmatmat(du))

    def second_derivative(self, cotangent: Matrix) -> Matrix | None:
        """Return the matrix of `pull_derivative` for a dense cotangent, None for complex points."""
        if self.is_complex:
            return None
        (m, _), r = self.shape, self.rank
        out = np.zeros((self.size, self.size))
        mixed = np.kron(cotangent, np.eye(r))
        out[: m * r, m * r : self.factor_size] = mixed
        out[m * r : self.factor_size, : m * r] = mixed.T
        return out

    def gauge(self, theta: Vector, *, linear: bool) -> Matrix:
        """Return directions that leave the matrix unchanged, shape (size, g).

        Parameters
        ----------
        theta : ndarray, shape (size,)
            The point.
        linear : bool
            Whether the factors may be mixed by any invertible matrix and exchanged with the biases
            (no penalty); otherwise mixed only by rotations (unitary matrices).

        Returns
        -------
        ndarray, shape (size, g)
            Not orthonormal; columns may be dependent at degenerate points.
        """
        u, v, *_ = self.unpack(theta)
        mixings = (all_mixings if linear else skew_mixings)(self.rank, u.dtype)
        directions = [self.pack(u @ k, -v @ k.conj().T) for k in mixings]
        one_row, one_column = np.ones(self.shape[0], u.dtype), np.ones(self.shape[1], u.dtype)
        if self._has("row") and self._has("column"):
            directions.append(self.pack(0 * u, 0 * v, one_row, -one_column))
        if self._has("global") and self._has("row"):
            directions.append(self.pack(0 * u, 0 * v, one_row, None, -1.0))
        elif self._has("global") and self._has("column"):
            directions.append(self.pack(0 * u, 0 * v, None, one_column, -1.0))
        if linear:
            for k in np.eye(self.rank, dtype=u.dtype):
                if self._has("row"):
                    directions.append(self.pack(0 * u, np.outer(one_column, k), -u @ k))
                if self._has("column"):
                    directions.append(self.pack(np.outer(one_row, k), 0 * v, None, -v @ k))
        return np.stack(directions, axis=1) if directions else np.zeros((self.size, 0), theta.dtype)

    def scaled(self, theta: Vector, gradient: Vector, share: float) -> Vector:
        """Return G_U (V^H V + lambda I)^-1 and the reverse; biases are divided by their cell counts."""
        u, v, *_ = self.unpack(theta)
        gu, gv, ga, gb, gc = self.unpack(gradient)
        m, n = self.shape
        parts = divide_by_gram(gu, v, share), divide_by_gram(gv, u, share)
        return self.pack(*parts, ga / n, gb / m, gc / (m * n))

    def canonical(self, theta: Vector) -> Vector:
        """Return the same matrix with balanced, ordered factors and centred biases."""
        u, v, a, b, c = self.unpack(theta)
        u, v = balanced_factors(u, v)
        if self._has("global"):
            for bias, free in ((a, self._has("row")), (b, self._has("column"))):
                c += float(bias.mean()) if free else 0.0
            a, b = a - a.mean(), b - b.mean()
        return self.pack(u, v, a, b, c)

    def precisions(self, theta: Vector) -> Vector:
        """Return, for each coordinate of a canonical point, 1 / (mean square of its column); 0 for biases."""
        u, v, *_ = self.unpack(theta)
        out = np.zeros_like(theta)
        out[: self.factor_size] = np.concatenate([column_precisions(u), column_precisions(v)])
        return out

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point with given factors and zero biases."""
        return self.pack(factors.left, factors.right)

    def resized(self, rank: int) -> General:
        """Return the same model with another rank."""
        return replace(self, rank=rank)

    def _has(self, bias: str) -> bool:
        return bias in self.biases

    def _widen(self, left: list[Matrix], right: list[Matrix], a: Vector, b: Vector) -> Factors:
        one_left, one_right = (np.ones((k, 1), a.dtype) for k in self.shape)
        if self._has("row") or self._has("global"):
            left, right = [*left, a[:, None]], [*right, one_right]
        if self._has("column"):
            left, right = [*left, one_left], [*right, b[:, None]]
        if len(left) == 1:
            return Factors(left[0], right[0])
        return Factors(np.hstack(left), np.hstack(right))


def balanced_factors(u: Matrix, v: Matrix) -> tuple[Matrix, Matrix]:
    """Return factors of the same product with U^H U = V^H V diagonal, largest first.

    Computed from two thin QR decompositions and a small singular value decomposition, so that
    nothing of size m n is formed and small singular values keep their relative accuracy.
    """
    qu, ru = np.linalg.qr(u)
    qv, rv = np.linalg.qr(v)
    left, s, right = np.linalg.svd(ru @ rv.conj().T)
    root = np.sqrt(s)
    return (qu @ left) * root, (qv @ right.conj().T) * root
