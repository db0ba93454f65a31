"""The Jacobian of cells of a Tucker tensor at random integer points, modulo a prime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.kernels.modular_arithmetic.modular import Array
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.tucker.model import Tucker


@final
@dataclass(frozen=True, eq=False)
class TuckerJacobian:
    """Derivatives of listed cells in core and factors, exact modulo a prime.

    Parameters
    ----------
    data : TensorObservations
        Only the positions of its cells are used.
    model : Tucker
    """

    data: TensorObservations
    model: Tucker
    has_fractions: ClassVar[bool] = False
    holds_matrices: ClassVar[bool] = False

    @property
    def rows(self) -> int:
        """Number of known cells."""
        return self.data.size

    @property
    def unknowns(self) -> int:
        """Number of entries of core and factors."""
        return self.model.size

    def work(self, rows: int, *, few: bool = False) -> float:
        """Return the work of `matrix` with a given number of rows; sparse factors would save nothing."""
        return 4.0 * rows * self.model.size

    @property
    def expected_rank(self) -> int:
        """Degrees of freedom of the model."""
        return self.model.degrees_of_freedom

    def matrix(
        self, prime: int, rng: np.random.Generator, most: int | None = None, *, few: bool = False
    ) -> Array:
        """Return residues modulo `prime`, shape (p, unknowns), or at most `most` random rows of them.

        A cell depends on one row of each factor, so `few` makes no difference.
        """
        at = self.data.drawn_positions(rng, most)
        core = rng.integers(0, prime, self.model.ranks).astype(np.int64)
        sides = zip(self.model.shape, self.model.ranks, strict=True)
        factors = [rng.integers(0, prime, (length, rank)).astype(np.int64) for length, rank in sides]
        rows = [factor[at[:, n]] for n, factor in enumerate(factors)]
        p = len(at)
        kron = np.ones((p, 1), np.int64)  # Kronecker product of the factors' rows: the derivative in the core
        for row in rows:
            kron = (kron[:, :, None] * row[:, None, :] % prime).reshape(p, -1)
        blocks = [kron]
        for n, factor in enumerate(factors):
            slopes = _contracted(core, rows, n, prime)
            block = np.zeros((p, factor.shape[0], factor.shape[1]), np.int64)
            block[np.arange(p), at[:, n]] = slopes
            blocks.append(block.reshape(p, -1))
        return np.concatenate(blocks, axis=1).astype(np.float64)


def _contracted(
    core: NDArray[np.int64], rows: list[NDArray[np.int64]], mode: int, prime: int
) -> NDArray[np.int64]:
    """Return the core contracted with every cell's rows in all modes but one, shape (p, r_mode)."""
    moved = np.moveaxis(core, mode, 0)
    others = [row for n, row in enumerate(rows) if n != mode]
    part = np.broadcast_to(moved.reshape(1, -1), (len(rows[0]), core.size))
    for row in reversed(others):  # the last mode first
        stack = part.reshape(len(row), -1, row.shape[1])
        part = np.zeros(stack.shape[:2], np.int64)
        for k in range(row.shape[1]):  # products stay below 2^46
            part = (part + stack[:, :, k] * row[:, None, k]) % prime
    return part.reshape(len(rows[0]), -1)
