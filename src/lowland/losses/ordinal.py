"""The proportional-odds loss of ordered levels; for two levels it is the logistic loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.rounding import ELEMENTARY, gamma
from lowland.kernels.ordinal import ordinal_terms


@final
@dataclass(frozen=True)
class Ordinal:
    """Minus the log probability of a level y = 0 .. K - 1, where P(y < k) = 1 / (1 + exp(z - c_k)).

    Up to a constant it is the sum of softplus(z - c_{y+1}) and softplus(c_y - z), each if that
    threshold exists, so every formula uses only the logistic function.

    Parameters
    ----------
    thresholds : tuple of float
        c_1 < .. < c_{K-1}. A single one gives the logistic loss.

    References
    ----------
    P. McCullagh, Regression models for ordinal data, JRSS B 1980; T. Jaakkola, M. Jordan, Bayesian
    parameter estimation via variational methods, Statistics and Computing 2000 (the quadratic upper bound).
    """

    thresholds: tuple[float, ...] = (0.0,)
    name: ClassVar[str] = "ordinal"
    is_quadratic: ClassVar[bool] = False
    vanishes_at_data: ClassVar[bool] = False

    def __post_init__(self) -> None:
        c = np.asarray(self.thresholds, float)
        if c.ndim != 1 or not c.size or not (np.isfinite(c).all() and (np.diff(c) > 0).all()):
            raise InvalidInputError("thresholds must be finite and increasing", repr(self.thresholds))

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return -log P(y)."""
        return ordinal_terms(z, y, self._edges, self._constants, "value")

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return P(above) - P(below), relative to the thresholds around y."""
        return ordinal_terms(z, y, self._edges, self._constants, "slope")

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return the sum of both logistic densities."""
        return ordinal_terms(z, y, self._edges, self._constants, "curvature")

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `value`, of its distances to thresholds and of its constant."""
        constants = 3 + self._constants[self._level(y)]
        return np.asarray(gamma(ELEMENTARY) * (self._reach(z) + self.value(z, y) + constants))

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `slope`."""
        return np.asarray(gamma(ELEMENTARY) * (2 + self._reach(z)))

    def _reach(self, z: Vector) -> Vector:
        return np.abs(z) + float(np.abs(self.thresholds).max())

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return the curvature of the quadratic tangent at z that lies above the loss everywhere."""
        return ordinal_terms(z, y, self._edges, self._constants, "majorant")

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return the supremum: finite within the range of slopes of the level, infinite outside."""
        level, last = self._level(y), len(self.thresholds)
        lower, upper = self._edges[level], self._edges[level + 1]
        single = np.where(level == 0, upper, lower)  # for the first and the last level
        t = np.where(level == 0, s, -s)
        with np.errstate(invalid="ignore"):
            # outside the first and last levels there is no threshold: any number will do, as it is not used
            lower, upper = np.where(level == 0, upper - 1, lower), np.where(level == last, lower + 1, upper)
            outer = np.where((t >= 0) & (t <= 1), s * single + _negentropy(np.clip(t, 0, 1)), np.inf)
            inner = np.where(np.abs(s) < 1, self._inner_conjugate(s, lower, upper), np.inf)
            ends = np.where(s > 0, upper, -lower)
            inner = np.where(np.abs(s) == 1, ends, inner) - self._constants[level]
        return np.where((level == 0) | (level == last), outer, inner)

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return the sizes of the terms above: thresholds times slopes, entropies, constants."""
        level, largest = self._level(y), float(np.abs(self.thresholds).max())
        # the stationary point lies within the thresholds' distance plus log((1 + |s|) / (1 - |s|))
        reach = np.log(2 / np.maximum(1 - np.abs(s), 1e-300))
        sizes = np.abs(s) * (3 * largest + reach) + 2 * (1 + largest) + self._constants[level]
        return np.asarray(sizes)

    def _inner_conjugate(self, s: Vector, lower: Vector, upper: Vector) -> Vector:
        """Return sup s z - softplus(z - upper) - softplus(lower - z) for |s| < 1."""
        s = np.clip(s, -1 + 1e-16, 1 - 1e-16)
        middle, half = (upper + lower) / 2, (upper - lower) / 2
        # q = exp(z - middle) solves (1 - s) q^2 - 2 s cosh(half) q - (1 + s) = 0
        tilt = s * np.cosh(half)
        root = np.sqrt(tilt**2 + (1 - s) * (1 + s))
        q = np.where(s > 0, (tilt + root) / (1 - s), (1 + s) / np.maximum(root - tilt, np.finfo(float).tiny))
        z = middle + np.log(q)
        return np.asarray(s * z - _softplus(z - upper) - _softplus(lower - z))

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes of losses and slopes when nothing is fitted."""
        return np.full_like(y, np.log(len(self.thresholds) + 1)), np.ones_like(y)

    def probabilities(self, z: Vector) -> Matrix:
        """Return the probabilities of all levels, shape (p, K)."""
        below = _sigmoid(np.asarray(self.thresholds) - z[:, None])
        cumulative = np.column_stack([np.zeros(z.size), below, np.ones(z.size)])
        return np.asarray(np.diff(cumulative, axis=1))

    def subset(self, keep: NDArray[np.generic]) -> Ordinal:
        """Return the loss of some observations: the same."""
        return self

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError unless all numbers are levels."""
        last = len(self.thresholds)
        wrong = (y < 0) | (y > last) | (y != np.round(y))
        if wrong.any():
            k = int(np.argmax(wrong))
            raise InvalidInputError(
                f"y must hold levels 0 to {last} for the ordinal loss", f"{y[k]} at position {k}"
            )

    @cached_property
    def _edges(self) -> Vector:
        """Thresholds padded with infinities: level k lies between entries k and k + 1."""
        return np.concatenate([[-np.inf], self.thresholds, [np.inf]])

    @cached_property
    def _constants(self) -> Vector:
        """The constant in each level's loss besides its softplus terms."""
        # not log1p(-exp): that rounds exp to one where thresholds are close
        return -np.log(-np.expm1(self._edges[:-1] - self._edges[1:]))

    def _level(self, y: Vector) -> Indices:
        return y.astype(np.intp)


def _softplus(x: Vector) -> Vector:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _sigmoid(x: Matrix) -> Matrix:
    from scipy.special import expit

    return np.asarray(expit(x))


def _negentropy(t: Vector) -> Vector:
    from scipy.special import xlogy

    return np.asarray(xlogy(t, t) + xlogy(1 - t, 1 - t))
