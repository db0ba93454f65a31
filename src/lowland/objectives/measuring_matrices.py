"""The measuring matrices as judges read them: how many numbers are stored, their size and exactness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.protocols import HasNormBound, Measurement, Model
from lowland.measure import Dense


@final
@dataclass(frozen=True, eq=False)
class MeasuringMatrices:
    """The matrices A_k of a measurement <A_k, X>, of matrices X of a model.

    Parameters
    ----------
    measurement : Measurement
    model : Model
    """

    measurement: Measurement
    model: Model

    @property
    def stored_numbers(self) -> int:
        """Number of stored numbers, 0 if the matrices are not stored."""
        return self.measurement.stored_numbers if isinstance(self.measurement, Dense) else 0

    @property
    def are_single(self) -> bool:
        """Whether the measurement computes in single precision."""
        return np.dtype(self.measurement.dtype).itemsize < (16 if self.model.is_complex else 8)

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2, infinite if none is known."""
        measurement = self.measurement
        return measurement.squared_norm_bound() if isinstance(measurement, HasNormBound) else float("inf")

    def rows(self) -> Matrix | None:
        """Return the stored matrices, each read row by row, shape (p, m n); None if not stored."""
        if not isinstance(self.measurement, Dense):
            return None
        arrays = self.measurement.source.arrays
        return arrays.reshape(len(arrays), int(np.prod(self.model.shape)))

    def coordinates(self) -> Matrix | None:
        """Return the matrices as rows, in an orthonormal basis of the space of matrices; None if not stored.

        For positive semidefinite models that is a basis of the symmetric matrices.
        """
        if not isinstance(self.measurement, Dense):
            return None
        if self.model.is_psd and self.measurement.symmetric:
            return self.measurement.symmetric_coordinates()
        return self.rows()

    def exact_rows(self) -> Matrix | None:
        """Return the matrices as rows of exact floats, one per measurement; None if not stored.

        For symmetric models a row holds the coefficients of the lower triangle.
        """
        if not isinstance(self.measurement, Dense):
            return None
        # for symmetric models A_ij + A_ji may round, so coefficients are exact only if the matrices are
        # symmetric; the factor 2 off the diagonal does not change the rank
        source = self.measurement.source
        if self.model.is_psd:
            return source.triangles
        return source.arrays.reshape(source.size, int(np.prod(self.model.shape)))
