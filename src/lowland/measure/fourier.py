"""`Fourier`: some coefficients of the two-dimensional discrete Fourier transform."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.cells.block import sort_cells
from lowland.core.arrays import Indices, Matrix
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors
from lowland.core.work import CALL, touch
from lowland.kernels.sparse_tables.sparse import sample_product
from lowland.measure.operators import SparseMap, cell_work


@public("lowland")
@final
class Fourier:
    """Coefficients of the unitary two-dimensional Fourier transform of a complex matrix.

    Parameters
    ----------
    mask : array_like of bool, shape (m, n)
        Which coefficients are measured, the zero frequency at position (0, 0).

    Raises
    ------
    InvalidInputError
        If the mask is not boolean or selects nothing.

    Notes
    -----
    The transform of a product is the product of one-dimensional transforms, so k columns cost
    O(k (m log m + n log n + p)) and nothing of size m n is formed.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> mask = np.zeros((2, 2), dtype=bool)
    >>> mask[0, 0] = True
    >>> ll.Fourier(mask).measure_matrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([5.+0.j])
    """

    rows: Indices
    columns: Indices

    def __init__(self, mask: ArrayLike) -> None:
        array = np.asarray(mask)
        if array.ndim != 2 or array.dtype != np.bool_ or not array.any():
            raise InvalidInputError(
                "mask must be a boolean matrix that selects something", f"{array.dtype}, shape {array.shape}"
            )
        self.shape: tuple[int, int] = (int(array.shape[0]), int(array.shape[1]))
        self._select(*np.nonzero(array))

    def _select(self, rows: Indices, columns: Indices) -> None:
        self.rows, self.columns = rows, columns
        self.size: int = int(rows.size)
        self.dtype: np.dtype[Any] = np.dtype(np.complex128)
        self._pattern = sort_cells(rows, columns, self.shape)

    def measure(self, factors: Factors) -> Matrix:
        """Return the coefficients of left right^H, shape (p,)."""
        touch(cell_work(self.size, factors.width) + 128.0 * sum(self.shape) * factors.width)
        left = np.fft.fft(factors.left, axis=0, norm="ortho")
        right = np.fft.fft(factors.right.conj(), axis=0, norm="ortho")
        return sample_product(left, right, self.rows, self.columns)

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return the coefficients of a dense matrix, shape (p,)."""
        touch(CALL + 128.0 * matrix.size)
        image: Matrix = np.fft.fft2(matrix, norm="ortho")[self.rows, self.columns]
        return image

    def adjoint(self, weights: Matrix) -> FourierMap:
        """Return the inverse transform of weights placed at their frequencies, as an operator."""
        return FourierMap(SparseMap(self._pattern, np.asarray(weights)))

    def subset(self, keep: Indices) -> Fourier:
        """Return the coefficients at the positions `keep`."""
        part = object.__new__(Fourier)
        part.shape = self.shape
        part._select(self.rows[keep], self.columns[keep])
        return part


@final
class FourierMap:
    """The inverse Fourier transform of a sparse matrix."""

    coefficients: SparseMap
    shape: tuple[int, int]

    def __init__(self, coefficients: SparseMap) -> None:
        self.coefficients, self.shape = coefficients, coefficients.shape

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        touch(128.0 * sum(self.shape) * block.shape[1])
        inner = self.coefficients.matmat(np.fft.ifft(block, axis=0, norm="ortho"))
        return np.fft.ifft(inner, axis=0, norm="ortho")

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        touch(128.0 * sum(self.shape) * block.shape[1])
        inner = self.coefficients.rmatmat(np.fft.fft(block, axis=0, norm="ortho"))
        return np.fft.fft(inner, axis=0, norm="ortho")

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        return np.fft.ifft2(self.coefficients.toarray(), norm="ortho")
