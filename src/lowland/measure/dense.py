"""`Dense`: inner products with given matrices, and Gaussian ones."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from lowland.core.arrays import Indices, Matrix, Vector, check_numbers
from lowland.core.dense_operator import DenseMap
from lowland.core.doors import public
from lowland.core.error_free import Close, close_map, close_product
from lowland.core.errors import InvalidInputError
from lowland.core.memory import check_fits
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.core.wording import Option, Words
from lowland.core.work import CALL, matrix_work, touch
from lowland.kernels.dense_rows import is_large, normal_pass
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.measure.exact import Exactness

# numbers of a measuring matrix summed at a time
BLOCK_NUMBERS = 1024
PRECISIONS = (np.dtype(np.float32), np.dtype(np.float64))
COMPLEX_PRECISIONS = (np.dtype(np.complex64), np.dtype(np.complex128))


@public("lowland")
@final
class Dense:
    """Inner products with given matrices: A(X)_k = sum_ij conj(arrays[k, i, j]) X[i, j].

    Parameters
    ----------
    arrays : array_like, shape (p, m, n)
        The measuring matrices, finite, real or complex.
    symmetric : bool, optional
        Whether every matrix is real and symmetric. Then only the n(n+1)/2 numbers of a triangle are
        stored and read, which halves memory and time. By default this is detected.

    Raises
    ------
    InvalidInputError
        If the shape is wrong, a value is not finite, or `symmetric=True` is false.

    Notes
    -----
    One `measure` or `adjoint` reads all stored numbers once: 8 p m n bytes in float64 (half of
    it when symmetric).

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.Dense(np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]))
    >>> A.measure_matrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([5., 5.])
    >>> A.adjoint(np.array([2.0, -1.0])).toarray()
    array([[ 2., -1.],
           [-1.,  2.]])
    """

    size: int

    def __init__(self, arrays: ArrayLike, *, symmetric: bool | None = None) -> None:
        array = check_numbers(arrays, "arrays", ndim=3)
        self.size, m, n = array.shape
        self.shape: tuple[int, int] = (m, n)
        self.dtype: np.dtype[Any] = array.dtype
        is_real = array.dtype.kind == "f"
        is_symmetric = is_real and m == n and bool((array == array.transpose(0, 2, 1)).all())
        if symmetric and not is_symmetric:
            raise InvalidInputError(
                "arrays are not symmetric",
                Words(Option("symmetric", True)),
                fix="average each real matrix with its transpose, or leave out symmetric",
            )
        self.symmetric: bool = is_symmetric if symmetric is None else symmetric
        self._source: Dense | None = None
        # rows of `_table` are the matrices, either whole or as the lower triangle
        self._triangle = _Triangle(n) if self.symmetric else None
        self._table: Matrix = array.reshape(self.size, m * n)
        if self._triangle is not None:
            self._table = np.take(self._table, self._triangle.lower, axis=1)

    @property
    def arrays(self) -> Matrix:
        """The measuring matrices, shape (p, m, n)."""
        if self._triangle is None:
            return self._table.reshape(self.size, *self.shape)
        touch(2.0 * self.size * float(np.prod(self.shape)))
        return np.take(self._table, self._triangle.places, axis=1, mode="clip")  # without a buffer

    @property
    def stored_numbers(self) -> int:
        """Number of stored numbers, about half as many for symmetric matrices."""
        return int(self._table.size)

    def symmetric_coordinates(self) -> Matrix:
        """Return the matrices as rows of coefficients in an orthonormal basis of the symmetric ones."""
        i, j = np.tril_indices(self.shape[0])
        scales = np.where(i == j, 1.0, np.sqrt(2.0))
        touch(CALL + 2.0 * self._table.size)
        table = self._table if self._triangle is not None else self.arrays[:, i, j]
        return np.asarray(table * scales)

    def symmetrised(self) -> Dense:
        """Return the symmetric parts of real matrices, which measure symmetric matrices identically."""
        if self.symmetric or self.dtype.kind == "c":
            return self
        half = Dense((self.arrays + self.arrays.transpose(0, 2, 1)) / 2, symmetric=True)
        half._source = self  # the sums may have been rounded
        return half

    @property
    def source(self) -> Dense:
        """The measurement as given, for exact ranks: `symmetrised` may round."""
        return self._source or self

    @property
    def exact(self) -> Dense:
        """The matrices as given: symmetric parts may have been rounded."""
        return self.source

    @property
    def exactness(self) -> Exactness:
        """Stored number by number; Hermitian if symmetric."""
        return Exactness(
            self.symmetric and self.dtype.kind != "c", holds_matrices=True, numbers=(self.arrays,)
        )

    def entry_sizes(self) -> Vector:
        """Return the largest absolute entry of every matrix, shape (p,)."""
        table = np.abs(self._table)  # of symmetric matrices one triangle is stored
        return np.asarray(table.reshape(self.size, -1).max(axis=1, initial=0.0), np.float64)

    def in_floats(self) -> Matrix:
        """Return the matrices, shape (p, m, n)."""
        return self.arrays

    def modular_times(self, block: Residues, *, turned: bool = False) -> Residues:
        """Return A_k V, or A_k^H U if `turned`; shape (p, side, r)."""
        given = self.arrays
        if block.support is not None:  # rows of zeros contribute nothing
            given = given[:, block.support] if turned else given[:, :, block.support]
            block = block.supported()
        arrays = Residues.of(given, block.prime)
        if turned:
            arrays = arrays.conj().rearranged(lambda part: np.ascontiguousarray(part.transpose(0, 2, 1)))
        p, side, other = arrays.real.shape
        product = arrays.rearranged(lambda part: part.reshape(p * side, other)) @ block
        return product.rearranged(lambda part: part.reshape(p, side, -1))

    def measure(self, factors: Factors) -> Matrix:
        """Return A(left right^H), shape (p,)."""
        return self.measure_matrix(factors.matrix())

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return A(X) of a dense matrix, shape (p,)."""
        touch(matrix_work(self._table.size, is_complex=self.dtype.kind == "c"))
        numbers = self._flatten(np.asarray(matrix)).conj()
        image: Matrix = self._table[:, :BLOCK_NUMBERS] @ numbers[:BLOCK_NUMBERS]
        for low in range(
            BLOCK_NUMBERS, numbers.size, BLOCK_NUMBERS
        ):  # sums of sums: fewer roundings per term, at no cost
            image = image + self._table[:, low : low + BLOCK_NUMBERS] @ numbers[low : low + BLOCK_NUMBERS]
        return np.asarray(image.conj())

    def adjoint(self, weights: Matrix) -> DenseMap:
        """Return sum_k weights_k arrays[k] as an operator."""
        touch(matrix_work(self._table.size, is_complex=self.dtype.kind == "c"))
        return self._unflatten(np.asarray(weights) @ self._table)

    def normal_pass(
        self, factors: Factors, shift: Vector, weights: Vector, rows: Indices | None = None
    ) -> tuple[Vector, DenseMap]:
        """Return z = A(left right^H) and A*(weights * (z - shift)); of the measurements `rows` if given.

        Large real tables are read once.
        """
        if not is_large(self._table, factors.left, factors.right, shift, weights):
            part = self if rows is None else self.subset(rows)
            z = part.measure(factors)
            return z, part.adjoint(weights * (z - shift))
        which = np.arange(self.size) if rows is None else rows
        touch(2 * matrix_work(which.size * self._table.shape[1]))
        z, flat = normal_pass(self._table, which, self._flatten(factors.matrix()), shift, weights)
        return z, self._unflatten(flat)

    def astype(self, dtype: DTypeLike) -> Dense:
        """Return the same matrices, rounded to another precision of their field.

        Raises
        ------
        InvalidInputError
            If it is not single or double precision of the field of the matrices.
        """
        kind = np.dtype(dtype)
        if kind not in (PRECISIONS if self.dtype.kind == "f" else COMPLEX_PRECISIONS) or not kind.isnative:
            raise InvalidInputError(
                "dtype must be a precision of the field of the matrices",
                f"{kind} for matrices of {self.dtype}",
                fix="pass float32 or float64 for real matrices, complex64 or complex128 for complex ones",
            )
        part = self.subset(np.arange(self.size))
        part._table, part.dtype = self._table.astype(kind), kind
        return part

    def in_double(self) -> Dense:
        """Return the same matrices in double precision; also their symmetric parts, of the source."""
        kind = np.result_type(self.dtype, np.float64)
        if kind == self.dtype:
            return self
        double = self.source.astype(kind)
        return double.symmetrised() if self.symmetric else double

    def subset(self, keep: Indices) -> Dense:
        """Return the measurements at the positions `keep`; contiguous ones share memory."""
        part = object.__new__(Dense)
        part.shape, part.dtype, part.symmetric, part._triangle = (
            self.shape,
            self.dtype,
            self.symmetric,
            self._triangle,
        )
        contiguous = keep.size > 0 and bool((np.diff(keep) == 1).all())
        part._table = self._table[keep[0] : keep[-1] + 1] if contiguous else self._table[keep]
        part.size, part._source = int(keep.size), None
        return part

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on the rounding error of `measure`, shape (p,)."""
        magnitude = np.abs(factors.left) @ np.abs(factors.right).T
        numbers = self._table.shape[1]
        terms = factors.width + min(numbers, BLOCK_NUMBERS) + -(-numbers // BLOCK_NUMBERS) + 2
        touch(CALL + 3.0 * self._table.size)
        return gamma(terms, self.dtype) * (np.abs(self._table) @ self._flatten(magnitude))

    def measure_closely(self, factors: Factors) -> Close:
        """Return the measurements of the matrices as given with twice the digits."""
        given = self.source.arrays.reshape(self.size, int(np.prod(self.shape)))
        touch(40 * matrix_work(given.size, is_complex=self.dtype.kind == "c"))
        x = close_product(factors.left, factors.right.conj().T).each(lambda part: part.conj().ravel())
        found = close_map(given, x)
        return Close(found.high.conj(), found.low.conj(), found.error)

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2: the largest absolute row sum of the Gram matrix.

        Infinite if squares overflow or underflow.
        """
        if not self.size:
            return 0.0
        largest = float(np.abs(self._table).max(initial=0.0))
        if largest and not 1e-140 < largest < 1e140:
            return float("inf")
        rows = self.arrays.reshape(self.size, -1)
        magnitude = np.abs(rows)
        gram = np.abs(rows @ rows.conj().T)
        gram += gamma(rows.shape[1] + 2, self.dtype) * (magnitude @ magnitude.T)
        return float(gram.sum(axis=1).max(initial=0.0)) * (1 + gamma(self.size + 4, self.dtype))

    def adjoint_error(self, weights: Matrix) -> float:
        """Return a bound on the rounding error of `adjoint(weights)` in Frobenius norm."""
        touch(CALL + 3.0 * self._table.size)
        magnitude = np.abs(np.asarray(weights)) @ np.abs(self._table)
        return (
            gamma(self.size + 2, self.dtype) * float(np.linalg.norm(magnitude)) * (2 if self.symmetric else 1)
        )

    def _flatten(self, matrix: Matrix) -> Matrix:
        if self._triangle is None:
            return matrix.reshape(-1)
        # a symmetric A depends only on X + X^T; the diagonal would be counted twice
        doubled = matrix + matrix.T
        doubled[np.diag_indices(self.shape[0])] /= 2
        flat: Matrix = doubled.ravel().take(self._triangle.lower)
        return flat

    def _unflatten(self, flat: Matrix) -> DenseMap:
        if self._triangle is None:
            return DenseMap(flat.reshape(self.shape))
        return DenseMap(flat.take(self._triangle.places))


