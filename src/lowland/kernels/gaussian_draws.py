"""A Gaussian drawn given rows, in compiled loops: of few columns NumPy's calls take most of the time.

The same as `lowland.bayes.full_gaussian` says in NumPy, up to rounding.
"""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled

_FAST = {"contract", "reassoc", "nsz"}


def log_determinants(scatter: Matrix, excesses: Vector) -> Vector:
    """Return log det(S + e I) of a positive semidefinite matrix S for each e.

    Parameters
    ----------
    scatter : ndarray of float64, shape (p, p)
    excesses : ndarray of float64, shape (k,)
        Positive.

    Notes
    -----
    Costs O(p^3 + k p): S is made tridiagonal by reflections (Householder 1958). No pivot of S + e I is
    below e.
    """
    out = np.empty(excesses.size)
    _log_determinants(scatter.copy(), excesses, np.empty(len(scatter)), out)
    return out


def gaussian_of_draw(total: Matrix, lower: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return the covariance, its root and its inverse, of a Wishart draw.

    Parameters
    ----------
    total : ndarray of float64, shape (p, p)
        Inverse of the scale; positive definite.
    lower : ndarray of float64, shape (p, p)
        Lower triangular T, for which T T^T has a Wishart law with an identity as its scale.

    Returns
    -------
    covariance, half, precision : ndarray, shape (p, p)
        With L L^T the total: half = L T^-T, the covariance half half^T, the precision L^-T T T^T L^-1.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the total is not positive definite.
    """
    p = len(total)
    covariance, half, precision = (np.empty((p, p)) for _ in range(3))
    if not _draw(total, lower, covariance, half, precision, np.empty((p, p)), np.empty((p, p))):
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    return covariance, half, precision


@compiled(fastmath=_FAST)
def _log_determinants(a, excesses, work, out):
    p = len(a)
    # Householder reflections, from the last row on: the diagonal and what is left of it stay in `a`
    for i in range(p - 1, 1, -1):
        norm = 0.0
        for c in range(i):
            norm += a[i, c] * a[i, c]
        norm = np.sqrt(norm)
        if norm == 0.0:
            continue
        beside = -norm if a[i, i - 1] > 0 else norm
        a[i, i - 1] -= beside  # row i is now v, of v v^T / h
        h = -beside * a[i, i - 1]
        along = 0.0
        for c in range(i):
            total = 0.0
            for d in range(c + 1):
                total += a[c, d] * a[i, d]
            for d in range(c + 1, i):
                total += a[d, c] * a[i, d]
            work[c] = total / h
            along += work[c] * a[i, c]
        along /= 2 * h
        for c in range(i):
            work[c] -= along * a[i, c]
        for c in range(i):
            for d in range(c + 1):
                a[c, d] -= a[i, c] * work[d] + work[c] * a[i, d]
        a[i, i - 1] = beside
    for k in range(excesses.size):
        e = excesses[k]
        pivot = max(a[0, 0] + e, e)
        total = np.log(pivot)
        for i in range(1, p):
            pivot = max(a[i, i] + e - a[i, i - 1] * a[i, i - 1] / pivot, e)
            total += np.log(pivot)
        out[k] = total


@compiled(fastmath=_FAST)
def _draw(total, lower, covariance, half, precision, root, inverse):
    p = len(total)
    for a in range(p):
        for b in range(a + 1):
            left = total[a, b]
            for c in range(b):
                left -= root[a, c] * root[b, c]
            if b < a:
                root[a, b] = left / root[b, b]
            elif left > 0:
                root[a, a] = np.sqrt(left)
            else:
                return False
    for a in range(p):
        for r in range(p):
            left = root[a, r] if r <= a else 0.0
            for q in range(r):
                left -= lower[r, q] * half[a, q]
            half[a, r] = left / lower[r, r]
    for r in range(p - 1, -1, -1):
        for c in range(p):
            inverse[r, c] = lower[r, c] if c <= r else 0.0
        for q in range(r + 1, p):
            factor = root[q, r]
            for c in range(p):
                inverse[r, c] -= factor * inverse[q, c]
        for c in range(p):
            inverse[r, c] /= root[r, r]
    for a in range(p):
        for b in range(a + 1):
            spread, narrow = 0.0, 0.0
            for c in range(p):
                spread += half[a, c] * half[b, c]
                narrow += inverse[a, c] * inverse[b, c]
            covariance[a, b] = covariance[b, a] = spread
            precision[a, b] = precision[b, a] = narrow
    return True
