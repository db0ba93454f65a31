"""A proved lower bound on what singular values of a flattening beyond a rank leave, all rounding included.

Computed singular vectors V are trusted in nothing. For any square V, let C = V^T A + F be computed: its
tail is at most that of A times |V|, plus |F|. Where rows of C are nearly orthogonal, C C^T = D H D with
their lengths D and H near the identity, so that the k-th singular value of C is at least the k-th length
times the root of the least eigenvalue of H (Ostrowski): small tails keep their digits beside large values.
Rows that are short beside the tail are left out, which only lowers singular values.

References
----------
J. Demmel, K. Veselic, Jacobi's method is more accurate than QR, SIAM Journal on Matrix Analysis 1992.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from lowland.certificates.factorisations import eigh, svd, triangle
from lowland.core.arrays import Matrix
from lowland.core.rounding import gamma
from lowland.core.work import CALL, touch

# numbers of the flattening that are turned at once
PIECE = 1_000_000
# squares of lengths below this fraction of the tail, per row, are left out
SHORT = 1e-4
# squared tails below this fraction of the sum of squares need vectors of the flattening, not of its squares
SQUARES = 1e-6


def proof_work(rows: int, columns: int) -> float:
    """Return the work of a proof for a flattening."""
    return 4 * CALL + rows * columns * (4.0 + rows / 8)


def proved_tail(tensor: Matrix, modes: tuple[int, ...], rank: int) -> float:
    """Return a number that the distance of a flattening from every matrix of a rank is proved to exceed.

    Parameters
    ----------
    tensor : ndarray
        In float64.
    modes : tuple of int
        The modes that become rows.
    rank : int

    Returns
    -------
    float
        The root sum of squares of singular values beyond the rank, less all rounding; at least 0.
    """
    largest = float(np.abs(tensor).max(initial=0.0))
    if not (np.isfinite(largest) and largest > 0):
        return 0.0
    flat = _Flattening(tensor, modes, 2.0 ** np.floor(np.log2(largest)))
    if rank >= flat.rows:
        return 0.0
    touch(proof_work(flat.rows, flat.columns))
    bound = flat.tail(eigh(flat.gram())[1], rank)
    if not bound**2 > SQUARES * flat.square:
        bound = max(bound, flat.tail(svd(triangle(flat.whole().T))[2].T, rank))
    return bound * flat.scale


class _Flattening:
    """A flattening with as few rows as it can have, divided by a power of two, some columns at a time."""

    def __init__(self, tensor: Matrix, modes: tuple[int, ...], scale: float) -> None:
        others = tuple(n for n in range(tensor.ndim) if n not in modes)
        few, many = (modes, others)
        self.rows, self.columns = (prod(tensor.shape[n] for n in part) for part in (few, many))
        if self.rows > self.columns:
            few, many, self.rows, self.columns = many, few, self.columns, self.rows
        self.turned: Matrix = np.transpose(tensor, (*many, *few))  # a view: no copy of the tensor
        self.scale = scale
        self.square = sum(float(np.vdot(part, part)) for part in self.pieces()) * (1 + gamma(self.size + 8))

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(self.turned.size)

    def pieces(self) -> Iterator[Matrix]:
        """Yield columns."""
        each = self.size // len(self.turned)
        step = max(1, PIECE // each)
        for low in range(0, len(self.turned), step):
            yield self.turned[low : low + step].reshape(-1, self.rows).T / self.scale

    def whole(self) -> Matrix:
        """Return all columns."""
        return np.hstack(list(self.pieces()))

    def gram(self) -> Matrix:
        """Return the products of rows with each other."""
        total = np.zeros((self.rows, self.rows))
        for part in self.pieces():
            total += part @ part.T
        return total

    def tail(self, vectors: Matrix, rank: int) -> float:
        """Return a lower bound on the tail from approximate singular vectors, best ones in any order."""
        gram = np.zeros((self.rows, self.rows))
        for part in self.pieces():
            turned = vectors.T @ part
            gram += turned @ turned.T
        squares, sums = np.diag(gram), gamma(2 * self.columns + 16)
        order = np.argsort(-squares, kind="stable")
        least = SHORT * float(squares[order[rank:]].sum()) / self.rows
        kept = order[: max(int(np.sum(squares > max(least, 0.0))), rank)]
        lengths = np.sqrt(squares[kept])
        if not (lengths > 0).all():
            return 0.0
        cosines = gram[np.ix_(kept, kept)] / np.outer(lengths, lengths) - np.eye(len(kept))
        # each cosine is off by the rounding of a product of two rows, and of their lengths
        askew = float(np.linalg.norm(cosines)) * (1 + 8 * sums) + 4 * sums * len(kept)
        if not askew < 1:
            return 0.0
        tail = np.sqrt(max(1 - askew, 0.0) * float(squares[kept[rank:]].sum()) * (1 - 4 * sums))
        norm = float(np.sum(vectors**2)) * (1 + gamma(self.rows**2 + 8))
        off = np.linalg.norm(vectors.T @ vectors - np.eye(self.rows)) + gamma(self.rows + 4) * (
            norm + self.rows
        )
        turned_error = gamma(self.rows + 2) * np.sqrt(norm * self.square)
        lost = turned_error + np.sqrt(self.size) * 1e-300  # and what underflows
        return float(max(tail - lost, 0.0) / np.sqrt(1 + off) * (1 - 1e-14))
