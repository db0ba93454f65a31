"""A completion problem and a point of it, with every formula rewritten for dense arrays.

Nothing here calls the judges, the objectives or the search. It is slow and short on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector


@final
@dataclass(frozen=True, eq=False)
class TableProblem:
    """A completion problem and a point of it, as plain arrays.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (p,)
    y, weights : ndarray, shape (p,)
    u : ndarray, shape (m, r)
    v : ndarray, shape (n, r)
    row_biases, column_biases : ndarray, shape (m,) and (n,)
    offset : float
    biases : bool
        Whether row, column and global biases are fitted.
    penalty : float
        Weight of the nuclear norm.
    bias_penalty : float
        Ridge on row and column biases.
    penalty_weights : {"uniform", "counts"}
        "counts" if both weight a row or column by its number of cells over the mean.
    """

    rows: Indices
    columns: Indices
    y: Vector
    weights: Vector
    u: Matrix
    v: Matrix
    row_biases: Vector
    column_biases: Vector
    offset: float
    biases: bool
    penalty: float
    bias_penalty: float = 0.0
    penalty_weights: str = "uniform"

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the table."""
        return len(self.u), len(self.v)

    @property
    def size(self) -> int:
        """Number of coordinates of a point."""
        return int(self.u.size + self.v.size + self.biases * (sum(self.shape) + 1))

    def point(self) -> Vector:
        """Return factors and biases as one vector, in the order of points."""
        parts = [self.u.ravel(), self.v.ravel()]
        if self.biases:
            parts += [self.row_biases, self.column_biases, np.array([self.offset])]
        return np.concatenate(parts)

    def at(self, point: Vector) -> TableProblem:
        """Return the same problem at another point."""
        (m, n), r = self.shape, self.u.shape[1]
        sizes = [m * r, n * r, *((m, n, 1) if self.biases else ())]
        u, v, *biases = np.split(point, np.cumsum(sizes)[:-1])
        moved = replace(self, u=u.reshape(m, r), v=v.reshape(n, r))
        if not self.biases:
            return moved
        return replace(moved, row_biases=biases[0], column_biases=biases[1], offset=float(biases[2][0]))

    def matrix(self) -> Matrix:
        """Return all predictions."""
        biases = self.row_biases[:, None] + self.column_biases + self.offset
        return np.asarray(self.u @ self.v.T + biases)

    def residual(self) -> Vector:
        """Return predictions minus data."""
        low_rank = np.sum(self.u[self.rows] * self.v[self.columns], axis=1)
        biases = self.row_biases[self.rows] + self.column_biases[self.columns] + self.offset
        return np.asarray(low_rank + biases - self.y)

    def sharp_residual(self) -> Vector:
        """Return predictions minus data, computed in long double."""
        u, v, a, b, y = (
            np.asarray(part, np.longdouble)
            for part in (self.u, self.v, self.row_biases, self.column_biases, self.y)
        )
        low_rank = np.sum(u[self.rows] * v[self.columns], axis=1)
        return np.asarray(low_rank + a[self.rows] + b[self.columns] + np.longdouble(self.offset) - y, float)

    def usual_size(self) -> Vector:
        """Return each datum's size without biases, or the median of its row or column if that is larger."""
        size = np.abs(self.without_biases(self.y))
        if np.all(size <= 1e-14 * np.abs(self.y)):
            size = np.abs(self.y)  # the data are biases only
        usual = np.full(size.size, np.inf)
        for positions in (self.rows, self.columns):
            for line in np.unique(positions):
                here = positions == line
                usual[here] = np.minimum(usual[here], np.median(size[here]))
        return np.asarray(np.maximum(np.maximum(size, usual), 1e-300))

    def objective(self) -> float:
        """Return the data term plus half the penalties times the squares of factors and biases."""
        return float(0.5 * np.sum(self.weights * self.residual() ** 2)) + self.paid()

    def side_weights(self) -> tuple[Vector, Vector]:
        """Return the weights of rows and of columns in the penalties."""
        (m, n), p = self.shape, self.y.size
        if self.penalty_weights == "uniform":
            return np.ones(m), np.ones(n)
        counts = np.bincount(self.rows, minlength=m), np.bincount(self.columns, minlength=n)
        return np.maximum(counts[0], 1) * m / p, np.maximum(counts[1], 1) * n / p

    def scatter(self, numbers: Vector) -> Matrix:
        """Return the matrix with the numbers at the observed cells, repeats summed."""
        out = np.zeros(self.shape)
        np.add.at(out, (self.rows, self.columns), numbers)
        return out

    def paid(self) -> float:
        """Return the penalties of the point."""
        a, b = self.side_weights()
        squares = np.sum(a * np.sum(self.u**2, axis=1)) + np.sum(b * np.sum(self.v**2, axis=1))
        return float(0.5 * self.penalty * squares) + self.paid_for_biases()

    def paid_for_biases(self) -> float:
        """Return the ridge on the biases."""
        a, b = self.side_weights()
        return float(
            0.5 * self.bias_penalty * (np.sum(a * self.row_biases**2) + np.sum(b * self.column_biases**2))
        )

    def convex_objective(self, low_rank: Matrix) -> float:
        """Return the convex objective of another low-rank part with the same biases."""
        change = (low_rank - self.u @ self.v.T)[self.rows, self.columns]
        fit = 0.5 * float(np.sum(self.weights * (self.residual() + change) ** 2))
        nuclear = np.linalg.norm(low_rank * np.sqrt(np.outer(*self.side_weights())), "nuc")
        return fit + self.penalty * float(nuclear) + self.paid_for_biases()

    def without_biases(self, y: Vector) -> Vector:
        """Return values of the observed cells minus the biases that fit them best."""
        if not self.biases:
            return y
        (m, n), w = self.shape, self.weights
        columns = (self.rows, m + self.columns, np.full(y.size, m + n))
        gram, right = np.zeros((m + n + 1, m + n + 1)), np.zeros(m + n + 1)
        for a in columns:
            np.add.at(right, a, w * y)
            for b in columns:
                np.add.at(gram, (a, b), w)
        held = self.bias_penalty * np.concatenate(self.side_weights())
        gram[np.arange(m + n), np.arange(m + n)] += held
        solution = np.linalg.lstsq(gram, right, rcond=None)[0]
        return np.asarray(y - sum(solution[k] for k in columns))

    def dual_bound(self) -> float:
        """Return a lower bound on the convex problem from the residual with biases refitted."""
        by_row, by_column = self.side_weights()
        low_rank = np.sum(self.u[self.rows] * self.v[self.columns], axis=1)
        nu = self.weights * self.without_biases(self.y - low_rank)
        scattered = self.scatter(nu)
        norm = float(np.linalg.norm(scattered / np.sqrt(np.outer(by_row, by_column)), 2))
        square = float(np.sum(nu**2 / self.weights))
        if self.bias_penalty:
            sums = np.sum(scattered.sum(axis=1) ** 2 / by_row) + np.sum(
                scattered.sum(axis=0) ** 2 / by_column
            )
            square += float(sums) / self.bias_penalty
        if not (norm > 0 and square > 0):
            return 0.0
        linear = float(self.y @ nu)
        scale = min(max(linear / square, 0.0), self.penalty / norm)
        return scale * linear - 0.5 * scale**2 * square
