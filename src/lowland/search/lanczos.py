"""Lanczos iteration with full reorthogonalisation: the spectrum of a symmetric operator from products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Matrix, Vector

# a vector shorter than this, relative to the diagonal, ends the iteration: the space is invariant
INVARIANT = 1e-12


def lanczos(product: Callable[[Vector], Vector], start: Vector, steps: int) -> tuple[Vector, Matrix, Matrix]:
    """Return Ritz values ascending, their vectors within the basis, and the basis.

    Parameters
    ----------
    product : callable
        Multiplies by the symmetric operator.
    start : ndarray, shape (size,)
        A random vector; it need not be normalised.
    steps : int
        Most products.

    Returns
    -------
    ndarray of shape (k,), ndarray of shape (k, k), ndarray of shape (size, k)
        With k the number of products made; the Ritz vectors are the basis times the second.
    """
    basis: list[Vector] = [start / np.linalg.norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(steps):
        w = product(basis[-1])
        diagonal.append(float(w @ basis[-1]))
        columns = np.stack(basis, axis=1)
        for _ in range(2):  # no ghost eigenvalues
            w = w - columns @ (columns.T @ w)
        length = float(np.linalg.norm(w))
        if not length > INVARIANT * max(abs(d) for d in diagonal) or len(diagonal) == steps:
            break
        beside.append(length)
        basis.append(w / length)
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return values, vectors, np.stack(basis, axis=1)
