"""The balancing term, which fixes the scale between two factors without biasing the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_complexes, as_reals
from lowland.core.rounding import gamma


@final
@dataclass(frozen=True)
class Balancing:
    """Penalty strength * ||U^H U - V^H V||_F^2 of a two-factor point.

    It vanishes at every first-order point of the sum with a loss of U V^T, so it does not
    change the answer.

    Parameters
    ----------
    strength : float
        Positive.
    shape : tuple of int
        Shape (m, n) of the matrix.
    rank : int
        Columns of the factors.
    is_complex : bool
        Whether the factors are complex.

    References
    ----------
    S. Tu et al., Low-rank solutions of linear matrix equations via Procrustes flow, ICML 2016;
    D. Park et al., Non-square matrix sensing without spurious local minima, AISTATS 2017.
    """

    strength: float
    shape: tuple[int, int]
    rank: int
    is_complex: bool = False
    name: ClassVar[str] = "balancing"
    vanishes_when_balanced: ClassVar[bool] = True
    is_of_biases: ClassVar[bool] = False
    keeps_linear_gauge: ClassVar[bool] = False

    def value(self, theta: Vector) -> float:
        """Return the penalty."""
        return self.strength * float(np.sum(np.abs(self._excess(theta)) ** 2))

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`; the two Gram matrices may cancel."""
        u, v = (np.abs(x).astype(np.float64, copy=False) for x in self._split(theta))
        sizes = u.T @ u + v.T @ v
        kind = np.dtype(np.complex128 if self.is_complex else np.float64)
        slack = gamma(max(self.shape) + 2, kind) * sizes
        largest = np.abs(self._excess(theta)) + slack
        total = float(np.sum(largest**2)) * (1 + gamma(self.rank**2 + 4))
        return self.strength * total - self.value(theta)

    def gradient(self, theta: Vector) -> Vector:
        """Return its gradient, zero on biases."""
        u, v = self._split(theta)
        excess = _gram(u, u) - _gram(v, v)
        return self._join(theta, u @ excess, -v @ excess)

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return its Hessian times a direction."""
        (u, v), (du, dv) = self._split(theta), self._split(direction)
        excess = _gram(u, u) - _gram(v, v)
        change = _gram(u, du) + _gram(du, u) - _gram(v, dv) - _gram(dv, v)
        return self._join(theta, du @ excess + u @ change, -dv @ excess - v @ change)

    def along_error(self, theta: Vector, direction: Vector) -> tuple[float, float]:
        """Return bounds on the rounding of both derivatives along a direction: Gram matrices may cancel."""
        (u, v), (du, dv) = (
            [np.abs(x).astype(np.float64, copy=False) for x in self._split(part)]
            for part in (theta, direction)
        )
        sizes, change = u.T @ u + v.T @ v, 2 * (u.T @ du + du.T @ u + v.T @ dv + dv.T @ v)
        first = float(np.sum(du * (u @ sizes)) + np.sum(dv * (v @ sizes)))
        second = float(np.sum(du * (du @ sizes + u @ change)) + np.sum(dv * (dv @ sizes + v @ change)))
        kind = np.dtype(np.complex128 if self.is_complex else np.float64)
        rounding = 8 * self.strength * gamma(max(self.shape) + 2 * self.rank + theta.size + 16, kind)
        return rounding * first, rounding * second

    def _excess(self, theta: Vector) -> Matrix:
        u, v = self._split(theta)
        return _gram(u, u) - _gram(v, v)

    def _split(self, theta: Vector) -> tuple[Matrix, Matrix]:
        m, n = self.shape
        factors: Matrix = theta[: self._length]
        if self.is_complex:
            factors = as_complexes(factors)
        cut = m * self.rank
        return factors[:cut].reshape(m, self.rank), factors[cut:].reshape(n, self.rank)

    @property
    def _length(self) -> int:
        return sum(self.shape) * self.rank * (2 if self.is_complex else 1)

    def _join(self, theta: Vector, u: Matrix, v: Matrix) -> Vector:
        out = np.zeros_like(theta)
        out[: self._length] = 4 * self.strength * np.concatenate([as_reals(u), as_reals(v)])
        return out


def _gram(a: Matrix, b: Matrix) -> Matrix:
    product: Matrix = a.conj().T @ b
    return product
