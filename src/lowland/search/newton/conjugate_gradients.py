"""Conjugate gradients for the inner systems of Newton-like steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Matrix, Vector


def conjugate_gradients(
    product: Callable[[Matrix], Matrix],
    right: Matrix,
    tolerance: float,
    limit: int,
    precondition: Callable[[Matrix], Matrix] | None = None,
) -> tuple[Matrix, int]:
    """Solve a Hermitian positive definite system from zero until the residual falls by `tolerance`.

    Parameters
    ----------
    product : callable
        Multiplies by the matrix.
    right : ndarray
        Of any shape, real or complex.
    tolerance : float
        Relative to the norm of `right`.
    limit : int
        Largest number of iterations.
    precondition : callable, optional
        Multiplies by an approximate inverse, also Hermitian positive definite.

    Returns
    -------
    ndarray, int
        The solution and the number of iterations. If a curvature is not positive (by rounding)
        the iterate so far is returned.
    """
    x, residual = np.zeros_like(right), right.copy()
    square = _inner(residual, residual)
    search, slope = residual.copy(), square
    if precondition is not None:
        search = precondition(residual)
        slope = _inner(residual, search)
    target, count = tolerance**2 * square, 0
    while square > target and count < limit:
        image = product(search)
        curvature = _inner(search, image)
        count += 1
        if not curvature > 0:
            break
        x += slope / curvature * search
        residual -= slope / curvature * image
        square = _inner(residual, residual)
        turned, new = residual, square
        if precondition is not None:
            turned = precondition(residual)
            new = _inner(residual, turned)
        search = turned + new / slope * search
        slope = new
    return x, count


def shifted(product: Callable[[Vector], Vector], shift: float | Vector) -> Callable[[Vector], Vector]:
    """Return the product with a matrix plus a multiple of the identity, or plus a diagonal."""
    return lambda d: product(d) + np.asarray(shift, d.dtype) * d


def _inner(a: Matrix, b: Matrix) -> float:
    return float(np.vdot(a, b).real)
