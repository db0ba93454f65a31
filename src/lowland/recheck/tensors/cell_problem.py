"""What problems of a tensor's known cells share, whatever makes the tensor: data, point and objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.error_free import Close
from lowland.core.rounding import gamma
from lowland.recheck.bounds import UNIT
from lowland.recheck.plain_losses import PlainLosses

# cells that are formed
MOST_CELLS = 4_000_000


@dataclass(frozen=True, eq=False, kw_only=True)
class CellProblem(ABC):
    """Half the weighted squares of X - T at the known cells of a tensor T; and a point, which makes X.

    Parameters
    ----------
    at_cells : ndarray of int, shape (p, N)
        Positions of the known cells.
    y, weights : ndarray, shape (p,)
    factors : tuple of ndarray, shapes (I_n, r_n)
    is_weighted : bool
        Whether cells have weights.
    words : str
        A description of the problem.
    doubts : tuple of str
        Why it is not the problem of these data; then nothing is confirmed.
    """

    at_cells: NDArray[np.int64]
    y: Vector
    weights: Vector
    factors: tuple[Matrix, ...]
    is_weighted: bool = False
    words: str = ""
    doubts: tuple[str, ...] = ()
    losses: PlainLosses = field(default_factory=PlainLosses)
    exact: ClassVar[bool] = True
    is_matrix: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return tuple(len(factor) for factor in self.factors)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Number of columns of each factor."""
        return tuple(factor.shape[1] for factor in self.factors)

    @property
    def is_formed(self) -> bool:
        """Whether the tensor is small enough to be formed."""
        return prod(self.shape) <= MOST_CELLS

    @property
    def is_full(self) -> bool:
        """Whether every cell is known."""
        return self.y.size == prod(self.shape)

    @property
    def is_constrained(self) -> bool:
        """Whether anything is asked of any factor."""
        return False

    @property
    def is_feasible(self) -> bool:
        """Whether the factors satisfy what is asked."""
        return True

    @property
    def is_penalised(self) -> bool:
        """Whether anything but the tensor itself counts."""
        return False

    @abstractmethod
    def flat_rank(self, group: list[int]) -> int:
        """Return the largest rank of the flattening with these modes as rows."""

    # ---------------------------------------------------------------- points

    @property
    @abstractmethod
    def parts(self) -> tuple[Matrix, ...]:
        """The arrays that a point consists of."""

    @abstractmethod
    def with_parts(self, parts: Sequence[Matrix]) -> Self:
        """Return the same problem at the point of other arrays."""

    @property
    def size(self) -> int:
        """Number of coordinates of a point."""
        return int(sum(part.size for part in self.parts))

    def point(self) -> Vector:
        """Return the arrays as one vector."""
        return np.concatenate([part.ravel() for part in self.parts])

    def at(self, point: Vector) -> Self:
        """Return the same problem at another point."""
        pieces = np.split(point, np.cumsum([part.size for part in self.parts])[:-1])
        return self.with_parts([new.reshape(old.shape) for new, old in zip(pieces, self.parts, strict=True)])

    def sizes(self) -> Self:
        """Return the problem at the absolute values of the point, for bounds on rounding."""
        return self.with_parts([np.abs(part) for part in self.parts])

    @abstractmethod
    def balanced(self) -> Self:
        """Return the problem at the balanced point of the same tensor."""

    @property
    @abstractmethod
    def imbalance(self) -> float:
        """How far the point is from balanced, as a fraction."""

    @abstractmethod
    def gauge(self) -> Matrix:
        """Return an orthonormal basis of directions that change neither the tensor nor the objective."""

    # ---------------------------------------------------------------- predictions

    @abstractmethod
    def matrix(self) -> NDArray[np.float64]:
        """Return the tensor."""

    @abstractmethod
    def predictions(self) -> Vector:
        """Return the predictions of the known cells."""

    @abstractmethod
    def close_predictions(self) -> Close:
        """Return the predictions with twice the digits, and bounds on their errors."""

    @abstractmethod
    def jacobian(self) -> Matrix:
        """Return the derivative of the predictions, shape (p, size)."""

    @abstractmethod
    def pull(self, numbers: Vector) -> Vector:
        """Return the gradient in the point of the sum of numbers times predictions."""

    @cached_property
    def slopes(self) -> Vector:
        """Weighted predictions minus data."""
        return self.weights * (self.predictions() - self.y)

    def spread(self, numbers: Vector) -> NDArray[np.float64]:
        """Return the tensor with the numbers at the known cells."""
        out = np.zeros(self.shape)
        np.add.at(out, tuple(self.at_cells.T), numbers)
        return out

    def without_biases(self, y: Vector) -> Vector:
        """Return the data: there are no biases."""
        return y

    # ---------------------------------------------------------------- the objective

    def data_term(self) -> float:
        """Return half the weighted squares."""
        return 0.5 * float(np.sum(self.weights * (self.predictions() - self.y) ** 2))

    def unfitted_value(self) -> float:
        """Return the data term when nothing is fitted, a natural unit."""
        return 0.5 * float(np.sum(self.weights * self.y**2))

    def paid(self) -> float:
        """Return the regulariser: zero without one."""
        return 0.0

    def paid_error(self) -> float:
        """Return how far rounding may move the regulariser."""
        return 0.0

    def penalty_gradient(self) -> Vector:
        """Return the gradient of the regulariser."""
        return np.zeros(self.size)

    def objective(self) -> float:
        """Return the objective."""
        return self.data_term() + self.paid()

    def gradient(self) -> Vector:
        """Return the gradient of the objective."""
        return self.pull(self.slopes) + self.penalty_gradient()

    # ---------------------------------------------------------------- rounding

    def coarse_error(self) -> Vector:
        """Return bounds on the rounding of predictions, by products along modes or cell by cell."""
        terms = sum(self.ranks) + 8 * len(self.shape)
        size = self.sizes().predictions()
        return np.asarray(gamma(terms) * size + 4 * UNIT * (np.abs(self.predictions()) + np.abs(self.y)))

    def value_bounds(self) -> tuple[float, float]:
        """Return a lower and an upper bound on the objective, rounding included."""
        residual, error = np.abs(self.predictions() - self.y), self.coarse_error()
        rows = [max(1.0, float(np.abs(factor).sum(axis=1).max())) for factor in self.factors]
        error = error + 1e-318 * prod(rows)  # what underflows
        low, high = (
            0.5 * float(np.sum(self.weights * end**2))
            for end in (np.maximum(residual - error, 0.0), residual + error)
        )
        paid, slack = self.paid(), self.paid_error()
        rounding = gamma(self.y.size + 16)
        lost = 1e-322 * self.y.size * float(self.weights.max(initial=1.0))  # of squares
        low = max(low * (1 - rounding) - lost, 0.0) + max(paid - slack, 0.0)
        high = high * (1 + rounding) + lost + paid + slack
        return low * (1 - 4 * UNIT), high * (1 + 4 * UNIT)

    def usual_size(self) -> Vector:
        """Return each datum's size, or the root mean square of its slices if that is larger."""
        usual = np.full(self.y.size, np.inf)
        for at, length in zip(self.at_cells.T, self.shape, strict=True):
            counts = np.bincount(at, minlength=length)
            squares = np.bincount(at, self.y**2, minlength=length)
            usual = np.minimum(usual, np.sqrt(squares / np.maximum(counts, 1))[at])
        return np.asarray(np.maximum(np.abs(self.y), usual))


def spanned(directions: Sequence[Vector]) -> Matrix:
    """Return an orthonormal basis of what directions span, to working precision."""
    basis, s, _ = np.linalg.svd(np.stack(directions, axis=1), full_matrices=False)
    return np.asarray(basis[:, s > 1e-10 * max(s[0], np.finfo(float).tiny)])
