"""`RankOne`: a_k^H X b_k, from vectors or from operators, and the problems that lift to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Indices, Matrix, Vector, check_numbers
from lowland.core.doors import public
from lowland.core.error_free import Close, close_dots, close_product
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.core.work import matrix_work, touch
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.measure.exact import Exactness
from lowland.measure.linear import check_operator, operator_work, working_type


@public("lowland")
@final
class RankOne:
    """Measurements a_k^H X b_k by pairs of vectors; with one set of vectors, a_k^H X a_k.

    For X = x x^H the latter gives the squared magnitudes of a_k^H x, as in phase retrieval, and the
    probabilities of the outcomes a_k, as in quantum tomography.

    Parameters
    ----------
    left : array_like, shape (p, m), or LinearOperator of that shape
        The vectors a_k as rows; or an operator that maps x to the numbers a_k^H x.
    right : array_like, shape (p, n), or LinearOperator, optional
        The vectors b_k, or an operator that maps x to the numbers b_k^H x; by default `left`.

    Raises
    ------
    InvalidInputError
        If shapes differ, a number is not finite, or an operator fails the dot test.

    Notes
    -----
    Nothing of size m n or p m n is formed: k columns cost k products with the operators.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.RankOne([[1.0, 0.0], [1.0, 1.0]])
    >>> A.measure_matrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([ 1., 10.])
    """

    def __init__(self, left: Any, right: Any = None) -> None:
        self.left: _Vectors = _Vectors(left, "left")
        self.right: _Vectors = self.left if right is None else _Vectors(right, "right")
        self.size: int = self.left.size
        if self.right.size != self.size:
            raise InvalidInputError(
                "left and right must hold the same number of vectors", f"{self.size} and {self.right.size}"
            )
        self.shape: tuple[int, int] = (self.left.length, self.right.length)
        self.dtype: np.dtype[Any] = np.result_type(self.left.dtype, self.right.dtype)

    def measure(self, factors: Factors) -> Matrix:
        """Return the numbers a_k^H left right^H b_k, shape (p,)."""
        shared = self.left is self.right
        seen = self.left.apply(factors.left)
        other = seen if shared and factors.left is factors.right else self.right.apply(factors.right)
        image: Matrix = np.einsum("pk,pk->p", seen, other.conj())
        return image

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return the numbers of a dense matrix, shape (p,)."""
        return self.measure(Factors(np.asarray(matrix), np.eye(self.shape[1], dtype=self.dtype)))

    def adjoint(self, weights: Matrix) -> RankOneMap:
        """Return sum_k weights_k a_k b_k^H as an operator."""
        return RankOneMap(self.left, self.right, np.asarray(weights))

    def subset(self, keep: Indices) -> RankOne:
        """Return the measurements at the positions `keep`, for vectors given as arrays."""
        return self._with(lambda side: side.subset(keep))

    def in_double(self) -> RankOne:
        """Return the same measurements, vectors given as arrays in double precision."""
        same = self._with(_Vectors.in_double)
        return self if (same.left, same.right) == (self.left, self.right) else same

    def _with(self, change: Callable[[_Vectors], _Vectors]) -> RankOne:
        """Return the measurements by other vectors on both sides."""
        part = object.__new__(RankOne)
        part.left = change(self.left)
        part.right = part.left if self.right is self.left else change(self.right)
        part.size, part.shape = part.left.size, self.shape
        part.dtype = np.result_type(part.left.dtype, part.right.dtype)
        return part

    @property
    def exact(self) -> RankOne | None:
        """The measurement itself, if its vectors are given as arrays."""
        return self if self.bounds_rounding else None

    @property
    def exactness(self) -> Exactness:
        """Hermitian if both sets of vectors are the same."""
        return Exactness(self.left is self.right, numbers=(self.left.rows, self.right.rows))

    def entry_sizes(self) -> Vector:
        """Return the largest absolute entry of every matrix, shape (p,)."""
        largest = [np.abs(side.rows).max(axis=1, initial=0.0) for side in (self.left, self.right)]
        return np.asarray(largest[0] * largest[1], np.float64)

    def in_floats(self) -> Matrix:
        """Return the products of the vectors, rounded, shape (p, m, n)."""
        left, right = (np.asarray(side.rows) for side in (self.left, self.right))  # conjugates of the vectors
        return np.asarray(left.conj()[:, :, None] * right[:, None, :])

    def modular_times(self, block: Residues, *, turned: bool = False) -> Residues:
        """Return a_k (b_k^H V), or b_k (a_k^H U) if `turned`; shape (p, side, r)."""
        ends = [Residues.of(side.rows, block.prime) for side in (self.left, self.right)]
        ours, theirs = reversed(ends) if turned else ends  # rows are conjugates of the vectors
        seen = (theirs @ block).rearranged(lambda part: part[:, None, :])
        return ours.conj().rearranged(lambda part: part[:, :, None]) * seen

    @property
    def bounds_rounding(self) -> bool:
        """Whether rounding errors are bounded: only for vectors given as arrays."""
        return self.left.operator is None and self.right.operator is None

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on the rounding error of `measure`, shape (p,)."""
        sizes = (
            np.abs(side.rows) @ np.abs(part)
            for side, part in ((self.left, factors.left), (self.right, factors.right))
        )
        terms = sum(self.shape) + factors.width + 4
        bound: Vector = gamma(terms, self.dtype) * np.einsum("pk,pk->p", *sizes)
        return bound

    def measure_closely(self, factors: Factors) -> Close | None:
        """Return the measurements with twice the digits; None for vectors given by an operator."""
        if not self.bounds_rounding:
            return None
        touch(40 * sum(matrix_work(side.rows.size) for side in (self.left, self.right)) * factors.width)
        a, b = (
            close_product(side.rows.astype(np.result_type(side.rows.dtype, np.float64)), part)
            for side, part in ((self.left, factors.left), (self.right, factors.right))
        )
        found = close_dots(a.high, b.high)
        low = np.einsum("pk,pk->p", a.high, b.low.conj()) + np.einsum("pk,pk->p", a.low, b.high.conj())
        ours, theirs = np.abs(a.high) + np.abs(a.low), np.abs(b.high) + np.abs(b.low)
        lost = np.abs(a.high) * np.abs(b.low) + np.abs(a.low) * theirs
        lost = gamma(2 * factors.width + 8, self.dtype) * lost + np.abs(a.low) * np.abs(b.low)
        lost = lost + (ours + a.error) * b.error + a.error * theirs
        return Close(found.high, found.low + low, (found.error + lost.sum(axis=1)) * (1 + 1e-9))

    def adjoint_error(self, weights: Matrix) -> float:
        """Return a bound on the Frobenius norm of the rounding error of `adjoint(weights).toarray()`."""
        spread = np.abs(self.left.rows).T @ (np.abs(np.asarray(weights))[:, None] * np.abs(self.right.rows))
        return gamma(self.size + self.shape[1] + 4, self.dtype) * float(np.linalg.norm(spread))

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2, infinite for vectors given by an operator.

        |a^H X b| <= |a^H X| |b|, and sum |a_k^H X|^2 is at most |X|_F^2 times the largest row sum of
        |sum a_k a_k^H|; likewise with sides exchanged.
        """
        if not self.bounds_rounding:
            return float("inf")
        bounds = []
        for one, other in ((self.left.rows, self.right.rows), (self.right.rows, self.left.rows)):
            magnitude = np.abs(one)
            frame = np.abs(one.conj().T @ one) + gamma(self.size + 2, self.dtype) * (magnitude.T @ magnitude)
            longest = float((np.abs(other) ** 2).sum(axis=1).max(initial=0.0))
            bounds.append(longest * float(frame.sum(axis=1).max(initial=0.0)))
        return min(bounds) * (1 + gamma(sum(self.shape) + 8, self.dtype))


