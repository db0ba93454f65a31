"""Measurements whose matrices are known exactly, so that ranks can be decided modulo primes.

An operator gains exact ranks, and with them proofs of determinacy, by offering `exact`: itself, or what it
was made from, with `modular_times` and `exactness`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.protocols import Measurement
from lowland.kernels.residues import Residues


@final
@dataclass(frozen=True, eq=False)
class Exactness:
    """What is known of measuring matrices.

    Parameters
    ----------
    is_hermitian : bool
        Whether all are known to be Hermitian.
    holds_matrices : bool
        Whether they are stored number by number, so that sparse factors save much.
    numbers : tuple of ndarray
        The numbers that they are made from; fractions among them may have been rounded.
    """

    is_hermitian: bool = False
    holds_matrices: bool = False
    numbers: tuple[Matrix, ...] = ()

    @property
    def has_fractions(self) -> bool:
        """Whether not all numbers are whole."""
        # a matrix at a time: mostly the first one tells
        return any(
            bool(np.any(np.mod(part, 1)))
            for array in self.numbers
            for row in array
            for part in ((row.real, row.imag) if np.iscomplexobj(row) else (row,))
        )


class ExactMatrices(Measurement, Protocol):
    """A measurement with measuring matrices A_k that are known exactly: floats are fractions."""

    @property
    def exactness(self) -> Exactness:
        """What is known of the matrices."""

    def modular_times(self, block: Residues, *, turned: bool = False) -> Residues:
        """Return A_k V, or A_k^H U if `turned`, of every measuring matrix; shape (p, side, r).

        Parameters
        ----------
        block : Residues, shape (n, r)
            V; or U, shape (m, r).
        turned : bool
            Whether the adjoints are applied.
        """


@runtime_checkable
class HasExactMatrices(Protocol):
    """A measurement that may know its matrices exactly."""

    @property
    def exact(self) -> ExactMatrices | None:
        """The same measurement, its matrices as they were given; None where they are not known."""


def exact_matrices(measurement: object) -> ExactMatrices | None:
    """Return the matrices of a measurement, or None where they are not known exactly."""
    return measurement.exact if isinstance(measurement, HasExactMatrices) else None
