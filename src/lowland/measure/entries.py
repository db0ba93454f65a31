"""`Entries`: some entries of a matrix, the measurement of completion."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from lowland.cells.block import CellBlock, sort_cells
from lowland.core.arrays import Indices, Matrix, Vector, check_positions
from lowland.core.doors import public
from lowland.core.error_free import Close, close_dots
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.core.work import touch
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.kernels.sparse_tables.sparse import sample_product
from lowland.measure.exact import Exactness
from lowland.measure.operators import SparseMap, cell_work


@public("lowland")
@final
class Entries:
    """The entries of a matrix at given positions: A(X)_k = X[rows_k, columns_k].

    Parameters
    ----------
    rows, columns : array_like of int, shape (p,)
        Positions counted from 0; repeats are allowed (the same entry measured again).
    shape : tuple of int
        Shape (m, n) of the matrix.
    dtype : {"float64", "float32", "complex128", "complex64"}
        Field and working precision of the matrix.

    Raises
    ------
    InvalidInputError
        If a position is out of range or the lengths differ.

    Notes
    -----
    `measure` costs O(p k), products of the adjoint O(p k) for k columns; nothing of size m n is
    formed. Repeated positions add up in the adjoint.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> seen = ll.Entries([0, 1, 1], [0, 1, 1], (2, 2))
    >>> seen.measure_matrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4., 4.])
    >>> seen.adjoint(np.ones(3)).toarray()
    array([[1., 0.],
           [0., 2.]])
    """

    def __init__(
        self, rows: ArrayLike, columns: ArrayLike, shape: tuple[int, int], *, dtype: DTypeLike = "float64"
    ) -> None:
        self.shape: tuple[int, int] = (int(shape[0]), int(shape[1]))
        self.rows: Indices = check_positions(rows, "rows", below=self.shape[0])
        self.columns: Indices = check_positions(columns, "columns", below=self.shape[1])
        if self.rows.size != self.columns.size:
            raise InvalidInputError(
                "rows and columns must be equally long", f"{self.rows.size} and {self.columns.size}"
            )
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    @property
    def size(self) -> int:
        """Number of measured entries."""
        return int(self.rows.size)

    @cached_property
    def pattern(self) -> tuple[CellBlock, CellBlock]:
        """The positions sorted by row and by column; values are their places in the list."""
        return sort_cells(self.rows, self.columns, self.shape)

    @cached_property
    def repeats(self) -> int:
        """Multiplicity of the most frequent position."""
        cells = np.sort(self.rows * self.shape[1] + self.columns)
        ends = np.flatnonzero(np.diff(cells, append=-1))
        return int(np.diff(ends, prepend=-1).max(initial=1))

    def measure(self, factors: Factors) -> Matrix:
        """Return the entries of left @ right.conj().T, shape (p,)."""
        touch(cell_work(self.size, factors.width))
        return sample_product(factors.left, factors.right.conj(), self.rows, self.columns)

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return the entries of a dense matrix, shape (p,)."""
        return np.asarray(matrix)[self.rows, self.columns]

    def adjoint(self, weights: Matrix) -> SparseMap:
        """Return the sparse matrix that holds `weights` at the positions, repeats summed."""
        return SparseMap(self.pattern, np.asarray(weights))

    def subset(self, keep: Indices) -> Entries:
        """Return the entries at the positions `keep` of the list."""
        return Entries(self.rows[keep], self.columns[keep], self.shape, dtype=self.dtype)

    def in_double(self) -> Entries:
        """Return the same entries in double precision."""
        kind = np.result_type(self.dtype, np.float64)
        if kind == self.dtype:
            return self
        same = copy(self)  # with the sorted positions, if they are known
        same.dtype = kind
        return same

    @property
    def exact(self) -> Entries:
        """The measurement itself: each of its matrices has a single entry equal to one."""
        return self

    @property
    def exactness(self) -> Exactness:
        """Whole numbers only."""
        return Exactness()

    def entry_sizes(self) -> Vector:
        """Return ones, shape (p,)."""
        return np.ones(self.size)

    def in_floats(self) -> Matrix:
        """Return the matrices, shape (p, m, n)."""
        made = np.zeros((self.size, *self.shape))
        made[np.arange(self.size), self.rows, self.columns] = 1.0
        return made

    def modular_times(self, block: Residues, *, turned: bool = False) -> Residues:
        """Return the matrices times a block: one row of it moved to another row; shape (p, side, r)."""
        ours, theirs = (self.columns, self.rows) if turned else (self.rows, self.columns)
        side = self.shape[1 if turned else 0]

        def place(part: Matrix) -> Matrix:
            out = np.zeros((ours.size, side, part.shape[1]))
            out[np.arange(ours.size), ours] = part[theirs]
            return out

        return block.rearranged(place)

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2: the largest multiplicity of an entry."""
        return float(self.repeats)

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on the rounding error of `measure`, shape (p,)."""
        magnitude = self.measure(Factors(np.abs(factors.left), np.abs(factors.right)))
        return gamma(factors.width + 1, self.dtype) * magnitude

    def measure_closely(self, factors: Factors) -> Close:
        """Return the entries with twice the digits."""
        touch(40 * cell_work(self.size, factors.width))
        return close_dots(factors.left[self.rows], factors.right[self.columns])

    def adjoint_error(self, weights: Matrix) -> float:
        """Return a bound on the rounding error of `adjoint(weights).toarray()` in Frobenius norm.

        One more rounding is included than `adjoint` makes, to allow for rounded weights.
        """
        return gamma(self.repeats + 1, self.dtype) * self.repeats * float(np.linalg.norm(weights))
