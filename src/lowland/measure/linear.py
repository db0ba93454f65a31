"""`Linear`: any SciPy LinearOperator on the matrix read row by row."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.dense_operator import DenseMap
from lowland.core.doors import public
from lowland.core.error_free import BLOCK, Close, close_map, close_product, joined
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.core.work import CALL, matrix_work, touch


@public("lowland")
@final
class Linear:
    """Measurements by a linear operator on vec(X), X read row by row (C order).

    Parameters
    ----------
    linear_operator : LinearOperator, sparse array, array or alike
        Anything that `scipy.sparse.linalg.aslinearoperator` takes, of shape (p, m n), real or
        complex; PyLops operators too.
    shape : tuple of int
        Shape (m, n) of the matrix.

    Raises
    ------
    InvalidInputError
        If the operator does not fit the shape, or its adjoint fails the dot test.

    Notes
    -----
    `measure` forms the m x n matrix; operators with more structure deserve their own
    class. The adjoint is tested once against the forward map on random vectors, because a wrong
    one would make every solver silently wrong.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> row_sums = np.kron(np.eye(2), np.ones((1, 3)))
    >>> A = ll.Linear(row_sums, (2, 3))
    >>> A.measure_matrix(np.arange(6.0).reshape(2, 3))
    array([ 3., 12.])
    """

    def __init__(self, linear_operator: Any, shape: tuple[int, int]) -> None:
        self.operator: Any = check_operator(linear_operator, "linear_operator")
        self.shape: tuple[int, int] = (int(shape[0]), int(shape[1]))
        self.size: int = int(self.operator.shape[0])
        if self.operator.shape[1] != self.shape[0] * self.shape[1]:
            raise InvalidInputError(
                "linear_operator does not fit the shape",
                f"operator {self.operator.shape} for a matrix of {self.shape[0]} x {self.shape[1]}",
                "it must have one column per entry of the matrix, row by row",
            )
        self.dtype: np.dtype[Any] = working_type(self.operator)
        self._work = operator_work(self.operator)

    def measure(self, factors: Factors) -> Matrix:
        """Return A(left right^H), shape (p,)."""
        return self.measure_matrix(factors.matrix())

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return A(X) of a dense matrix, shape (p,)."""
        touch(self._work)
        result: Matrix = self.operator.matvec(np.asarray(matrix).reshape(-1))
        return result

    @property
    def matrix(self) -> Any:
        """The operator's matrix if it was given as an array, dense or sparse, else None."""
        return getattr(self.operator, "A", None)

    @property
    def bounds_rounding(self) -> bool:
        """Whether rounding errors are bounded: only of operators that are given as matrices."""
        return self.matrix is not None

    def in_double(self) -> Linear:
        """Return the same measurements, an operator given as an array in double precision."""
        kind = np.result_type(self.dtype, np.float64)
        if self.matrix is None or kind == self.dtype:
            return self
        return Linear(self.matrix.astype(kind), self.shape)

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on the rounding error of `measure`, shape (p,)."""
        sizes = (np.abs(factors.left) @ np.abs(factors.right).T).ravel()
        terms = factors.width + sizes.size + 4
        return np.asarray(gamma(terms, self.dtype) * (abs(self.matrix) @ sizes))

    def adjoint_error(self, weights: Matrix) -> float:
        """Return a bound on the Frobenius norm of the rounding error of `adjoint(weights)`."""
        spread = abs(self.matrix).T @ np.abs(np.asarray(weights))
        return float(gamma(self.size + 2, self.dtype) * np.linalg.norm(spread)) * (1 + 1e-9)

    def measure_closely(self, factors: Factors) -> Close | None:
        """Return the measurements with twice the digits; None if the operator is known by its products."""
        if self.matrix is None:
            return None
        touch(40 * self._work)
        x = close_product(factors.left, factors.right.conj().T).each(np.ravel)
        if isinstance(self.matrix, np.ndarray):
            return close_map(self.matrix, x)
        # rows of a sparse array as dense ones, some at a time
        rows, step = self.matrix.tocsr(), max(1, BLOCK // max(self.matrix.shape[1], 1))
        return joined(
            [close_map(rows[low : low + step].toarray(), x) for low in range(0, max(self.size, 1), step)]
        )

    def adjoint(self, weights: Matrix) -> DenseMap:
        """Return A*(weights) as an operator on m x n matrices."""
        touch(self._work)
        return DenseMap(np.asarray(self.operator.rmatvec(np.asarray(weights))).reshape(self.shape))


def working_type(operator: Any) -> np.dtype[Any]:
    """Return the floating type in which an operator works."""
    return np.result_type(np.dtype(operator.dtype), np.float32)


def operator_work(operator: Any) -> float:
    """Return the approximate work of a product with a SciPy operator, from its numbers or else its shape."""
    matrix = getattr(operator, "A", None)
    if matrix is None:
        return float(CALL + 12.0 * sum(operator.shape))
    numbers = float(getattr(matrix, "nnz", np.size(matrix)))
    return matrix_work(numbers)


def check_operator(operator: Any, name: str) -> Any:
    """Return an operator as a LinearOperator whose adjoint has passed the dot test.

    Parameters
    ----------
    operator : LinearOperator, sparse array, array or alike
    name : str
        The argument's name, for the error.

    Returns
    -------
    LinearOperator

    Raises
    ------
    InvalidInputError
        If it is not a numeric operator, or <A x, w> and <x, A* w> differ on random vectors.
    """
    from scipy.sparse.linalg import aslinearoperator

    try:
        operator = aslinearoperator(operator)
        dtype = working_type(operator)
    except TypeError as error:
        raise InvalidInputError(f"{name} is not a linear operator", type(operator).__name__) from error
    if dtype.kind not in "fc":
        raise InvalidInputError(f"{name} must be numeric", f"dtype {operator.dtype}")
    rng = np.random.default_rng(0)
    x, w = (_random(rng, length, dtype) for length in (operator.shape[1], operator.shape[0]))
    # blocks of columns are tested besides vectors: they may be implemented separately
    pairs = [(operator.matvec(x), operator.rmatvec(w))]
    pairs.append((operator.matmat(x[:, None])[:, 0], operator.rmatmat(w[:, None])[:, 0]))
    for forward, backward in pairs:
        scale = float(
            np.linalg.norm(forward) * np.linalg.norm(w) + np.linalg.norm(x) * np.linalg.norm(backward)
        )
        gap = abs(np.vdot(w, forward) - np.vdot(backward, x))
        if not gap <= 1e4 * float(np.finfo(dtype).eps) * scale:
            raise InvalidInputError(
                f"the adjoint of {name} does not match its forward map",
                f"<A x, w> and <x, A* w> differ by {gap:.2g}, for terms of size {scale:.2g}",
                "every gradient and certificate would be wrong",
                "correct rmatvec and rmatmat: they must apply the conjugate transpose",
            )
    return operator


def _random(rng: np.random.Generator, length: int, dtype: np.dtype[Any]) -> Matrix:
    x = rng.standard_normal((2, length))
    vector: Matrix = (x[0] + 1j * x[1] if dtype.kind == "c" else x[0]).astype(dtype)
    return vector
