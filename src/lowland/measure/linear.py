"""`Linear`: any SciPy LinearOperator on the matrix read row by row."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.maps import DenseMap
from lowland.core.records import Factors


@final
class Linear:
    """Measurements by a linear operator on vec(X), X read row by row (C order).

    Parameters
    ----------
    linear_operator : LinearOperator, sparse array, array or alike
        Anything that `scipy.sparse.linalg.aslinearoperator` takes, of shape (p, m n), real.
    shape : tuple of int
        Shape (m, n) of the matrix.

    Raises
    ------
    InvalidInputError
        If the operator is complex, does not fit the shape, or its adjoint fails the dot test.

    Notes
    -----
    `measure` forms the m x n matrix; operators with more structure are worth a class of their
    own. The adjoint is tested once against the forward map on random vectors, because a wrong
    one would send every solver astray in silence.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> row_sums = np.kron(np.eye(2), np.ones((1, 3)))
    >>> A = ll.Linear(row_sums, (2, 3))
    >>> A.measure_matrix(np.arange(6.0).reshape(2, 3))
    array([ 3., 12.])
    """

    def __init__(self, linear_operator: Any, shape: tuple[int, int]) -> None:
        from scipy.sparse.linalg import aslinearoperator

        self.operator = aslinearoperator(linear_operator)
        self.shape = (int(shape[0]), int(shape[1]))
        self.size = int(self.operator.shape[0])
        if self.operator.shape[1] != self.shape[0] * self.shape[1]:
            raise InvalidInputError(
                "linear_operator does not fit the shape",
                f"operator {self.operator.shape} for a matrix of {self.shape[0]} x {self.shape[1]}",
                "it must act on the m n entries of the matrix, row by row",
            )
        if np.dtype(self.operator.dtype).kind not in "fiu":
            raise InvalidInputError("linear_operator must be real", f"dtype {self.operator.dtype}")
        self.dtype: np.dtype[Any] = np.dtype("float32" if self.operator.dtype == np.float32 else "float64")
        self._check_adjoint()

    def measure(self, factors: Factors) -> Vector:
        """Return A(left right^T), shape (p,)."""
        return self.measure_matrix(factors.matrix())

    def measure_matrix(self, matrix: Matrix) -> Vector:
        """Return A(X) of a dense matrix, shape (p,)."""
        result: Vector = self.operator.matvec(np.asarray(matrix).reshape(-1))
        return result

    def adjoint(self, weights: Vector) -> DenseMap:
        """Return A*(weights) as an operator on m x n matrices."""
        return DenseMap(np.asarray(self.operator.rmatvec(np.asarray(weights))).reshape(self.shape))

    def _check_adjoint(self) -> None:
        rng = np.random.default_rng(0)
        x = rng.standard_normal(self.shape[0] * self.shape[1]).astype(self.dtype)
        w = rng.standard_normal(self.size).astype(self.dtype)
        forward, backward = self.operator.matvec(x), self.operator.rmatvec(w)
        scale = np.linalg.norm(forward) * np.linalg.norm(w) + np.linalg.norm(x) * np.linalg.norm(backward)
        error = abs(float(forward @ w) - float(x @ backward))
        if not error <= (1e-4 if self.dtype == np.float32 else 1e-9) * scale:
            raise InvalidInputError(
                "the adjoint of linear_operator does not belong to it",
                f"<A x, w> and <x, A* w> differ by {error:.2g}, at scale {scale:.2g}",
                "every gradient and certificate would be wrong",
                "mend rmatvec",
            )
