"""Measurements with exactly known matrices, for which ranks can be computed modulo primes.

An operator gains exact ranks, and so proofs of determinacy, by offering `exact`: itself, or the measurement
that it was made from, with `modular_times` and `exactness`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.protocols import Measurement
from lowland.kernels.modular_arithmetic.residues import Residues


@final
@dataclass(frozen=True, eq=False)
class Exactness:
    """Known properties of measuring matrices.

    Parameters
    ----------
    is_hermitian : bool
        Whether all matrices are known to be Hermitian.
    holds_matrices : bool
        Whether they are stored number by number, so that sparse factors save much work.
    numbers : tuple of ndarray
        The numbers that define them; fractions among them may have been rounded.
    """

    is_hermitian: bool = False
    holds_matrices: bool = False
    numbers: tuple[Matrix, ...] = ()

    @property
    def has_fractions(self) -> bool:
        """Whether some numbers are not whole."""
        # one matrix at a time: the first one usually decides
        return any(
            bool(np.any(np.mod(part, 1)))
            for array in self.numbers
            for row in array
            for part in ((row.real, row.imag) if np.iscomplexobj(row) else (row,))
        )


class ExactMatrices(Measurement, Protocol):
    """A measurement with exactly known matrices A_k: floats are fractions."""

    @property
    def exactness(self) -> Exactness:
        """Known properties of the matrices."""

    def modular_times(self, block: Residues, *, turned: bool = False) -> Residues:
        """Return A_k V, or A_k^H U if `turned`, of every measuring matrix; shape (p, side, r).

        Parameters
        ----------
        block : Residues, shape (n, r)
            V; or U, shape (m, r).
        turned : bool
            Whether the adjoints are applied.
        """

    def entry_sizes(self) -> Vector:
        """Return the largest absolute entry of every matrix, in floats, shape (p,)."""

    def in_floats(self) -> Matrix:
        """Return the matrices in floats, shape (p, m, n)."""


@runtime_checkable
class HasExactMatrices(Protocol):
    """A measurement that may know its matrices exactly."""

    @property
    def exact(self) -> ExactMatrices | None:
        """The same measurement with its matrices as given; None if they are not known."""


def exact_matrices(measurement: object) -> ExactMatrices | None:
    """Return the matrices of a measurement, or None if they are not known exactly."""
    return measurement.exact if isinstance(measurement, HasExactMatrices) else None
