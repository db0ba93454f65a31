"""Variable projection for sampled matrices: one factor is eliminated, column by column, the other searched.

With U held, column j of X = U B has b_j = argmin |W_j (U_j b - y_j)|^2 + b^H K b, where U_j are the rows
of U observed in column j, W_j the roots of their weights and K a small positive matrix, the *prior*.
Everything that the reduced problem needs follows from an orthonormal basis Q_j of [W_j U_j; K^(1/2)]:
residuals are (I - Q_j Q_j^H) W_j y_j, and the reduced Gauss-Newton matrix is
sum_j (I - Q_j Q_j^H) kron conj(b_j) b_j^T. The same code handles real and complex numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import balanced_bounds, run_chunks


def eliminate(
    u: Matrix,
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Matrix,
    roots: Vector | None,
    prior_root: Matrix,
) -> tuple[Matrix, Matrix, Matrix]:
    """Return the other factor at its minimiser, the bases Q, and the weighted residuals.

    Parameters
    ----------
    u : ndarray, shape (m, k)
    starts, indices : ndarray of int, shapes (n + 1,) and (p,)
        The rows observed in each column.
    values : ndarray, shape (p,)
        Data, in that order.
    roots : ndarray, shape (p,), or None
        Square roots of the weights.
    prior_root : ndarray, shape (k, k)
        A matrix L^H with L L^H = K.

    Returns
    -------
    b : ndarray, shape (n, k)
        So that X[i, j] = u_i . b_j, nothing conjugated.
    q : ndarray, shape (p, k)
    residuals : ndarray, shape (p,)
        Roots of weights times (prediction - datum).
    """
    kind = np.result_type(u, values)
    n, k = starts.size - 1, u.shape[1]
    b, q = np.zeros((n, k), kind), np.empty((indices.size, k), kind)
    residuals = np.empty(indices.size, kind)
    u, values = np.ascontiguousarray(u, kind), np.ascontiguousarray(values, kind)
    prior_root = np.ascontiguousarray(prior_root, kind)
    weight, weighted = (np.zeros(1), False) if roots is None else (roots, True)
    run_chunks(
        lambda lo, hi: _eliminate(
            u, starts, indices, values, weight, weighted, prior_root, b, q, residuals, lo, hi
        ),
        balanced_bounds(starts, k * k),
    )
    return b, q, residuals


def project(
    d: Matrix,
    b: Matrix,
    q: Matrix,
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    roots: Vector | None,
) -> Matrix:
    """Return (I - Q_j Q_j^H) W_j D_j b_j for all columns j, shape (p,)."""
    out = np.empty(indices.size, q.dtype)
    d = np.ascontiguousarray(d, q.dtype)
    weight, weighted = (np.zeros(1), False) if roots is None else (roots, True)
    run_chunks(
        lambda lo, hi: _project(d, b, q, starts, indices, weight, weighted, out, lo, hi),
        balanced_bounds(starts, 3 * q.shape[1]),
    )
    return out


def row_blocks(
    b: Matrix,
    q: Matrix,
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    order: NDArray[np.int64],
    roots: Vector | None,
) -> Matrix:
    """Return the diagonal blocks of the reduced Gauss-Newton matrix, one per row, shape (m, k, k).

    Repeated cells are treated as independent: the blocks are for preconditioning only.

    Parameters
    ----------
    starts, indices : ndarray of int
        The columns observed in each *row*.
    order : ndarray of int, shape (p,)
        Positions of the rows' entries in `q`, which is ordered by columns.
    """
    k = q.shape[1]
    out = np.zeros((starts.size - 1, k, k), q.dtype)
    weight, weighted = (np.zeros(1), False) if roots is None else (roots, True)
    run_chunks(
        lambda lo, hi: _blocks(b, q, starts, indices, order, weight, weighted, out, lo, hi),
        balanced_bounds(starts, k * k),
    )
    return out


@compiled(fastmath={"contract"})
def _orthonormalise(a, r):
    """Run Gram-Schmidt twice, in place; vanishing columns become zero with a zero on the diagonal of r."""
    rows, k = a.shape
    for c in range(k):
        before = 0.0
        for i in range(rows):
            before += abs(a[i, c]) ** 2
        for _ in range(2):
            for e in range(c):
                dot = r[c, c] * 0
                for i in range(rows):
                    dot += np.conj(a[i, e]) * a[i, c]
                r[e, c] += dot
                for i in range(rows):
                    a[i, c] -= dot * a[i, e]
        after = 0.0
        for i in range(rows):
            after += abs(a[i, c]) ** 2
        size = np.sqrt(after) if after > 1e-28 * before else 0.0
        r[c, c] = size
        for i in range(rows):
            a[i, c] = a[i, c] / size if size > 0 else 0.0


@compiled(fastmath={"contract"})
def _eliminate(u, starts, indices, values, roots, weighted, prior_root, b, q, residuals, low, high):
    k = u.shape[1]
    for j in range(low, high):
        first, count = starts[j], starts[j + 1] - starts[j]
        if count == 0:
            continue
        a, r = np.empty((count + k, k), u.dtype), np.zeros((k, k), u.dtype)
        for t in range(count):
            root = roots[first + t] if weighted else 1.0
            for c in range(k):
                a[t, c] = root * u[indices[first + t], c]
        for c in range(k):
            for e in range(k):
                a[count + c, e] = prior_root[c, e]
        _orthonormalise(a, r)
        dots = np.zeros(k, u.dtype)
        for t in range(count):
            root = roots[first + t] if weighted else 1.0
            for c in range(k):
                q[first + t, c] = a[t, c]
                dots[c] += np.conj(a[t, c]) * (root * values[first + t])
        for t in range(count):
            root = roots[first + t] if weighted else 1.0
            total = -root * values[first + t]
            for c in range(k):
                total += a[t, c] * dots[c]
            residuals[first + t] = total
        for c in range(k - 1, -1, -1):
            total = dots[c]
            for e in range(c + 1, k):
                total -= r[c, e] * b[j, e]
            b[j, c] = total / r[c, c] if abs(r[c, c]) > 0 else 0.0


@compiled(fastmath={"contract"})
def _project(d, b, q, starts, indices, roots, weighted, out, low, high):
    k = q.shape[1]
    dots = np.empty(k, q.dtype)
    for j in range(low, high):
        dots[:] = 0
        for t in range(starts[j], starts[j + 1]):
            i = indices[t]
            total = d[i, 0] * b[j, 0]
            for c in range(1, k):
                total += d[i, c] * b[j, c]
            if weighted:
                total *= roots[t]
            out[t] = total
            for c in range(k):
                dots[c] += np.conj(q[t, c]) * total
        for t in range(starts[j], starts[j + 1]):
            total = out[t]
            for c in range(k):
                total -= q[t, c] * dots[c]
            out[t] = total


@compiled(fastmath={"contract"})
def _blocks(b, q, starts, indices, order, roots, weighted, out, low, high):
    k = q.shape[1]
    for i in range(low, high):
        for s in range(starts[i], starts[i + 1]):
            t, j = order[s], indices[s]
            free = 1.0
            for c in range(k):
                free -= abs(q[t, c]) ** 2
            if weighted:
                free *= roots[t] ** 2
            for c in range(k):
                for e in range(k):
                    out[i, c, e] += free * np.conj(b[j, c]) * b[j, e]
