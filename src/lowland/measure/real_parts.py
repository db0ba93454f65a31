"""`RealParts`: complex measurements as real numbers, as problems store their data."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.complex_views import as_complexes, as_reals
from lowland.core.error_free import Close
from lowland.core.errors import UnsupportedError
from lowland.core.promises.protocols import (
    HasNormBound,
    HasRoundingBounds,
    LinearMap,
    Measurement,
    MeasuresClosely,
    Subsettable,
    bounds_rounding,
    in_double,
)
from lowland.core.results.records import Factors


@final
class RealParts:
    """Real measurements of a complex matrix, a real-linear map.

    Parameters
    ----------
    base : Measurement
        Complex.
    both : bool
        Whether real and imaginary parts are measured, in turn; otherwise only the real parts, which
        suffice if X and the measuring matrices are Hermitian.
    """

    base: Measurement
    both: bool

    def __init__(self, base: Measurement, *, both: bool) -> None:
        self.base, self.both = base, both
        self.shape: tuple[int, int] = base.shape
        self.size: int = base.size * (2 if both else 1)
        self.dtype: np.dtype[Any] = base.dtype

    def measure(self, factors: Factors) -> Vector:
        """Return the real numbers of left right^H."""
        return self._parts(self.base.measure(factors))

    def measure_matrix(self, matrix: Matrix) -> Vector:
        """Return the real numbers of a dense matrix."""
        return self._parts(self.base.measure_matrix(matrix))

    def adjoint(self, weights: Vector) -> LinearMap:
        """Return the adjoint in the inner product Re tr(X^H Y)."""
        return self.base.adjoint(as_complexes(weights) if self.both else np.asarray(weights))

    def in_double(self) -> RealParts:
        """Return the same parts of the base in double precision."""
        base = in_double(self.base)
        return self if base is self.base else RealParts(base, both=self.both)

    @property
    def can_subset(self) -> bool:
        """Whether `subset` works: a base with subsets."""
        return isinstance(self.base, Subsettable)

    def subset(self, keep: Indices) -> RealParts:
        """Return the measurements at the positions `keep`; of complex numbers both parts, in turn."""
        if not isinstance(self.base, Subsettable):
            raise UnsupportedError("these measurements have no subsets", type(self.base).__name__)
        if not self.both:
            return RealParts(self.base.subset(keep), both=False)
        numbers = keep[::2] // 2
        if not np.array_equal(keep, pairs(numbers)):
            raise UnsupportedError("parts of complex numbers cannot be told apart", f"{keep.size} positions")
        return RealParts(self.base.subset(numbers), both=True)

    @property
    def bounds_rounding(self) -> bool:
        """Whether the base bounds its rounding errors."""
        return bounds_rounding(self.base)

    def squared_norm_bound(self) -> float:
        """Return the base's bound: real parts are no larger than the complex numbers."""
        return self.base.squared_norm_bound() if isinstance(self.base, HasNormBound) else float("inf")

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on the rounding error of `measure`."""
        if not isinstance(self.base, HasRoundingBounds):
            raise UnsupportedError("no bounds on rounding errors are available", type(self.base).__name__)
        error = self.base.measure_error(factors)
        return np.repeat(error, 2) if self.both else error

    def measure_closely(self, factors: Factors) -> Close | None:
        """Return the real numbers with twice the digits, if the base does."""
        found = self.base.measure_closely(factors) if isinstance(self.base, MeasuresClosely) else None
        if found is None:
            return None
        error = np.repeat(found.error, 2) if self.both else found.error
        return Close(self._parts(found.high), self._parts(found.low), error)

    def adjoint_error(self, weights: Vector) -> float:
        """Return a bound on the Frobenius norm of the rounding error of `adjoint(weights)`."""
        if not isinstance(self.base, HasRoundingBounds):
            raise UnsupportedError("no bounds on rounding errors are available", type(self.base).__name__)
        return self.base.adjoint_error(as_complexes(weights) if self.both else weights)

    def _parts(self, numbers: Matrix) -> Vector:
        if self.both:
            return as_reals(numbers + 0j if not np.iscomplexobj(numbers) else numbers)
        return np.ascontiguousarray(numbers.real)


def pairs(numbers: Indices) -> Indices:
    """Return the positions of both parts of complex numbers."""
    return (2 * numbers[:, None] + np.arange(2)).ravel()
