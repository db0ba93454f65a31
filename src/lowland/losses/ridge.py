"""The ridge on factors, whose minimum over factorisations is the nuclear norm, and the one on biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.rounding import gamma


@final
@dataclass(frozen=True, eq=False)
class Ridge:
    """Penalty strength/2 * sides * sum weights * factors^2 on the leading part of a point.

    With two factors (``sides=1``) of weight one it is strength/2 (||U||^2 + ||V||^2) >= strength
    ||U V^T||_*, with equality when they are balanced. With weights a of rows and b of columns it is
    the nuclear norm of the matrix with entries sqrt(a_i b_j) X_ij. With X = U U^T both factors are
    the same, so ``sides=2`` gives strength ||U||^2 = strength tr X.

    Parameters
    ----------
    strength : float
        Positive; in units of the objective per unit of the matrix.
    factor_size : int
        Number of leading coordinates that hold factors; biases after them are not penalised.
    sides : {1, 2}
        Multiplicity of each factor.
    weights : ndarray, shape (factor_size,), optional
        Positive weight of each coordinate, the same along a row of a factor.

    References
    ----------
    N. Srebro, J. Rennie, T. Jaakkola, Maximum-margin matrix factorization, NIPS 2004; N. Srebro,
    R. Salakhutdinov, Collaborative filtering in a non-uniform world, NIPS 2010 (weighted).
    """

    strength: float
    factor_size: int
    sides: int = 1
    weights: Vector | None = None
    name: ClassVar[str] = "ridge"
    vanishes_when_balanced: ClassVar[bool] = False
    is_of_biases: ClassVar[bool] = False
    keeps_linear_gauge: ClassVar[bool] = False

    def value(self, theta: Vector) -> float:
        """Return the penalty."""
        # no BLAS: its threads keep spinning after a call and take a processor from the next sweep
        squares = np.square(theta[: self.factor_size])
        if self.weights is not None:
            squares *= self.weights
        return 0.5 * self.strength * self.sides * float(np.sum(squares, dtype=np.float64))

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`."""
        return gamma(self.factor_size + 5) * self.value(theta)

    def gradient(self, theta: Vector) -> Vector:
        """Return strength * sides * weights * factors, zero on biases."""
        out = np.zeros_like(theta)
        out[: self.factor_size] = (self.strength * self.sides) * theta[: self.factor_size]
        if self.weights is not None:
            out[: self.factor_size] *= self.weights
        return out

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the gradient at the direction: the penalty is quadratic."""
        return self.gradient(direction)

    def along_error(self, theta: Vector, direction: Vector) -> tuple[float, float]:
        """Return bounds on the rounding of both derivatives along a direction."""
        return _along_error(self.gradient(theta), self.gradient(direction), direction)


@final
@dataclass(frozen=True, eq=False)
class BiasRidge:
    """Penalty strength/2 * sum weights * biases^2 on the row and column biases of a point.

    Parameters
    ----------
    strength : float
        Positive; in units of the objective per unit of a bias squared.
    start : int
        Index of the first bias; a global one after them stays free.
    weights : ndarray, shape (number of biases,)
        Positive weight of each bias.
    """

    strength: float
    start: int
    weights: Vector
    name: ClassVar[str] = "bias ridge"
    vanishes_when_balanced: ClassVar[bool] = False
    is_of_biases: ClassVar[bool] = True
    keeps_linear_gauge: ClassVar[bool] = True  # it does not depend on the factors

    def value(self, theta: Vector) -> float:
        """Return the penalty."""
        squares = self.weights * np.square(theta[self._part])
        return 0.5 * self.strength * float(np.sum(squares, dtype=np.float64))

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`."""
        return gamma(self.weights.size + 5) * self.value(theta)

    def gradient(self, theta: Vector) -> Vector:
        """Return strength * weights * biases, zero elsewhere."""
        out = np.zeros_like(theta)
        out[self._part] = self.strength * self.weights * theta[self._part]
        return out

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the gradient at the direction: the penalty is quadratic."""
        return self.gradient(direction)

    def along_error(self, theta: Vector, direction: Vector) -> tuple[float, float]:
        """Return bounds on the rounding of both derivatives along a direction."""
        return _along_error(self.gradient(theta), self.gradient(direction), direction)

    @property
    def _part(self) -> slice:
        return slice(self.start, self.start + self.weights.size)


def _along_error(slope: Vector, bend: Vector, direction: Vector) -> tuple[float, float]:
    """Bound the rounding of products of a direction with derivatives that are single products."""
    first, second = (float(np.abs(part) @ np.abs(direction)) for part in (slope, bend))
    return gamma(direction.size + 8) * first, gamma(direction.size + 8) * second