@final
class _Triangle:
    """The lower triangle of a symmetric matrix with n rows, as numbers one row after the other."""

    def __init__(self, n: int) -> None:
        self.n = n

    @cached_property
    def lower(self) -> Indices:
        """Where its numbers lie in the matrix, read row by row."""
        i, j = np.tril_indices(self.n)
        return np.asarray(i * self.n + j)

    @cached_property
    def places(self) -> Indices:
        """Which number each entry of the matrix is, shape (n, n)."""
        square = np.zeros((self.n, self.n), np.intp)
        square.ravel()[self.lower] = np.arange(self.lower.size)
        return np.asarray(square + np.tril(square, -1).T)


@public("lowland")
def gaussian(
    size: int,
    shape: tuple[int, int],
    rng: RandomSource = None,
    *,
    symmetric: bool = False,
    dtype: DTypeLike = "float64",
) -> Dense:
    """Return measurements by matrices with independent standard normal entries.

    Parameters
    ----------
    size : int
        Number p of measurements.
    shape : tuple of int
        Shape (m, n) of the matrix.
    rng : int, Generator or None
        Source of randomness.
    symmetric : bool
        Whether to keep only the symmetric part of each matrix; on symmetric X it measures the
        same numbers.
    dtype : {"float64", "float32", "complex128", "complex64"}
        Field and precision of the stored matrices; complex entries have unit variance too.

    Returns
    -------
    Dense

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.gaussian(30, (4, 4), 0, symmetric=True)
    >>> A.size, A.shape
    (30, (4, 4))
    """
    if not (isinstance(shape, tuple) and len(shape) == 2):
        raise InvalidInputError(
            "shape must be a pair of whole numbers", repr(shape), fix="pass (rows, columns)"
        )
    if size < 1:
        raise InvalidInputError("size must be positive", str(size), fix="pass the number of measurements")
    precision, generator = np.dtype(dtype), make_generator(rng)
    parts: Any = precision.type(0).real.dtype.type
    needed, fix = (
        2.0 * size * math.prod(shape) * precision.itemsize,
        "take fewer measurements, or RankOne ones",
    )
    check_fits(needed, f"{size} matrices of shape {shape}", fix)
    arrays: Matrix = generator.standard_normal((size, *shape), dtype=parts)
    if precision.kind == "c":
        if symmetric:
            raise InvalidInputError(
                "symmetric measurements must be real",
                f"dtype {precision}",
                fix="leave out symmetric",
            )
        imaginary: Matrix = generator.standard_normal((size, *shape), dtype=parts)
        return Dense(((arrays + 1j * imaginary) / np.sqrt(2)).astype(precision))
    if symmetric:
        arrays = (arrays + arrays.transpose(0, 2, 1)) / 2
    return Dense(arrays, symmetric=symmetric)
