"""Which cells of a line are observed, as features: all of them, or their leading directions."""

from __future__ import annotations

from typing import final

import numpy as np

from lowland.bayes.design import MatrixDesign
from lowland.cells.sides import TableCells
from lowland.core.arrays import Matrix, Vector
from lowland.core.running.stages import stage

# ridge of the coefficients; learning it by the bound diverges and loses the gain in accuracy
PATTERN_RIDGE = 2.0
# directions of a large pattern: at most, and numbers that they and the features may take of one side
MOST_DIRECTIONS, MOST_NUMBERS = 256, 25_000_000
# passes over the cells, and directions that are followed besides
PASSES, SPARE = 2, 10


def pattern_shares(cells: TableCells, side: int, ridge: float) -> Vector:
    """Return what the features of a line's observed cells are: 1 / sqrt(ridge * number of its cells)."""
    shares: Vector = 1 / np.sqrt(ridge * np.maximum(cells.sides[side].counts, 1))
    return shares


def leading_directions(cells: TableCells, side: int, count: int | None = None) -> Matrix:
    """Return the directions in which the observed cells of a side's lines, each of norm one, vary most.

    Parameters
    ----------
    cells : TableCells
    side : {0, 1}
        Whether lines are rows or columns.
    count : int, optional
        Number k of directions: 256, or fewer of a table with very many rows and columns.

    Returns
    -------
    ndarray, shape (partners, k)
        Orthonormal: the leading right singular vectors of the pattern, by randomised subspace iteration.

    Notes
    -----
    Costs six products of the cells with k vectors.

    References
    ----------
    N. Halko, P. G. Martinsson, J. A. Tropp, Finding structure with randomness, SIAM Review 53 (2011).
    """
    size, partners = cells.shape[side], cells.shape[1 - side]
    most = min(MOST_DIRECTIONS, max(1, MOST_NUMBERS // (size + partners))) if count is None else count
    shares = pattern_shares(cells, side, 1.0).astype(np.float32)[:, None]
    rng = np.random.default_rng(0)  # the same directions for the same table
    block = rng.standard_normal((partners, min(most + SPARE, size, partners)), np.float32)
    with stage("directions of the pattern"):
        for _ in range(PASSES):
            along = _orthonormal(shares * cells.gathered(side, block))
            block = _orthonormal(cells.gathered(1 - side, shares * along))
        small = shares * cells.gathered(side, block)
    strengths, turned = np.linalg.eigh(small.T.astype(np.float64) @ small)
    leading: Matrix = block @ turned[:, np.argsort(-strengths)[:most]].astype(np.float32)
    return leading


def _orthonormal(block: Matrix) -> Matrix:
    """Return an orthonormal basis of the columns."""
    basis: Matrix = np.linalg.qr(block)[0]
    return np.ascontiguousarray(basis)


@final
class PatternDesign:
    """The constant, which cells of a line are observed, and covariates.

    Parameters
    ----------
    cells : TableCells
    side : {0, 1}
        Whether lines are rows or columns.
    plain : MatrixDesign
        The constant and covariates.
    ridge : float
        By whose square root features of observed cells are divided, besides that of the line's cells.
    """

    cells: TableCells
    side: int
    plain: MatrixDesign
    shares: Vector

    def __init__(
        self, cells: TableCells, side: int, plain: MatrixDesign, ridge: float = PATTERN_RIDGE
    ) -> None:
        self.cells, self.side, self.plain = cells, side, plain
        self.shares = pattern_shares(cells, side, ridge)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of lines and features."""
        n, c = self.plain.shape
        return n, c + self.cells.shape[1 - self.side]

    def forward(self, coefficients: Matrix) -> Matrix:
        """Return the features times coefficients, in their precision."""
        last = 1 + self.cells.shape[1 - self.side]
        shares = self.shares.astype(coefficients.dtype)[:, None]
        means = shares * self.cells.gathered(self.side, coefficients[1:last])
        means += self.plain.forward(np.vstack([coefficients[:1], coefficients[last:]]))
        return means

    def backward(self, rows: Matrix) -> Matrix:
        """Return the transposed features times rows, in their precision."""
        others = self.plain.backward(rows)
        shared = self.shares.astype(rows.dtype)[:, None] * rows
        return np.vstack([others[:1], self.cells.gathered(1 - self.side, shared), others[1:]])

    def gram(self) -> Matrix:
        """Return the lower triangle of the smaller Gram matrix."""
        (n, f), partners = self.shape, self.cells.shape[1 - self.side]
        if f > n:
            gram = np.zeros((n, n))
            ones = np.ones(partners)
            gram = self.cells.sides[1 - self.side].add_pairs(ones, gram, 0)
            gram *= self.shares
            gram *= self.shares[:, None]
            self.plain.add_outer(gram)
            return gram
        gram = self.cells.sides[self.side].add_pairs(self.shares**2, np.zeros((f, f)), 1)
        plain = np.column_stack([np.ones(n), self.plain.covariates])
        crossed = self.cells.gathered(1 - self.side, self.shares[:, None] * plain)
        others = np.r_[0, 1 + partners : f]
        gram[1 : 1 + partners, 0] = crossed[:, 0]
        gram[1 + partners :, 1 : 1 + partners] = crossed[:, 1:].T
        gram[np.ix_(others, others)] = plain.T @ plain
        return gram
