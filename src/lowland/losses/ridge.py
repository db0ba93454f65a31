"""The ridge on factors, whose minimum over factorisations is the nuclear norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.rounding import gamma


@final
@dataclass(frozen=True)
class Ridge:
    """Penalty strength/2 * sides * ||factors||^2 on the leading part of a point.

    With two factors (``sides=1``) it is strength/2 (||U||^2 + ||V||^2) >= strength ||U V^T||_*,
    with equality when they are balanced. With X = U U^T both factors are the same, so
    ``sides=2`` gives strength ||U||^2 = strength tr X.

    Parameters
    ----------
    strength : float
        Positive; in units of the objective per unit of the matrix.
    factor_size : int
        How many leading coordinates hold factors; biases behind them are free.
    sides : {1, 2}
        How often each factor counts.

    References
    ----------
    N. Srebro, J. Rennie, T. Jaakkola, Maximum-margin matrix factorization, NIPS 2004.
    """

    strength: float
    factor_size: int
    sides: int = 1
    name: ClassVar[str] = "ridge"
    keeps_linear_gauge: ClassVar[bool] = False

    def value(self, theta: Vector) -> float:
        """Return the penalty."""
        # no BLAS: its threads keep spinning after a call and take a processor from the next sweep
        squares = np.sum(np.square(theta[: self.factor_size]), dtype=np.float64)
        return 0.5 * self.strength * self.sides * float(squares)

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`."""
        return gamma(self.factor_size + 4) * self.value(theta)

    def gradient(self, theta: Vector) -> Vector:
        """Return strength * sides * factors, zero on biases."""
        out = np.zeros_like(theta)
        out[: self.factor_size] = (self.strength * self.sides) * theta[: self.factor_size]
        return out

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the gradient of the direction: the penalty is quadratic."""
        return self.gradient(direction)
