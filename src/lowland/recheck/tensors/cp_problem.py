"""A CP problem and a point of it, as plain arrays, with every formula written again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma
from lowland.recheck.bounds import UNIT
from lowland.recheck.plain_losses import PlainLosses
from lowland.recheck.tensors.factor_constraints import PlainConstraint
from lowland.recheck.tensors.problem import MOST_CELLS, usual_sizes


@final
@dataclass(frozen=True, eq=False)
class CPProblem:
    """Half the weighted squares of X - T at the known cells, X a sum of products of columns; and a point.

    Parameters
    ----------
    at_cells : ndarray of int, shape (p, N)
        Positions of the known cells.
    y, weights : ndarray, shape (p,)
    factors : tuple of ndarray, shapes (I_n, R)
    asked : tuple of PlainConstraint
        What each factor must satisfy; nothing by default.
    is_weighted : bool
        Whether cells have weights.
    words : str
        A description of the problem.
    """

    at_cells: NDArray[np.int64]
    y: Vector
    weights: Vector
    factors: tuple[Matrix, ...]
    asked: tuple[PlainConstraint, ...] = ()
    is_weighted: bool = False
    words: str = ""
    losses: PlainLosses = field(default_factory=PlainLosses)
    exact: ClassVar[bool] = False
    is_matrix: ClassVar[bool] = True
    is_penalised: ClassVar[bool] = False

    @property
    def is_constrained(self) -> bool:
        """Whether anything is asked of any factor."""
        return any(own.is_any for own in self.asked)

    @property
    def allows_mixing(self) -> bool:
        """Whether nothing but signs is asked of any factor."""
        return not any(own.known is not None or own.functions for own in self.asked)

    @property
    def is_feasible(self) -> bool:
        """Whether the factors satisfy what is asked."""
        return all(own.holds(factor) for factor, own in zip(self.factors, self.asked, strict=False))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return tuple(len(factor) for factor in self.factors)

    @property
    def rank(self) -> int:
        """Number of components."""
        return int(self.factors[0].shape[1])

    @property
    def size(self) -> int:
        """Number of coordinates of a point."""
        return sum(factor.size for factor in self.factors)

    @property
    def is_formed(self) -> bool:
        """Whether the tensor is small enough to be formed."""
        return prod(self.shape) <= MOST_CELLS

    @property
    def is_full(self) -> bool:
        """Whether every cell is known."""
        return self.y.size == prod(self.shape)

    def flat_rank(self, group: list[int]) -> int:
        """Return the largest rank of a flattening: the components, at most its sides."""
        return self.rank

    # ---------------------------------------------------------------- points

    def point(self) -> Vector:
        """Return the factors as one vector."""
        return np.concatenate([factor.ravel() for factor in self.factors])

    def at(self, point: Vector) -> CPProblem:
        """Return the same problem at another point."""
        parts = np.split(point, np.cumsum([factor.size for factor in self.factors])[:-1])
        pairs = zip(parts, self.factors, strict=True)
        return replace(self, factors=tuple(part.reshape(factor.shape) for part, factor in pairs))

    def balanced(self) -> CPProblem:
        """Return the problem at a point of the same components with columns of equal norm, largest first."""
        out, strengths = [], []
        for k in range(self.rank):
            columns = [factor[:, k].copy() for factor in self.factors]
            norms = [float(np.linalg.norm(column)) for column in columns]
            mean = float(np.exp(np.mean(np.log(norms)))) if all(norms) else 0.0
            columns = [mean * c / n if mean else 0 * c for c, n in zip(columns, norms, strict=True)]
            for column in columns[:-1]:
                if column[np.abs(column).argmax()] < 0:
                    column *= -1
                    columns[-1] *= -1
            out.append(columns)
            strengths.append(np.log(mean) if mean else -np.inf)
        order = np.argsort(-np.array(strengths), kind="stable")
        factors = tuple(np.stack([out[k][n] for k in order], axis=1) for n in range(len(self.factors)))
        return replace(self, factors=factors)

    @property
    def imbalance(self) -> float:
        """How far norms of columns are from equal in all modes, as a fraction."""
        norms = np.array([np.linalg.norm(factor, axis=0) for factor in self.factors])
        largest = norms.max(axis=0)
        some = largest > 0
        return float(np.max(1 - norms.min(axis=0)[some] / largest[some], initial=0.0))

    def sizes(self) -> CPProblem:
        """Return the problem at the absolute values of the point, for bounds on rounding."""
        return replace(self, factors=tuple(np.abs(factor) for factor in self.factors))

    # ---------------------------------------------------------------- predictions

    def predictions(self) -> Vector:
        """Return the predictions of the known cells."""
        return np.asarray(self._products(None).sum(axis=1))

    def matrix(self) -> NDArray[np.float64]:
        """Return the tensor."""
        out = np.zeros(self.shape)
        for k in range(self.rank):
            part = np.ones(())
            for factor in self.factors:
                part = np.multiply.outer(part, factor[:, k])
            out += part
        return out

    def _products(self, skip: int | None) -> Matrix:
        """Return the products of the factors' rows at the known cells, without one mode, shape (p, R)."""
        out = np.ones((self.y.size, self.rank))
        for n, factor in enumerate(self.factors):
            if n != skip:
                out = out * factor[self.at_cells[:, n]]
        return out

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

    def objective(self) -> float:
        """Return the objective."""
        return 0.5 * float(np.sum(self.weights * (self.predictions() - self.y) ** 2))

    def data_term(self) -> float:
        """Return the objective: there is nothing but the data term."""
        return self.objective()

    def paid(self) -> float:
        """Return zero: there is no regulariser."""
        return 0.0

    def pull(self, numbers: Vector) -> Vector:
        """Return the gradient in the point of the sum of numbers times predictions."""
        parts = []
        for n, length in enumerate(self.shape):
            own = np.zeros((length, self.rank))
            np.add.at(own, self.at_cells[:, n], numbers[:, None] * self._products(n))
            parts.append(own.ravel())
        return np.concatenate(parts)

    def penalty_gradient(self) -> Vector:
        """Return zeros."""
        return np.zeros(self.size)

    def gradient(self) -> Vector:
        """Return the gradient of the objective."""
        return self.pull(self.slopes)

    def unfitted_value(self) -> float:
        """Return the data term when nothing is fitted, a natural unit."""
        return 0.5 * float(np.sum(self.weights * self.y**2))

    def jacobian(self) -> Matrix:
        """Return the derivative of the predictions, shape (p, size)."""
        out, start, lines = np.zeros((self.y.size, self.size)), 0, np.arange(self.y.size)
        for n, length in enumerate(self.shape):
            others = self._products(n)
            for k in range(self.rank):
                out[lines, start + self.at_cells[:, n] * self.rank + k] = others[:, k]
            start += length * self.rank
        return out

    def gauge(self) -> Matrix:
        """Return an orthonormal basis of directions that leave the tensor unchanged: scales of columns."""
        columns = []
        for n in range(1, len(self.factors)):
            for k in range(self.rank):
                parts: list[Any] = [np.zeros_like(factor) for factor in self.factors]
                parts[0][:, k], parts[n][:, k] = self.factors[0][:, k], -self.factors[n][:, k]
                columns.append(np.concatenate([part.ravel() for part in parts]))
        basis, s, _ = np.linalg.svd(np.stack(columns, axis=1), full_matrices=False)
        return np.asarray(basis[:, s > 1e-10 * max(s[0], np.finfo(float).tiny)])

    # ---------------------------------------------------------------- rounding

    def coarse_error(self) -> Vector:
        """Return bounds on the rounding of predictions, by products along modes or cell by cell."""
        terms = len(self.shape) * (self.rank + 8)
        size = self.sizes().predictions()
        return np.asarray(gamma(terms) * size + 4 * UNIT * (np.abs(self.predictions()) + np.abs(self.y)))

    def usual_size(self) -> Vector:
        """Return each datum's size, or the root mean square of its slices if that is larger."""
        return usual_sizes(self.shape, self.at_cells, self.y)
