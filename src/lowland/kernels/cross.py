"""Second derivatives of a table's squared error: mixed ones of its two sides, and those of each line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import balanced_bounds, run_chunks


def cross_product(
    starts: NDArray[np.int64],
    indices: NDArray[np.integer[Any]],
    factor: Matrix,
    partner: Matrix,
    direction: Matrix,
    offset: float,
    weights: Vector | None,
    residuals: Vector,
    rank: int,
) -> Matrix:
    """Return how the gradients of lines on one side change along a direction of the other side.

    Parameters
    ----------
    starts, indices : ndarray of int, shapes (lines + 1,) and (p,)
        Cells of the lines, and their partners.
    factor : ndarray, shape (lines, a)
        Coefficients of the partners' unknowns in the predictions of a line.
    partner : ndarray, shape (partners, b)
        Coefficients of a line's own unknowns.
    direction : ndarray, shape (partners, a)
        Change of the partners' unknowns, the first `rank` of which are factors.
    offset : float
        Change of all predictions.
    weights : ndarray, shape (p,), or None
        In the order of `indices`; None means 1.
    residuals : ndarray, shape (p,)
        Weighted predictions minus data, in the order of `indices`.
    rank : int
        Number of unknowns on each side that are factors, which multiply each other; the rest are biases.

    Returns
    -------
    ndarray, shape (lines, b)
        sum_j w_ij (factor_i . d_j + offset) partner_j + e_ij (d_j[:rank], 0).

    Notes
    -----
    Costs O(p (a + b)). Lines are computed separately: the bits do not depend on threads.
    """
    out = np.zeros((starts.size - 1, partner.shape[1]))
    arrays = [np.ascontiguousarray(array, np.float64) for array in (factor, partner, direction)]
    weight, is_weighted = (residuals, False) if weights is None else (weights, True)
    run_chunks(
        lambda low, high: _cross(
            starts, indices, *arrays, float(offset), weight, is_weighted, residuals, rank, out, low, high
        ),
        balanced_bounds(starts, 4),
    )
    return out


def line_grams(
    starts: NDArray[np.int64],
    indices: NDArray[np.integer[Any]],
    partner: Matrix,
    weights: Vector | None,
) -> NDArray[np.float64]:
    """Return sum_j w_ij partner_j partner_j^T of every line i, shape (lines, b, b); costs O(p b^2)."""
    lines, width = starts.size - 1, partner.shape[1]
    out = np.zeros((lines, width, width))
    partner = np.ascontiguousarray(partner, np.float64)
    weight, is_weighted = (np.zeros(1), False) if weights is None else (weights, True)
    run_chunks(
        lambda low, high: _grams(starts, indices, partner, weight, is_weighted, out, low, high),
        balanced_bounds(starts, 4),
    )
    return out


@compiled(fastmath={"contract", "reassoc"})
def _cross(
    starts, indices, factor, partner, direction, offset, weights, is_weighted, residuals, rank, out, low, high
):
    a, b = factor.shape[1], partner.shape[1]
    sums = np.empty(b)
    for i in range(low, high):
        for c in range(b):
            sums[c] = 0.0
        for k in range(starts[i], starts[i + 1]):
            j, change = indices[k], offset
            for c in range(a):
                change += factor[i, c] * direction[j, c]
            if is_weighted:
                change *= weights[k]
            for c in range(b):
                sums[c] += change * partner[j, c]
            residual = residuals[k]
            for c in range(rank):
                sums[c] += residual * direction[j, c]
        for c in range(b):
            out[i, c] = sums[c]


@compiled(fastmath={"contract"})
def _grams(starts, indices, partner, weights, is_weighted, out, low, high):
    width = partner.shape[1]
    for i in range(low, high):
        for k in range(starts[i], starts[i + 1]):
            j = indices[k]
            weight = weights[k] if is_weighted else 1.0
            for c in range(width):
                scaled = weight * partner[j, c]
                for d in range(c + 1):
                    out[i, c, d] += scaled * partner[j, d]
        for c in range(width):
            for d in range(c):
                out[i, d, c] = out[i, c, d]
