"""Jacobians of measurements at random integer factors, modulo a prime.

For X = U V^H and measuring matrices A_k the derivative of <A_k, X> is <A_k V, dU> + <dV, A_k^H U>: a
measurement only has to multiply its matrices by a block of integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.promises.powers import ModularJacobian
from lowland.core.promises.protocols import Measurement, Model, Subsettable
from lowland.core.work import CALL
from lowland.kernels.modular_arithmetic.modular import Array
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.measure import Entries, RealParts
from lowland.measure.exact import ExactMatrices, exact_matrices
from lowland.models import General
from lowland.objectives.measuring_matrices import MOST_RESIDUES

# nonzero rows of sparse factors beyond the rank
SPARE_ROWS = 2


def make_modular_jacobian(measurement: Measurement, model: Model) -> ModularJacobian | None:
    """Return the modular Jacobian of a measurement and a model, or None if it is not available.

    Observed entries of general matrices have their own sparse one (`certify.identifiability`).
    """
    if isinstance(model, General) and (model.biases or isinstance(measurement, Entries)):
        return None
    return (
        exact_jacobian(measurement, model) if measurement.size * model.factor_size <= MOST_RESIDUES else None
    )


def exact_jacobian(measurement: Measurement, model: Model) -> ExactJacobian | None:
    """Return the Jacobian if the measuring matrices are known exactly, whatever its size; else None."""
    both = isinstance(measurement, RealParts) and measurement.both
    exact = exact_matrices(measurement.base if isinstance(measurement, RealParts) else measurement)
    return None if exact is None else ExactJacobian(exact, model, both=both)


@final
@dataclass(frozen=True, eq=False)
class ExactJacobian:
    """The Jacobian of measurements whose matrices are known exactly: floats are fractions.

    Parameters
    ----------
    measurement : ExactMatrices
    model : Model
    both : bool
        Whether real and imaginary parts of complex numbers are measured, in turn; else only the real parts.
    """

    measurement: ExactMatrices
    model: Model
    both: bool = False

    @property
    def expected_rank(self) -> int:
        """Degrees of freedom; one more with unit trace, because the trace is then a row."""
        return self.model.degrees_of_freedom + self.model.has_unit_trace

    @property
    def has_fractions(self) -> bool:
        """Whether numbers in the measuring matrices may have been rounded: not all are whole."""
        return self.measurement.exactness.has_fractions

    @property
    def rows(self) -> int:
        """Number of real measurements."""
        return self.measurement.size * (2 if self.both else 1)

    @property
    def unknowns(self) -> int:
        """Number of real numbers in the factors."""
        return self.model.factor_size

    @property
    def holds_matrices(self) -> bool:
        """Whether measuring matrices are stored number by number."""
        return self.measurement.exactness.holds_matrices

    def work(self, rows: int, *, few: bool = False) -> float:
        """Return the work of `matrix` with a given number of rows."""
        (m, n), r = self.model.shape, self.model.rank
        held = float(m * n) if self.holds_matrices else 4.0 * (m + n)
        if few:
            held = float((m + n) * (r + SPARE_ROWS))
        each = held * (40 + r / 4) + 8 * (m + n) * r
        return CALL * 10 + rows * each * (4 if self.model.is_complex else 1)

    def matrix(
        self, prime: int, rng: np.random.Generator, most: int | None = None, *, few: bool = False
    ) -> Array:
        """Return residues modulo `prime` at a random point, shape (p, unknowns), or some of the rows.

        With `few`, factors are zero except for a few random rows, so that little of the stored matrices is
        read. The rank there is no higher than at almost all points, so a full rank is still a proof.
        """
        each = most if most is None or not self.both else -(-most // 2)
        measurement, symmetric = _random_matrices(self.measurement, each, rng), self.model.is_psd
        (m, n), r, is_complex = self.model.shape, self.model.rank, self.model.is_complex
        u = Residues.random((m, r), prime, rng, is_complex=is_complex)
        v = u if symmetric else Residues.random((n, r), prime, rng, is_complex=is_complex)
        if few:
            u = u.keeping(rng.choice(m, min(m, r + SPARE_ROWS), replace=False))
            v = u if symmetric else v.keeping(rng.choice(n, min(n, r + SPARE_ROWS), replace=False))
        for_u = measurement.modular_times(v)
        same = symmetric and measurement.exactness.is_hermitian
        for_v = for_u if same else measurement.modular_times(u, turned=True)
        if self.model.has_unit_trace:
            whole = u.rearranged(lambda part: part[None])
            for_u, for_v = Residues.stack([for_u, whole]), Residues.stack([for_v, whole])
        rows = [_real_rows(for_u, for_v, symmetric=symmetric, is_complex=is_complex)]
        if self.both:
            rows.append(_imaginary_rows(for_u, for_v, symmetric=symmetric))
        return np.mod(np.concatenate(rows), prime)


def _real_rows(w: Residues, b: Residues, *, symmetric: bool, is_complex: bool) -> Array:
    """Return the derivatives of Re(<W, dU> + <dV, B>) by the real numbers in U and V."""
    parts = [w.real, b.real]
    if is_complex:
        parts = [w.real, w.imaginary_part, b.real, b.imaginary_part]
    return _joined(parts, symmetric=symmetric)


def _imaginary_rows(w: Residues, b: Residues, *, symmetric: bool) -> Array:
    """Return the derivatives of Im(<W, dU> + <dV, B>)."""
    return _joined([-w.imaginary_part, w.real, b.imaginary_part, -b.real], symmetric=symmetric)


def _joined(parts: list[Array], *, symmetric: bool) -> Array:
    flat = [part.reshape(len(part), -1) for part in parts]
    if not symmetric:
        return np.hstack(flat)
    half = len(flat) // 2  # dU and dV are the same
    return np.hstack([a + b for a, b in zip(flat[:half], flat[half:], strict=True)])


def _random_matrices(exact: ExactMatrices, most: int | None, rng: np.random.Generator) -> ExactMatrices:
    """Return a random subset of the matrices; all of them if the measurement cannot be split."""
    if most is None or most >= exact.size or not isinstance(exact, Subsettable):
        return exact
    return exact_matrices(exact.subset(rng.choice(exact.size, most, replace=False))) or exact