@final
class RankOneMap:
    """The m x n operator sum_k weights_k a_k b_k^H."""

    left: _Vectors
    right: _Vectors
    weights: Matrix

    def __init__(self, left: _Vectors, right: _Vectors, weights: Matrix) -> None:
        self.left, self.right, self.weights = left, right, weights
        self.shape: tuple[int, int] = (left.length, right.length)

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        return self.left.spread(self.weights[:, None] * self.right.apply(block))

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        return self.right.spread(self.weights.conj()[:, None] * self.left.apply(block))

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        return self.matmat(np.eye(self.shape[1], dtype=self.right.dtype))


class _Vectors:
    """Vectors a_k, given by the map x -> (a_k^H x) and its adjoint."""

    def __init__(self, vectors: Any, name: str) -> None:
        # an operator has products; arrays and nested lists have none or are arrays
        self.operator: Any = check_operator(vectors, name) if _is_operator(vectors) else None
        self.rows: Matrix = np.zeros((0, 0))
        if self.operator is None:
            self.rows = check_numbers(vectors, name, ndim=2).conj()
            self.size, self.length = self.rows.shape
            self.dtype: np.dtype[Any] = self.rows.dtype
        else:
            self.size, self.length = (int(k) for k in self.operator.shape)
            self.dtype = working_type(self.operator)

    def apply(self, block: Matrix) -> Matrix:
        touch(self._work(block.shape[1]))
        product: Matrix = self.rows @ block if self.operator is None else self.operator.matmat(block)
        return product

    def _work(self, columns: int) -> float:
        if self.operator is not None:
            return operator_work(self.operator) * columns
        return matrix_work(self.rows.size, columns, is_complex=self.dtype.kind == "c")

    def spread(self, block: Matrix) -> Matrix:
        touch(self._work(block.shape[1]))
        product: Matrix = (
            self.rows.conj().T @ block if self.operator is None else self.operator.rmatmat(block)
        )
        return product

    def subset(self, keep: Indices) -> _Vectors:
        if self.operator is not None:
            raise InvalidInputError(
                "measurements by an operator have no subsets", "mini-batches", fix="use another solver"
            )
        return self._with(self.rows[keep])

    def in_double(self) -> _Vectors:
        kind = np.result_type(self.dtype, np.float64)
        if self.operator is not None or kind == self.dtype:
            return self
        return self._with(self.rows.astype(kind))

    def _with(self, rows: Matrix) -> _Vectors:
        part = object.__new__(_Vectors)
        part.operator, part.rows, part.dtype = None, rows, rows.dtype
        part.size, part.length = rows.shape
        return part


