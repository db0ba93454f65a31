"""The measuring matrices as judges read them: how many numbers are stored, their size and exactness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.protocols import HasNormBound, Measurement, Model
from lowland.kernels.modular_arithmetic.modular import Array
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.measure import Dense, RealParts
from lowland.measure.exact import ExactMatrices, exact_matrices

# more residues are not formed
MOST_RESIDUES = 200_000_000


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

    @property
    def dimension(self) -> int:
        """Dimension in real numbers of the space of matrices of the model, low-rank or not."""
        (m, n), parts = self.model.shape, 1 + self.model.is_complex
        return (n * n if self.model.is_complex else n * (n + 1) // 2) if self.model.is_psd else m * n * parts

    def residues(self, prime: int) -> Array | None:
        """Return the matrices modulo a prime, as rows of real coordinates; None if not known exactly.

        A fixed trace is the last row. The rank of the rows modulo the prime is at most that of the matrices.
        """
        (exact, both), (m, n) = self._exact, self.model.shape
        if exact is None or exact.size * m * n * (2 if both else 1) > MOST_RESIDUES:
            return None
        residues = exact.modular_times(Residues.of(np.eye(n), prime))
        rows = [self._coordinates(residues.real, residues.imaginary_part)]
        if both:  # i times the matrices
            rows.append(self._coordinates(-residues.imaginary_part, residues.real))
        return np.asarray(np.mod(np.concatenate([*rows, *self._trace()]), prime))

    def smallest_share(self) -> float:
        """Return the smallest singular value of those rows in floats, for matrices of largest entry one.

        Where it is negligible, a full rank of the exact numbers may be due to their last digits. Whole
        numbers have none: 1. What a matrix leaves of itself on the space of the model, such as the symmetric
        part of a skew one, is not scaled up: it may be rounding alone.
        """
        exact, both = self._exact
        if exact is None or not exact.exactness.has_fractions:
            return 0.0 if exact is None else 1.0
        with np.errstate(over="ignore", invalid="ignore"):
            made, sizes = exact.in_floats(), exact.entry_sizes()
        if not np.isfinite(sizes).all():
            return 0.0
        made = made[sizes > 0] / sizes[sizes > 0, None, None]
        rows = [self._coordinates(made.real, made.imag)]
        if both:
            rows.append(self._coordinates(-made.imag, made.real))
        table = np.concatenate([*rows, *self._trace()])
        values = np.linalg.eigvalsh(table.T @ table)
        return float(np.sqrt(max(values[0], 0.0) / max(values[-1], 1.0)))

    def sizes(self) -> Vector:
        """Return the largest entry of each measuring matrix, once for each datum; 1 where it is not known."""
        exact, both = self._exact
        if exact is None:
            return np.ones(self.measurement.size)
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = exact.entry_sizes()
        sizes = np.where(np.isfinite(sizes) & (sizes > 0), sizes, 1.0)
        return np.repeat(sizes, 2) if both else sizes

    @property
    def _exact(self) -> tuple[ExactMatrices | None, bool]:
        """The measurement with exactly known matrices, and whether imaginary parts are measured too."""
        whole = self.measurement
        if isinstance(whole, RealParts):
            return exact_matrices(whole.base), whole.both
        return exact_matrices(whole), False

    def _coordinates(self, real: Array, imaginary: Array) -> Array:
        """Return the coordinates of matrices on the space of the model, one row per matrix."""
        parts = [real, imaginary] if self.model.is_complex else [real]
        if not self.model.is_psd:
            return np.hstack([part.reshape(len(part), part.shape[1] * part.shape[2]) for part in parts])
        # X is Hermitian: only the Hermitian part of a matrix counts
        below = (np.tril_indices(real.shape[1], -k) for k in range(len(parts)))
        turned = [part + (1 - 2 * k) * part.transpose(0, 2, 1) for k, part in enumerate(parts)]
        return np.hstack([part[:, i, j] for part, (i, j) in zip(turned, below, strict=True)])

    def _trace(self) -> list[Array]:
        if not self.model.has_unit_trace:
            return []
        unit = np.eye(self.model.shape[0])[None]
        return [self._coordinates(unit, np.zeros_like(unit))]
