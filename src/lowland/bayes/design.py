"""The features of one side's rows as a linear map: what a learnt prior needs of them."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np

from lowland.core.arrays import Matrix

# rows of an outer product that are formed at once, and rows that are copied in double precision
TOGETHER, MANY = 512, 32_768


class Design(Protocol):
    """Features of n rows, shape (n, f), the constant 1 first."""

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers n of rows and f of features."""

    def forward(self, coefficients: Matrix) -> Matrix:
        """Return F @ coefficients, shape (n, d)."""

    def backward(self, rows: Matrix) -> Matrix:
        """Return F^T @ rows, shape (f, d)."""

    def gram(self) -> Matrix:
        """Return the lower triangle of F^T F if f <= n, else of F F^T, in float64; the rest is undefined."""


@final
class MatrixDesign:
    """A constant and given numbers.

    Parameters
    ----------
    size : int
        Number n of rows.
    covariates : ndarray, shape (n, c), or None
    """

    def __init__(self, size: int, covariates: Matrix | None = None) -> None:
        self.covariates: Matrix = np.zeros((size, 0)) if covariates is None else covariates

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and features."""
        n, c = self.covariates.shape
        return n, c + 1

    def forward(self, coefficients: Matrix) -> Matrix:
        """Return F @ coefficients, in their precision."""
        if self.shape[1] == 1:
            return np.repeat(coefficients, self.shape[0], axis=0)
        means: Matrix = (
            coefficients[0] + self.covariates.astype(coefficients.dtype, copy=False) @ coefficients[1:]
        )
        return means

    def backward(self, rows: Matrix) -> Matrix:
        """Return F^T @ rows, in their precision."""
        total = rows.sum(axis=0, dtype=np.float64).astype(rows.dtype)
        return np.vstack([total, self.covariates.T.astype(rows.dtype, copy=False) @ rows])

    def gram(self) -> Matrix:
        """Return the smaller Gram matrix."""
        n, f = self.shape
        if f <= n:
            small: Matrix = np.zeros((f, f))
            for low in range(0, n, MANY):
                some = self.covariates[low : low + MANY]
                whole = np.column_stack([np.ones(len(some)), some])
                small += whole.T @ whole
            return small
        gram = np.zeros((n, n))
        self.add_outer(gram)
        return gram

    def add_outer(self, gram: Matrix) -> None:
        """Add F F^T to a matrix."""
        for low in range(0, len(gram), TOGETHER):
            block = slice(low, low + TOGETHER)
            gram[block] += 1 + self.covariates[block] @ self.covariates.T