def _is_operator(vectors: Any) -> bool:
    return callable(getattr(vectors, "matvec", None)) or getattr(vectors, "format", None) is not None


@public("lowland")
def coded_diffraction(masks: ArrayLike) -> RankOne:
    """Return measurements of the Fourier intensities of an image behind masks.

    Parameters
    ----------
    masks : array_like, shape (L, h, w) or (L, n)
        What each exposure multiplies the image by, pixel by pixel; complex or real.

    Returns
    -------
    RankOne
        L h w measurements of X = x x^H, x the image read row by row: the squared magnitudes of
        F(mask * x), with the unitary Fourier transform F.

    Notes
    -----
    A product costs L fast Fourier transforms.

    References
    ----------
    E. Candès, X. Li, M. Soltanolkotabi, Phase retrieval from coded diffraction patterns, ACHA 2015.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.coded_diffraction(np.ones((1, 2, 2)))
    >>> image = np.array([[1.0], [1.0], [1.0], [1.0]])
    >>> A.measure(ll.Factors(image, image)).real
    array([4., 0., 0., 0.])
    """
    from scipy.fft import fftn, ifftn
    from scipy.sparse.linalg import LinearOperator

    patterns = check_numbers(masks, "masks")
    if patterns.ndim < 2 or not patterns.size:
        raise InvalidInputError(
            "masks must be a stack of images",
            f"shape {patterns.shape}",
            fix="pass shape (masks, height, width)",
        )
    axes, count, length = tuple(range(1, patterns.ndim)), patterns.shape[0], int(np.prod(patterns.shape[1:]))

    def forward(block: Matrix) -> Matrix:
        # columns first, so that each image is contiguous
        images = np.ascontiguousarray(block.reshape(length, -1).T).reshape(-1, 1, *patterns.shape[1:])
        seen = fftn(patterns * images, axes=tuple(a + 1 for a in axes), norm="ortho")
        return np.asarray(seen.reshape(-1, count * length).T)

    def backward(block: Matrix) -> Matrix:
        seen = np.ascontiguousarray(block.reshape(count * length, -1).T).reshape(-1, *patterns.shape)
        images = patterns.conj() * ifftn(seen, axes=tuple(a + 1 for a in axes), norm="ortho")
        return np.asarray(images.sum(axis=1).reshape(-1, length).T)

    operator = LinearOperator(
        (count * length, length),
        matvec=forward,
        rmatvec=backward,
        matmat=forward,
        rmatmat=backward,
        dtype=np.complex128,
    )
    return RankOne(operator)


@public("lowland")
def blind_deconvolution(left_basis: ArrayLike, right_basis: ArrayLike) -> RankOne:
    """Return measurements of the Fourier coefficients of a convolution of two unknown signals.

    Parameters
    ----------
    left_basis : array_like, shape (L, m)
        The first signal is left_basis @ h.
    right_basis : array_like, shape (L, n)
        The second is right_basis @ x.

    Returns
    -------
    RankOne
        L measurements of X = h x^T: the unitary Fourier transform of the convolution.

    References
    ----------
    A. Ahmed, B. Recht, J. Romberg, Blind deconvolution using convex programming, IEEE Trans. Inf.
    Theory 2014.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.blind_deconvolution(np.eye(4)[:, :2], np.eye(4))
    >>> h, x = np.array([1.0, 2.0]), np.array([1.0, 0.0, 0.0, 3.0])
    >>> bool(np.allclose(np.fft.ifft(A.measure_matrix(np.outer(h, x)), norm="ortho"), [7, 2, 0, 3]))
    True
    """
    left, right = (
        check_numbers(left_basis, "left_basis", ndim=2),
        check_numbers(right_basis, "right_basis", ndim=2),
    )
    if left.shape[0] != right.shape[0]:
        raise InvalidInputError(
            "both signals must be equally long", f"{left.shape[0]} and {right.shape[0]} samples"
        )
    # F(b h * c x) = sqrt(L) (F b h) (F c x), and RankOne conjugates its left vectors
    spectra = [np.fft.fft(basis, axis=0, norm="ortho") for basis in (left, right)]
    return RankOne((spectra[0] * np.sqrt(left.shape[0])).conj(), spectra[1])
