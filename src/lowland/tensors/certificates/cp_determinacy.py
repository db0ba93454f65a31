"""Whether the known cells leave finitely many sets of components: exact ranks of the Jacobian modulo a prime.

With the scales of columns fixed, R components have R (sum of lengths - N + 1) degrees of freedom. Where the
Jacobian of the known cells has that rank at generic components, only finitely many sets have the same cells;
where it has less, such sets come in continuous families.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lowland.certificates.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.results.findings import Finding
from lowland.kernels.modular_arithmetic.modular import Array
from lowland.tensors.capabilities import ComponentsFit
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.certificates.determinacy import judge_generic_rank

CLAIM = "components_determined"


def judge_components(objective: ComponentsFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether only finitely many sets of components have the known cells.

    Parameters
    ----------
    objective : ComponentsFit
        Only its number of components and the positions of its cells are used.
    theta : ndarray, shape (size,)
        Not used: the claim is about generic components.
    given : Judgement
        The largest size of an exact rank computation, and the budget.

    Returns
    -------
    list of Finding
        PROVED by a full rank, REFUTED by counting or by deficient ranks modulo two primes.
    """
    jacobian = CPJacobian(objective.data, objective.shape, objective.components)
    return [judge_generic_rank(CLAIM, jacobian, given)]


@final
@dataclass(frozen=True, eq=False)
class CPJacobian:
    """Derivatives of listed cells in the factors at random integer points, exact modulo a prime.

    Parameters
    ----------
    data : TensorObservations
        Only the positions of its cells are used.
    shape : tuple of int
    rank : int
    """

    data: TensorObservations
    shape: tuple[int, ...]
    rank: int
    has_fractions: ClassVar[bool] = False
    holds_matrices: ClassVar[bool] = False

    @property
    def rows(self) -> int:
        """Number of known cells."""
        return self.data.size

    @property
    def unknowns(self) -> int:
        """Number of entries of the factors."""
        return sum(self.shape) * self.rank

    @property
    def expected_rank(self) -> int:
        """Degrees of freedom, with the scales of columns fixed."""
        return (sum(self.shape) - len(self.shape) + 1) * self.rank

    def work(self, rows: int, *, few: bool = False) -> float:
        """Return the work of `matrix` with a given number of rows; sparse factors would save nothing."""
        return 4.0 * rows * self.unknowns

    def matrix(
        self, prime: int, rng: np.random.Generator, most: int | None = None, *, few: bool = False
    ) -> Array:
        """Return residues modulo `prime`, shape (p, unknowns), or at most `most` random rows of them.

        A cell depends on one row of each factor, so `few` makes no difference.
        """
        at = self.data.drawn_positions(rng, most)
        factors = [rng.integers(0, prime, (length, self.rank)).astype(np.int64) for length in self.shape]
        rows, lines, blocks = [f[at[:, n]] for n, f in enumerate(factors)], np.arange(len(at)), []
        for n, length in enumerate(self.shape):
            slopes = np.ones((len(at), self.rank), np.int64)
            for k, row in enumerate(rows):
                if k != n:
                    slopes = slopes * row % prime
            block = np.zeros((len(at), length, self.rank), np.int64)
            block[lines, at[:, n]] = slopes
            blocks.append(block.reshape(len(at), -1))
        return np.concatenate(blocks, axis=1).astype(np.float64)
