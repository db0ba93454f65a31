"""A CP problem and a point of it, as plain arrays, with every formula written again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.error_free import Close, close_dots, two_product
from lowland.core.rounding import gamma
from lowland.recheck.bounds import UNIT
from lowland.recheck.tensors.cell_problem import CellProblem, spanned
from lowland.recheck.tensors.factor_constraints import PlainConstraint


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class CPProblem(CellProblem):
    """The problem of X a sum of products of the factors' columns, and a point.

    Parameters
    ----------
    asked : tuple of PlainConstraint
        What each factor must satisfy; nothing by default.
    """

    asked: tuple[PlainConstraint, ...] = ()

    @property
    def is_constrained(self) -> bool:
        """Whether anything is asked of any factor."""
        return any(constraint.is_any for constraint in self.asked)

    @property
    def allows_mixing(self) -> bool:
        """Whether nothing but signs is asked of any factor."""
        return not any(constraint.known is not None or constraint.functions for constraint in self.asked)

    @property
    def is_feasible(self) -> bool:
        """Whether the factors satisfy what is asked."""
        return all(
            constraint.holds(factor) for factor, constraint in zip(self.factors, self.asked, strict=False)
        )

    @property
    def rank(self) -> int:
        """Number of components."""
        return int(self.factors[0].shape[1])

    def flat_rank(self, group: list[int]) -> int:
        """Return the largest rank of a flattening: the components, at most its sides."""
        return self.rank

    # ---------------------------------------------------------------- points

    @property
    def parts(self) -> tuple[Matrix, ...]:
        """The factors."""
        return self.factors

    def with_parts(self, parts: Sequence[Matrix]) -> CPProblem:
        """Return the same problem at other factors."""
        return replace(self, factors=tuple(parts))

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
        return self.with_parts(
            [np.stack([out[k][n] for k in order], axis=1) for n in range(len(self.factors))]
        )

    @property
    def imbalance(self) -> float:
        """How far norms of columns are from equal in all modes, as a fraction."""
        norms = np.array([np.linalg.norm(factor, axis=0) for factor in self.factors])
        largest = norms.max(axis=0)
        some = largest > 0
        return float(np.max(1 - norms.min(axis=0)[some] / largest[some], initial=0.0))

    # ---------------------------------------------------------------- predictions

    def predictions(self) -> Vector:
        """Return the predictions of the known cells."""
        return np.asarray(self._products(None).sum(axis=1))

    def close_predictions(self) -> Close:
        """Return the predictions with twice the digits, and bounds on their errors."""
        high = self.factors[0][self.at_cells[:, 0]]
        low, error = np.zeros_like(high), np.zeros_like(high)
        for n, factor in enumerate(self.factors[1:], 1):
            row = factor[self.at_cells[:, n]]
            for part in (high, row):  # products beyond these sizes may lose what is to be kept
                sizes = np.abs(part)
                error = error + np.where((sizes == 0) | ((sizes > 1e-100) & (sizes < 1e100)), 0.0, np.inf)
            high, rest = two_product(high, row)
            error = np.abs(row) * error + 4 * UNIT * (np.abs(rest) + 2 * np.abs(low * row))
            low = rest + low * row
        total = close_dots(high, np.ones_like(high))
        sizes = (error + gamma(self.rank + 4) * np.abs(low)).sum(axis=1) * (1 + 1e-9)
        return Close(
            total.high, total.low + low.sum(axis=1), total.error + sizes + 2 * UNIT * np.abs(total.low)
        )

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

    def pull(self, numbers: Vector) -> Vector:
        """Return the gradient in the point of the sum of numbers times predictions."""
        parts = []
        for n, length in enumerate(self.shape):
            slope = np.zeros((length, self.rank))
            np.add.at(slope, self.at_cells[:, n], numbers[:, None] * self._products(n))
            parts.append(slope.ravel())
        return np.concatenate(parts)

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
        directions = []
        for n in range(1, len(self.factors)):
            for k in range(self.rank):
                parts: list[Any] = [np.zeros_like(factor) for factor in self.factors]
                parts[0][:, k], parts[n][:, k] = self.factors[0][:, k], -self.factors[n][:, k]
                directions.append(self.with_parts(parts).point())
        return spanned(directions)
