"""`Pauli`: expectations of words of Pauli matrices on qubits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.doors import public
from lowland.core.error_free import Close, close_map, close_product
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.core.work import CALL, matrix_work, touch
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.kernels.pauli import flipped_rows, flipped_sums, multiply_flipped
from lowland.measure.exact import Exactness

LETTERS = "IXYZ"
# beyond this the masks of a word exceed machine integers, and no matrix fits into memory
MOST_QUBITS = 30


# numbers of the words as matrices, if they are formed
MOST_FORMED = 20_000_000


@public("lowland")
@final
class Pauli:
    """Expectations tr(P_k X) of words of the letters I, X, Y, Z on q qubits.

    Parameters
    ----------
    words : sequence of str, length p
        Each with q letters; the first letter acts on the most significant bit of an index, as in
        the Kronecker product of the matrices in order.

    Raises
    ------
    InvalidInputError
        If a letter is unknown, lengths differ, or there is no word.

    Notes
    -----
    Words that flip the same qubits share one fast Walsh-Hadamard transform: `measure` costs
    O(g n (w + q)) for g different flips, n = 2^q and w columns; the adjoint keeps g n complex
    numbers, and its products cost O(g n w). No word is ever formed as a matrix.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> bell = np.array([[1.0], [0.0], [0.0], [1.0]]) / np.sqrt(2)
    >>> ll.Pauli(["II", "XX", "YY", "ZZ", "ZI"]).measure(ll.Factors(bell, bell)).real.round(12)
    array([ 1.,  1., -1.,  1.,  0.])
    """

    size: int

    def __init__(self, words: Sequence[str]) -> None:
        codes = _read_words(words)
        self.qubits: int = int(codes.shape[1])
        bits = 1 << np.arange(self.qubits - 1, -1, -1, dtype=np.int64)
        # X and Y flip a qubit, Y and Z sign it; each Y brings a factor -i
        self._select(((codes == 1) | (codes == 2)) @ bits, (codes >= 2) @ bits, (codes == 2).sum(axis=1))

    def _select(self, flips: NDArray[np.int64], signs: NDArray[np.int64], count: NDArray[np.int64]) -> None:
        self._masks = flips, signs, count
        self.size, side = int(flips.size), 1 << self.qubits
        self.shape: tuple[int, int] = (side, side)
        self.dtype: np.dtype[Any] = np.dtype(np.complex128)
        # words in the order of their flips, so that those of one flip stand together
        self._order = np.argsort(flips, kind="stable")
        self._flips, first = np.unique(flips[self._order], return_index=True)
        self._starts = np.append(first, flips.size).astype(np.int64)
        self._signs = signs[self._order]
        self._phases = np.array([1, -1j, -1, 1j])[count[self._order] % 4]

    @property
    def masks(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Which bits each word flips, which it signs, and its number of letters Y; shape (p,) each."""
        return self._masks

    @property
    def words(self) -> list[str]:
        """The words."""
        flips, signs, _ = self._masks
        bits = np.arange(self.qubits - 1, -1, -1)
        flipped, signed = (flips[:, None] >> bits) & 1, (signs[:, None] >> bits) & 1
        letters = np.array(list("IXZY"))[flipped + 2 * signed]
        return ["".join(row) for row in letters]

    @property
    def exact(self) -> Pauli:
        """The measurement itself."""
        return self

    @property
    def exactness(self) -> Exactness:
        """Hermitian, with Gaussian integers only."""
        return Exactness(is_hermitian=True)

    def entry_sizes(self) -> Vector:
        """Return ones, shape (p,)."""
        return np.ones(self.size)

    def in_floats(self) -> Matrix:
        """Return the words as matrices, shape (p, n, n)."""
        return np.array([self.adjoint(unit).toarray() for unit in np.eye(self.size)])

    def modular_times(self, block: Residues, *, turned: bool = False) -> Residues:
        """Return the words times a block: its rows permuted, with signs and a power of -i."""
        flips, signs, count = self._masks
        at = np.arange(self.shape[0])
        # the parity of the bits that at and a word's signs share
        shared = at & signs[:, None]
        for shift in (32, 16, 8, 4, 2, 1):
            shared = shared ^ (shared >> shift)
        minus = 1.0 - 2.0 * (shared & 1)
        powers = np.array([1, -1j, -1, 1j])[count % 4][:, None] * minus
        factors = Residues.of(powers, block.prime).rearranged(lambda part: part[:, :, None])
        return factors * block.rearranged(lambda part: part[at ^ flips[:, None]])

    def measure(self, factors: Factors) -> Matrix:
        """Return tr(P_k left right^H), shape (p,)."""
        # flips pair the rows of both sides; words then sum them with signs
        touch(CALL + self.shape[0] * (4.0 * self._flips.size * factors.width + self.size))
        return self._place(flipped_sums(factors.left, factors.right, self._flips, self._starts, self._signs))

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return tr(P_k X) of a dense matrix, shape (p,)."""
        return self.measure(Factors(np.asarray(matrix), np.eye(self.shape[0])))

    def adjoint(self, weights: Matrix) -> PauliMap:
        """Return sum_k weights_k P_k as an operator."""
        touch(CALL + float(self.shape[0]) * self.size)
        scaled = np.asarray(weights)[self._order] * self._phases
        return PauliMap(
            flipped_rows(scaled, self._flips, self._starts, self._signs, self.shape[0]), self._flips
        )

    def subset(self, keep: Indices) -> Pauli:
        """Return the words at the positions `keep`."""
        part = object.__new__(Pauli)
        part.qubits = self.qubits
        flips, signs, count = self._masks
        part._select(flips[keep], signs[keep], count[keep])
        return part

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2: words are orthogonal, of squared norm 2^q."""
        flips, signs, _ = self._masks
        repeats = np.unique(flips * self.shape[0] + signs, return_counts=True)[1]
        return float(self.shape[0] * repeats.max())

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on the rounding error of `measure`, shape (p,)."""
        # every word pairs the rows of one side with those of the other once: Cauchy-Schwarz
        size = float(np.linalg.norm(factors.left) * np.linalg.norm(factors.right))
        return np.full(self.size, gamma(factors.width + self.qubits + 4, self.dtype) * size)

    def measure_closely(self, factors: Factors) -> Close | None:
        """Return the measurements with twice the digits; None if the words are too many to be formed."""
        if self.size * self.shape[0] ** 2 > MOST_FORMED:
            return None
        touch(40 * matrix_work(self.size * self.shape[0] ** 2, is_complex=True))
        x = close_product(factors.left, factors.right.conj().T)
        return close_map(self.in_floats().reshape(self.size, -1), x.each(lambda part: part.T.ravel()))

    def adjoint_error(self, weights: Matrix) -> float:
        """Return a bound on the rounding error of `adjoint(weights)` in Frobenius norm."""
        sums = np.add.reduceat(np.abs(np.asarray(weights))[self._order], self._starts[:-1])
        error = gamma(self.qubits + int(np.diff(self._starts).max()) + 2, self.dtype) * np.linalg.norm(sums)
        return float(error * np.sqrt(self.shape[0]))

    def _place(self, sums: Matrix) -> Matrix:
        out = np.empty(self.size, np.complex128)
        out[self._order] = sums * self._phases.conj()
        return out


@final
class PauliMap:
    """A sum of weighted Pauli words, stored as one row of coefficients per flip."""

    rows: Matrix
    flips: Indices

    def __init__(self, rows: Matrix, flips: NDArray[np.int64]) -> None:
        self.rows, self.flips = rows, flips
        self.shape: tuple[int, int] = (rows.shape[1], rows.shape[1])

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        touch(CALL + 4.0 * self.rows.size * block.shape[1])
        return multiply_flipped(self.rows, self.flips, block)

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        touch(CALL + 4.0 * self.rows.size * (block.shape[1] + 2))
        # row i of M^H holds the conjugates of column i, which flip g finds in row i ^ flip
        index = np.arange(self.shape[0]) ^ self.flips[:, None]
        return multiply_flipped(np.take_along_axis(self.rows, index, axis=1).conj(), self.flips, block)

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        dense = np.zeros(self.shape, np.complex128)
        at = np.arange(self.shape[0])
        for row, flip in zip(self.rows, self.flips, strict=True):
            dense[at, at ^ flip] = row
        return dense


def _read_words(words: Sequence[str]) -> NDArray[np.int64]:
    if isinstance(words, str) or not len(words):
        raise InvalidInputError(
            "words must be a list of strings such as ['XX', 'ZI']", repr(words), fix="pass at least one word"
        )
    length = len(words[0])
    if not 1 <= length <= MOST_QUBITS:
        raise InvalidInputError(f"a word must have 1 to {MOST_QUBITS} letters", repr(words[0]))
    for k, word in enumerate(words):
        if len(word) != length:
            raise InvalidInputError(
                "words must all have the same length",
                f"{word!r} at position {k} has {len(word)} letters, the first word has {length}",
                "each qubit needs one letter",
            )
    codes = np.array([list(word) for word in words])
    unknown = ~np.isin(codes, list(LETTERS))
    if unknown.any():
        k, t = (int(i) for i in np.argwhere(unknown)[0])
        raise InvalidInputError(
            "words must consist of the letters I, X, Y, Z", f"{words[k]!r} at position {k}, letter {t}"
        )
    return np.searchsorted(list(LETTERS), codes).astype(np.int64)
