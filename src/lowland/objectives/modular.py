"""Jacobians of measurements at random integer factors, modulo a prime.

For X = U V^H and measuring matrices A_k the derivative of <A_k, X> is <A_k V, dU> + <dV, A_k^H U>: all
that a measurement must give is what its matrices make of a block of integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.powers import ModularJacobian
from lowland.core.protocols import Measurement, Model, Subsettable
from lowland.core.work import CALL
from lowland.kernels.modular import Array
from lowland.measure import Dense, Entries, Pauli, RankOne, RealParts, Stacked
from lowland.models import General, Psd
from lowland.objectives.residues import Residues

# most residues of a Jacobian, beyond which it is not formed
LARGEST = 200_000_000
# rows beyond the rank that sparse factors have
SPARE_ROWS = 2


def make_modular_jacobian(measurement: Measurement, model: Model) -> ModularJacobian | None:
    """Return the modular Jacobian of a pair, or None where it is not to be had.

    Real general matrices seen entry by entry have a sparse one of their own (`certify.identifiability`).
    """
    if isinstance(model, General) and (model.biases or isinstance(measurement, Entries)):
        return None
    if not _is_exact(measurement) or measurement.size * model.factor_size > LARGEST:
        return None
    return ExactJacobian(measurement, model)


@final
@dataclass(frozen=True, eq=False)
class ExactJacobian:
    """The Jacobian of measurements whose matrices are known exactly: floats are fractions.

    Parameters
    ----------
    measurement : Measurement
    model : Model
    """

    measurement: Measurement
    model: Model

    @property
    def expected_rank(self) -> int:
        """Degrees of freedom; one more of unit trace, for the trace is a row then."""
        return self.model.degrees_of_freedom + self._fixes_trace

    @property
    def has_fractions(self) -> bool:
        """Whether numbers of the measuring matrices may have been rounded: not all are whole."""
        return _has_fractions(self.measurement)

    @property
    def rows(self) -> int:
        """Number of measurements in real numbers."""
        return self.measurement.size

    @property
    def unknowns(self) -> int:
        """Number of real numbers in the factors."""
        return self.model.factor_size

    @property
    def holds_matrices(self) -> bool:
        """Whether measuring matrices are stored number by number."""
        return _holds_matrices(self.measurement)

    def work(self, rows: int, *, few: bool = False) -> float:
        """Return the work of `matrix` with so many rows."""
        (m, n), r = self.model.shape, self.model.rank
        held = float(m * n) if _holds_matrices(self.measurement) else 4.0 * (m + n)
        if few:
            held = float((m + n) * (r + SPARE_ROWS))
        each = held * (40 + r / 4) + 8 * (m + n) * r
        return CALL * 10 + rows * each * (4 if self.model.is_complex else 1)

    @property
    def _fixes_trace(self) -> bool:
        return isinstance(self.model, Psd) and self.model.unit_trace

    def matrix(
        self, prime: int, rng: np.random.Generator, most: int | None = None, *, few: bool = False
    ) -> Array:
        """Return residues modulo `prime` at a random point, shape (p, unknowns), or some of the rows.

        With `few`, factors are zero but for a few random rows, so that little is read of given matrices. A
        rank there is no higher than at almost all points, so a full one still is a proof.
        """
        measurement = self.measurement if most is None else _some(self.measurement, most, rng)
        symmetric = isinstance(self.model, Psd)
        (m, n), r, is_complex = self.model.shape, self.model.rank, self.model.is_complex
        u = Residues.random((m, r), prime, rng, is_complex=is_complex)
        v = u if symmetric else Residues.random((n, r), prime, rng, is_complex=is_complex)
        if few:
            u = u.keeping(rng.choice(m, min(m, r + SPARE_ROWS), replace=False))
            v = u if symmetric else v.keeping(rng.choice(n, min(n, r + SPARE_ROWS), replace=False))
        for_u = _times(measurement, v)
        same = symmetric and _is_hermitian(measurement)
        for_v = for_u if same else _times(measurement, u, turned=True)
        if self._fixes_trace:
            whole = u.rearranged(lambda part: part[None])
            for_u, for_v = Residues.stack([for_u, whole]), Residues.stack([for_v, whole])
        rows = [_real_rows(for_u, for_v, symmetric=symmetric, is_complex=is_complex)]
        if isinstance(measurement, RealParts) and measurement.both:
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


def _is_exact(measurement: Measurement) -> bool:
    if isinstance(measurement, RealParts):
        return _is_exact(measurement.base)
    if isinstance(measurement, Stacked):
        return all(_is_exact(part) for part in measurement.parts)
    if isinstance(measurement, RankOne):
        return measurement.bounds_rounding  # of vectors, not of operators
    return isinstance(measurement, Dense | Entries | Pauli)


def _is_hermitian(measurement: Measurement) -> bool:
    """Whether every measuring matrix is known to be Hermitian, so that both halves are the same."""
    if isinstance(measurement, RealParts):
        return _is_hermitian(measurement.base)
    if isinstance(measurement, RankOne):
        return measurement.left is measurement.right
    if isinstance(measurement, Dense):
        return measurement.source.symmetric and measurement.source.dtype.kind != "c"
    return isinstance(measurement, Pauli)


def _holds_matrices(measurement: Measurement) -> bool:
    """Whether the measuring matrices are stored number by number."""
    if isinstance(measurement, RealParts):
        return _holds_matrices(measurement.base)
    if isinstance(measurement, Stacked):
        return any(_holds_matrices(part) for part in measurement.parts)
    return isinstance(measurement, Dense)


def _has_fractions(measurement: Measurement) -> bool:
    if isinstance(measurement, RealParts):
        return _has_fractions(measurement.base)
    if isinstance(measurement, Stacked):
        return any(_has_fractions(part) for part in measurement.parts)
    held = []
    if isinstance(measurement, RankOne):
        held = [measurement.left.rows, measurement.right.rows]
    if isinstance(measurement, Dense):
        held = [measurement.source.arrays]
    # a matrix at a time: mostly the first one tells
    return any(
        bool(np.any(np.mod(part, 1)))
        for array in held
        for row in array
        for part in ((row.real, row.imag) if np.iscomplexobj(row) else (row,))
    )


def _some(measurement: Measurement, most: int, rng: np.random.Generator) -> Measurement:
    """Return some measurements at random, all of those that cannot be taken apart."""
    if isinstance(measurement, RealParts):
        inner = _some(measurement.base, -(-most // 2) if measurement.both else most, rng)
        return RealParts(inner, both=measurement.both)
    source = measurement.source if isinstance(measurement, Dense) else measurement
    if not isinstance(source, Subsettable) or most >= source.size:
        return source
    return source.subset(rng.choice(source.size, most, replace=False))


def _times(measurement: Measurement, block: Residues, *, turned: bool = False) -> Residues:
    """Return A_k V, or A_k^H U if `turned`, of every measuring matrix; shape (p, side, r)."""
    prime = block.prime
    if isinstance(measurement, RealParts):
        return _times(measurement.base, block, turned=turned)
    if isinstance(measurement, Stacked):
        return Residues.stack([_times(part, block, turned=turned) for part in measurement.parts])
    if isinstance(measurement, RankOne):
        ends = [Residues.of(side.rows, prime) for side in (measurement.left, measurement.right)]
        ours, theirs = reversed(ends) if turned else ends  # rows are conjugates of the vectors
        seen = (theirs @ block).rearranged(lambda part: part[:, None, :])
        return ours.conj().rearranged(lambda part: part[:, :, None]) * seen
    if isinstance(measurement, Pauli):
        return _times_words(measurement, block)
    if isinstance(measurement, Entries):
        return _times_units(measurement, block, turned=turned)
    if isinstance(measurement, Dense):
        given = measurement.source.arrays
        if block.support is not None:  # rows of zeros see nothing
            given = given[:, block.support] if turned else given[:, :, block.support]
            block = block.supported()
        arrays = Residues.of(given, prime)
        if turned:
            arrays = arrays.conj().rearranged(lambda part: np.ascontiguousarray(part.transpose(0, 2, 1)))
        p, side, other = arrays.real.shape
        product = arrays.rearranged(lambda part: part.reshape(p * side, other)) @ block
        return product.rearranged(lambda part: part.reshape(p, side, -1))
    raise TypeError(type(measurement).__name__)


def _times_words(measurement: Pauli, block: Residues) -> Residues:
    """Return what Pauli words make of a block: rows exchanged, with signs and a power of -i."""
    flips, signs, count = measurement.masks
    at = np.arange(measurement.shape[0])
    # the parity of the bits that at and a word's signs share
    shared = at & signs[:, None]
    for shift in (32, 16, 8, 4, 2, 1):
        shared = shared ^ (shared >> shift)
    minus = 1.0 - 2.0 * (shared & 1)
    powers = np.array([1, -1j, -1, 1j])[count % 4][:, None] * minus
    factors = Residues.of(powers, block.prime).rearranged(lambda part: part[:, :, None])
    return factors * block.rearranged(lambda part: part[at ^ flips[:, None]])


def _times_units(measurement: Entries, block: Residues, *, turned: bool) -> Residues:
    """Return what matrices with a single one make of a block: one row put in another place."""
    ours, theirs = measurement.rows, measurement.columns
    side = measurement.shape[0]
    if turned:
        ours, theirs, side = theirs, ours, measurement.shape[1]

    def place(part: Array) -> Array:
        out = np.zeros((ours.size, side, part.shape[1]))
        out[np.arange(ours.size), ours] = part[theirs]
        return out

    return block.rearranged(place)
