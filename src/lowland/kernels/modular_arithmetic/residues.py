"""Arrays of real or Gaussian integers modulo a prime, exact in floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.kernels.modular_arithmetic import modular
from lowland.kernels.modular_arithmetic.modular import Array


@final
@dataclass(frozen=True, eq=False)
class Residues:
    """Numbers a + i b with a and b modulo a prime; without b they are real.

    Parameters
    ----------
    real : ndarray of float64
    imaginary : ndarray of float64, or None
    prime : int
    support : ndarray of int, or None
        The nonzero rows, if only some can be nonzero; derived arrays do not keep it.
    """

    real: Array
    imaginary: Array | None
    prime: int
    support: NDArray[np.intp] | None = None

    @classmethod
    def of(cls, numbers: Matrix, prime: int) -> Residues:
        """Return the residues of floats, each taken as the exact fraction it represents."""
        if np.iscomplexobj(numbers):
            return cls(modular.residues(numbers.real, prime), modular.residues(numbers.imag, prime), prime)
        return cls(modular.residues(numbers, prime), None, prime)

    @classmethod
    def random(
        cls, shape: tuple[int, ...], prime: int, rng: np.random.Generator, *, is_complex: bool
    ) -> Residues:
        """Draw uniform residues."""
        parts = [rng.integers(0, prime, shape).astype(np.float64) for _ in range(1 + is_complex)]
        return cls(parts[0], parts[1] if is_complex else None, prime)

    def keeping(self, rows: NDArray[np.intp]) -> Residues:
        """Return the array with all other rows zero."""
        kept = np.zeros(len(self.real))
        kept[rows] = 1.0
        imaginary = None if self.imaginary is None else self.imaginary * kept[:, None]
        return Residues(self.real * kept[:, None], imaginary, self.prime, np.sort(rows))

    def supported(self) -> Residues:
        """Return the rows that are not zero."""
        rows = slice(None) if self.support is None else self.support
        return Residues(self.real[rows], None if self.imaginary is None else self.imaginary[rows], self.prime)

    @classmethod
    def stack(cls, parts: Sequence[Residues]) -> Residues:
        """Return arrays one after the other along the first axis."""
        real = np.concatenate([part.real for part in parts])
        if all(part.imaginary is None for part in parts):
            return cls(real, None, parts[0].prime)
        return cls(real, np.concatenate([part.imaginary_part for part in parts]), parts[0].prime)

    @property
    def imaginary_part(self) -> Array:
        """The imaginary parts, zeros where all are real."""
        return np.zeros_like(self.real) if self.imaginary is None else self.imaginary

    def __matmul__(self, other: Residues) -> Residues:
        """Return the product of two matrices."""
        return self._product(other, lambda a, b: modular.multiply(a, b, self.prime))

    def __mul__(self, other: Residues) -> Residues:
        """Return the elementwise product, with broadcasting."""
        return self._product(other, lambda a, b: np.mod(a * b, self.prime))

    def conj(self) -> Residues:
        """Return the conjugates."""
        if self.imaginary is None:
            return self
        return Residues(self.real, np.mod(-self.imaginary, self.prime), self.prime)

    def rearranged(self, change: Callable[[Array], Array]) -> Residues:
        """Return the array with both parts rearranged."""
        moved = None if self.imaginary is None else change(self.imaginary)
        return Residues(change(self.real), moved, self.prime)

    def _product(self, other: Residues, times: Callable[[Array, Array], Array]) -> Residues:
        real = times(self.real, other.real)
        crossed = []
        if self.imaginary is not None:
            crossed.append(times(self.imaginary, other.real))
        if other.imaginary is not None:
            crossed.append(times(self.real, other.imaginary))
        if self.imaginary is not None and other.imaginary is not None:
            real = np.mod(real - times(self.imaginary, other.imaginary), self.prime)
        imaginary = np.mod(sum(crossed), self.prime) if crossed else None
        return Residues(real, imaginary, self.prime)
