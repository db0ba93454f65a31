"""The regulariser of the Tucker objective: it fixes the scale between core and factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma
from lowland.tensors.kernels.mode_products import mode_gram, mode_product
from lowland.tensors.tucker_tensor import TuckerTensor


@final
@dataclass(frozen=True)
class TuckerBalancing:
    """Penalty strength * sum_n ||F_n^T F_n - S_(n) S_(n)^T||_F^2 of a Tucker point.

    Every tensor of the model has a point where the penalty is zero, so it does not bias the fit; it makes
    level sets compact.

    Parameters
    ----------
    strength : float
        Positive.
    shape, ranks : tuple of int

    References
    ----------
    A. Frandsen, R. Ge, Optimization landscape of Tucker decomposition, Math. Program. 2020.
    """

    strength: float
    shape: tuple[int, ...]
    ranks: tuple[int, ...]
    name: ClassVar[str] = "tucker_balancing"
    vanishes_when_balanced: ClassVar[bool] = True
    is_of_biases: ClassVar[bool] = False
    keeps_linear_gauge: ClassVar[bool] = False

    def value(self, theta: Vector) -> float:
        """Return the penalty."""
        core, factors = self._split(theta)
        return self.strength * sum(float(np.sum(d**2)) for d in self._excesses(core, factors))

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`; the two Gram matrices may cancel."""
        core, factors = self._split(np.abs(theta).astype(np.float64))
        exact = self._excesses(*self._split(theta))
        total = 0.0
        for n, (factor, d) in enumerate(zip(factors, exact, strict=True)):
            sizes = factor.T @ factor + mode_gram(core, core, n)
            slack = gamma(max(factor.shape[0], core.size) + 2, theta.dtype) * sizes
            total += float(np.sum((np.abs(d) + slack) ** 2)) * (1 + gamma(d.size + 4))
        return self.strength * total - self.value(theta)

    def gradient(self, theta: Vector) -> Vector:
        """Return the gradient of the penalty, shape (size,)."""
        core, factors = self._split(theta)
        on_core, out = np.zeros_like(core), []
        for n, (factor, d) in enumerate(zip(factors, self._excesses(core, factors), strict=True)):
            out.append((4 * self.strength * (factor @ d)).astype(theta.dtype).ravel())
            on_core -= mode_product(core, (4 * self.strength * d).astype(theta.dtype), n)
        return np.concatenate([on_core.ravel(), *out])

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the Hessian of the penalty times a direction."""
        core, factors = self._split(theta)
        core_d, factors_d = self._split(direction)
        on_core, out = np.zeros_like(core), []
        for n, (factor, factor_d) in enumerate(zip(factors, factors_d, strict=True)):
            d = factor.T @ factor - mode_gram(core, core, n)
            turned = factor.T @ factor_d - mode_gram(core, core_d, n)
            turned = turned + turned.T
            out.append((4 * self.strength * (factor_d @ d + factor @ turned)).astype(theta.dtype).ravel())
            for part, mixing in ((core_d, d), (core, turned)):
                on_core -= mode_product(part, (4 * self.strength * mixing).astype(theta.dtype), n)
        return np.concatenate([on_core.ravel(), *out])

    def along_error(self, theta: Vector, direction: Vector) -> tuple[float, float]:
        """Return bounds on the rounding of both derivatives along a direction: Gram matrices may cancel."""
        core, factors = self._split(np.abs(theta).astype(np.float64))
        core_d, factors_d = self._split(np.abs(direction).astype(np.float64))
        first = second = 0.0
        for n, (factor, factor_d) in enumerate(zip(factors, factors_d, strict=True)):
            sizes, turned = (
                factor.T @ factor + mode_gram(core, core, n),
                factor.T @ factor_d + mode_gram(core, core_d, n),
            )
            turned = turned + turned.T
            first += float(np.vdot(factor_d, factor @ sizes) + np.vdot(core_d, mode_product(core, sizes, n)))
            second += float(np.vdot(factor_d, factor_d @ sizes + factor @ turned))
            second += float(np.vdot(core_d, mode_product(core_d, sizes, n) + mode_product(core, turned, n)))
        rounding = 8 * self.strength * gamma(4 * theta.size + 32, theta.dtype)
        return rounding * first, rounding * second

    def _excesses(self, core: Matrix, factors: Sequence[Matrix]) -> list[Matrix]:
        return [factor.T @ factor - mode_gram(core, core, n) for n, factor in enumerate(factors)]

    def _split(self, theta: Vector) -> tuple[Matrix, tuple[Matrix, ...]]:
        parts = TuckerTensor.of_point(theta, self.shape, self.ranks)
        return parts.core, parts.factors
