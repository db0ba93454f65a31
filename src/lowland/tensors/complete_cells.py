"""All cells of a tensor, of equal weight, beside a sum of products of columns: sums that list no cell.

Inner products of such tensors are those of small Gram matrices, so that only contractions of the tensor
itself are needed. No array here is as large as the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import final

import numpy as np

from lowland.cells.block import CellBlock
from lowland.core.arrays import Matrix
from lowland.core.work import CALL, touch
from lowland.tensors.cells.unfoldings import RowProblem, all_products

# cells that are predicted at once
CHUNK = 500_000


@final
@dataclass(frozen=True, eq=False)
class CompleteCells:
    """A complete tensor without weights.

    Parameters
    ----------
    tensor : ndarray, shape (I_1, ..., I_N)
    """

    tensor: Matrix

    def overlaps(self, factors: Sequence[Matrix]) -> tuple[float, float]:
        """Return the inner products of the sum of products with itself and with the tensor."""
        along = float(np.sum(factors[0] * self.contracted(factors, 0)))
        return float(_product(_grams(factors), factors[0].shape[1], ()).sum()), along

    def contracted(self, factors: Sequence[Matrix], mode: int) -> Matrix:
        """Return the unfolding of a mode times the products of the other factors, shape (I_n, R)."""
        shape, rank = self.tensor.shape, factors[0].shape[1]
        self._touch(rank)
        if mode == 0:
            return np.asarray(self.tensor.reshape(shape[0], -1) @ all_products(factors[1:]))
        before = all_products(factors[:mode])
        if mode == len(shape) - 1:
            return np.asarray(self.tensor.reshape(-1, shape[-1]).T @ before)
        stack = self.tensor.reshape(len(before), shape[mode], -1)
        after, out = all_products(factors[mode + 1 :]), np.zeros((shape[mode], rank))
        step = max(1, CHUNK // (shape[mode] * rank))
        for low in range(0, len(stack), step):
            part = stack[low : low + step] @ after
            out += np.einsum("bir,br->ir", part, before[low : low + step])
        return out

    def _touch(self, rank: int) -> None:
        touch(CALL + self.tensor.size * (1 + rank / 12))

    def normal_matrix(self, factors: Sequence[Matrix]) -> Matrix:
        """Return J^T J, shape (size, size)."""
        grams, rank = _grams(factors), factors[0].shape[1]
        blocks = []
        for n, factor in enumerate(factors):
            row = []
            for m, other in enumerate(factors):
                shared = _product(grams, rank, (n, m))
                if n == m:
                    block = np.einsum("ij,rs->irjs", np.eye(len(factor)), shared)
                else:
                    block = np.einsum("is,jr,rs->irjs", factor, other, shared)
                row.append(block.reshape(factor.size, other.size))
            blocks.append(row)
        return np.block(blocks)

    def reduced(self, factors: Sequence[Matrix], mode: int) -> RowProblem:
        """Return a least-squares problem for the rows of a mode, with as many cells per row as components.

        Its solutions are those of all cells, whatever is asked of them: both have the same normal equations.
        """
        gram = _product(_grams(factors), factors[0].shape[1], (mode,))
        sizes = np.sqrt(np.diag(gram))  # columns of all sizes keep their digits
        sizes = np.where(sizes > 0, sizes, 1.0)
        values, vectors = np.linalg.eigh(gram / np.outer(sizes, sizes))
        roots = np.sqrt(np.maximum(values, 0.0))
        kept = values > np.finfo(float).eps * len(values) * max(float(values[-1]), 0.0)
        right = self.contracted(factors, mode) / sizes @ vectors
        cells = np.divide(right, roots, out=np.zeros_like(right), where=kept)
        rows, rank = cells.shape
        starts = np.arange(0, (rows + 1) * rank, rank, dtype=np.int64)
        partners = np.tile(np.arange(rank, dtype=np.int32), rows)
        block = CellBlock(0, starts, partners, cells.ravel())
        return RowProblem(mode, block, roots[:, None] * vectors.T * sizes)


def normal_product(factors: Sequence[Matrix], changes: Sequence[Matrix]) -> list[Matrix]:
    """Return J^T J times a change of the factors, mode by mode."""
    return _summed(factors, changes, lambda factor, change: change.T @ factor, diagonal=True)


def model_curvature(factors: Sequence[Matrix], changes: Sequence[Matrix]) -> list[Matrix]:
    """Return the derivative of the contractions of the sum of products itself, held fixed, along a change."""
    return _summed(factors, changes, lambda factor, change: factor.T @ change, diagonal=False)


def contracted_model(factors: Sequence[Matrix]) -> list[Matrix]:
    """Return the contractions of the sum of products itself with all factors but one, mode by mode."""
    grams, rank = _grams(factors), factors[0].shape[1]
    return [factor @ _product(grams, rank, (n,)) for n, factor in enumerate(factors)]


def _summed(
    factors: Sequence[Matrix],
    changes: Sequence[Matrix],
    mixed: Callable[[Matrix, Matrix], Matrix],
    *,
    diagonal: bool,
) -> list[Matrix]:
    """Return, mode by mode, the change of this mode and those of the others, one at a time."""
    grams, rank = _grams(factors), factors[0].shape[1]
    out = []
    for n, factor in enumerate(factors):
        total = changes[n] @ _product(grams, rank, (n,)) if diagonal else np.zeros_like(factor)
        for m, (other, change) in enumerate(zip(factors, changes, strict=True)):
            if m != n:
                total = total + factor @ (_product(grams, rank, (n, m)) * mixed(other, change))
        out.append(total)
    return out


def _grams(factors: Sequence[Matrix]) -> list[Matrix]:
    return [factor.T @ factor for factor in factors]


def _product(grams: Sequence[Matrix], rank: int, without: tuple[int, ...]) -> Matrix:
    """Return the product, entry by entry, of the Gram matrices of all modes but some."""
    some = (gram for k, gram in enumerate(grams) if k not in without)
    return reduce(np.multiply, some, np.ones((rank, rank), grams[0].dtype))
