"""Frozen records shared by all packages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.results.status import StopReason


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class Factors:
    """A matrix X = left @ right.conj().T, formed only on request.

    Parameters
    ----------
    left : ndarray, shape (m, k)
        Real or complex.
    right : ndarray, shape (n, k)

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> X = ll.Factors(np.array([[1.0], [2.0]]), np.array([[3.0], [4.0], [5.0]]))
    >>> X.shape, X.width
    ((2, 3), 1)
    >>> X.at([1, 0], [2, 1])
    array([10.,  4.])
    """

    left: Matrix
    right: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the matrix."""
        return self.left.shape[0], self.right.shape[0]

    @property
    def width(self) -> int:
        """Number k of columns of the factors."""
        return int(self.left.shape[1])

    def matrix(self) -> Matrix:
        """Return the dense m x n matrix."""
        return self.left @ self.right.conj().T

    def minus(self, other: Factors) -> Factors:
        """Return the difference of two matrices; its width is the sum of both widths."""
        return Factors(np.hstack([self.left, -other.left]), np.hstack([self.right, other.right]))

    def norm(self) -> float:
        """Return the Frobenius norm, without forming the matrix."""
        left, right = (np.linalg.qr(side)[1] for side in (self.left, self.right))
        return float(np.linalg.norm(left @ right.conj().T))

    def at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Matrix:
        """Return the entries at the given positions, O(k) each."""
        entries: Matrix = np.einsum("pk,pk->p", self.left[rows], self.right[columns].conj())
        return entries


@final
@dataclass(frozen=True, eq=False)
class Expansion:
    """Predictions along a line through a point, z(t) = values + t slopes + t^2 / 2 bends + ..., with bounds.

    Parameters
    ----------
    values, slopes, bends : ndarray, shape (p,)
    value_errors, slope_errors, bend_errors : ndarray, shape (p,)
        Bounds on the rounding of each.
    """

    values: Vector
    slopes: Vector
    bends: Vector
    value_errors: Vector
    slope_errors: Vector
    bend_errors: Vector


def dimension_of(shape: tuple[int, int], rank: int, biases: tuple[str, ...] = ()) -> int:
    """Return the dimension of the m x n matrices of a rank plus free biases, without overlaps."""
    (m, n), row, column = shape, "row" in biases, "column" in biases
    # a free row bias takes one dimension from the rows of V^T, a column bias one from U
    m_left, n_left = m - column, n - row
    rank = min(rank, m_left, n_left)
    only_global = "global" in biases and not (row or column)
    total = rank * (m_left + n_left - rank) + m * row + n * column - (row and column) + only_global
    return int(min(m * n, total))


@final
@dataclass(frozen=True, eq=False)
class ObservedPattern:
    """Positions of the observed entries of a general low-rank matrix, without their values.

    Parameters
    ----------
    rows, columns : ndarray of intp, shape (p,)
    shape : tuple of int
    rank : int
    biases : tuple of str
        Free biases of the model.
    degrees_of_freedom : int
        Dimension of the set of matrices.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    shape: tuple[int, int]
    rank: int
    biases: tuple[str, ...]
    degrees_of_freedom: int


@briefly
@final
@dataclass(frozen=True, eq=False)
class Trace:
    """History of a search, one entry per recorded iteration.

    Parameters
    ----------
    iterations : ndarray of int
    seconds : ndarray
        Wall time since the start.
    values : ndarray
        Objective values.
    measures : dict of str to ndarray
        Further series from the stepper and callbacks, for instance ``gradient_norm``.
    """

    iterations: NDArray[np.intp]
    seconds: Vector
    values: Vector
    measures: dict[str, Vector] = field(default_factory=dict)


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class SearchResult:
    """Where a search ended and why. It makes no claim about optimality.

    Parameters
    ----------
    theta : ndarray, shape (size,)
        The best point found.
    value : float
        The objective at that point.
    stop_reason : StopReason
    message : str
        Message of the stop rule.
    iterations : int
    seconds : float
    solver : str
        Name of the stepper.
    trace : Trace
    state : object
        The stepper's last state, from which the search can continue.
    work : float
        Counted work, in nominal nanoseconds of one processor (`lowland.core.work`).

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import Iterations
    >>> A = ll.gaussian(60, (5, 5), 0)
    >>> plan = dict(rank=1, structure="psd", solver="gradient", stop=Iterations(2), n_restarts=0)
    >>> fit = ll.recover(A, A.measure_matrix(np.ones((5, 5))), **plan, certify=False, rng=0)
    >>> fit.search.converged, fit.search.iterations, fit.search.message
    (False, 2, '2 iterations done')
    """

    theta: Vector
    value: float
    stop_reason: StopReason
    message: str
    iterations: int
    seconds: float
    solver: str
    trace: Trace
    state: Any = None
    work: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether a rule that means convergence fired."""
        return self.stop_reason is StopReason.CONVERGED

    @property
    def ending(self) -> str:
        """Why it ended, in words; draws that were asked for did not stop for a reason."""
        return _ending(self.stop_reason, self.message)


def _ending(reason: StopReason, message: str) -> str:
    return message if reason is StopReason.DRAWN else f"stopped: {reason.value.replace('_', ' ')}, {message}"


@briefly
@final
@dataclass(frozen=True)
class Attempt:
    """One start of a search, and where it ended."""

    start: str
    solver: str
    value: float
    stop_reason: StopReason
    message: str
    iterations: int
    seconds: float

    @classmethod
    def of(cls, start: str, result: SearchResult) -> Attempt:
        """Return the record of a search from a start of that name."""
        ending = (result.solver, result.value, result.stop_reason, result.message)
        return cls(start, *ending, result.iterations, result.seconds)

    @property
    def ending(self) -> str:
        """Why it ended, in words, as `SearchResult.ending`."""
        return _ending(self.stop_reason, self.message)
