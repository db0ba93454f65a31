"""Both ends of the spectrum of a symmetric operator by Lanczos, outer bounds with a known chance of failure.

The start is uniform on the sphere. Its weights on the eigenvectors are a measure, whose orthonormal
polynomials p_0, p_1, ... Lanczos finds; a point beyond the Ritz values with weight w has w sum p_j^2 <= 1. A
random start has weight below pi q^2 / (2 n) on an eigenvector with probability q at most, so an eigenvalue
lies where sum p_j^2 exceeds 2 n / (pi q^2) with no greater probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import LowlandError
from lowland.core.memory import check_fits
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruption
from lowland.core.running.stages import announce
from lowland.kernels.blas_threads import one_blas_thread

Product = Callable[[Vector], Vector]
# a Krylov space whose next vector is shorter than this share of the operator's size is invariant
INVARIANT = 1e-13
# an end within this share of the operator's size counts as zero, where its relative width means nothing
NOTHING = 1e-6
# roundings of a product that bounds are widened by, per step
ROUNDINGS = 16.0
# polynomials beyond this are kept by their logarithms
LARGE = 1e100


@final
@dataclass(frozen=True, eq=False)
class SpectrumEnds:
    """Where the largest and the smallest eigenvalue lie.

    Parameters
    ----------
    largest, smallest : tuple of float
        Lower and upper ends. Ritz values, which hold but for rounding, are the lower end of the largest and
        the upper end of the smallest; the outer ends hold with a probability.
    vector : ndarray, shape (n,)
        Ritz vector of the largest, of length one.
    products : int
    stop_reason : StopReason
    """

    largest: tuple[float, float]
    smallest: tuple[float, float]
    vector: Vector
    products: int
    stop_reason: StopReason


def spectrum_ends(
    product: Product,
    size: int,
    *,
    tolerance: float,
    failure_probability: float,
    max_products: int,
    rng: np.random.Generator,
) -> SpectrumEnds:
    """Return both ends of a spectrum.

    Parameters
    ----------
    product : callable
        Takes a vector, shape (n,), and returns the operator's image.
    size : int
        n.
    tolerance : float
        Ends once the largest eigenvalue is known to this share of the larger end's modulus.
    failure_probability : float
        That of either outer end being wrong, over the choice of the start.
    max_products : int
    rng : numpy.random.Generator

    Raises
    ------
    LowlandError
        If an image is not finite.

    Notes
    -----
    Keeps one vector per product, orthogonal to all others to rounding.

    References
    ----------
    J. L. M. van Dorsselaer, M. E. Hochstenbach, H. A. van der Vorst, Computing probabilistic bounds for
    extreme eigenvalues of symmetric matrices with the Lanczos method, SIAM J. Matrix Anal. Appl. 2000.
    """
    check_fits(
        8.0 * size * min(max_products, size),
        "a vector per product",
        fix="allow fewer products (max_products)",
    )
    start = rng.standard_normal(size)
    basis = np.empty((min(max_products, size), size))
    basis[0] = start / np.linalg.norm(start)
    diagonal, beside = list[float](), list[float]()
    level = float(np.log(2 * size / np.pi) - 2 * np.log(failure_probability / 2))
    reason, ends = StopReason.ITERATION_LIMIT, ((0.0, 0.0), (0.0, 0.0))
    with Interruption() as interruption, one_blas_thread():
        for k in range(len(basis)):
            image = np.asarray(product(basis[k]), np.float64)
            if not np.isfinite(image).all():
                raise LowlandError("a product with the Hessian is not finite", f"product {k + 1}")
            known = basis[: k + 1]
            diagonal.append(float(basis[k] @ image))
            for _ in range(2):  # twice is enough
                image -= known.T @ (known @ image)
            beside.append(float(np.linalg.norm(image)))
            values, vectors = _ritz(diagonal, beside[:-1])
            extent = max(float(np.abs(values).max()), np.finfo(float).tiny)
            invariant = beside[-1] <= INVARIANT * extent
            # the next vector would be rounding; what its length says is known to that only
            beside[-1] = max(beside[-1], INVARIANT * extent)
            ends = _ends(diagonal, beside, values, level, k + 1 == size)
            announce("products with the Hessian", k + 1, note=f"largest eigenvalue {values[-1]:.6g}")
            (low, high), _ = ends
            if k + 1 == size or high - low <= tolerance * max(abs(high), NOTHING * extent):
                reason = StopReason.CONVERGED
                break
            if invariant:
                reason = StopReason.STALLED
                break
            if interruption.requested:
                reason = StopReason.INTERRUPTED
                break
            if k + 1 < len(basis):
                basis[k + 1] = image / beside[-1]
        vector = vectors[:, -1] @ basis[: len(diagonal)]
    largest, smallest = ends
    return SpectrumEnds(largest, smallest, vector / np.linalg.norm(vector), len(diagonal), reason)


def _ritz(diagonal: list[float], beside: list[float]) -> tuple[Vector, Matrix]:
    from scipy.linalg import eigh_tridiagonal

    values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside))
    return values, vectors


def _ends(
    diagonal: list[float], beside: list[float], values: Vector, level: float, whole: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return lower and upper ends of the largest and of the smallest eigenvalue."""
    extent = float(np.abs(values).max())
    rounding = float(ROUNDINGS * len(diagonal) * np.finfo(float).eps * extent)
    top, bottom = float(values[-1]), float(values[0])
    if whole:  # all eigenvalues are there
        return (top, top + rounding), (bottom - rounding, bottom)
    above = _beyond(diagonal, beside, top, level) + rounding
    below = -_beyond([-a for a in diagonal], beside, -bottom, level) - rounding
    return (top, above), (below, bottom)


def _beyond(diagonal: list[float], beside: list[float], top: float, level: float) -> float:
    """Return where the logarithm of the sum of squared polynomials reaches a level, beyond Ritz values."""
    step = max(beside[-1], np.finfo(float).tiny)
    low, high = top, top + step
    while _log_sum(diagonal, beside, high) < level:
        low, high = high, top + 2 * (high - top)
    for _ in range(60):
        middle = (low + high) / 2
        if _log_sum(diagonal, beside, middle) < level:
            low = middle
        else:
            high = middle
    return high


def _log_sum(diagonal: list[float], beside: list[float], at: float) -> float:
    """Return the logarithm of the sum over j = 0, ..., k of p_j(at)^2."""
    before, now, total, logs, last = 0.0, 1.0, 1.0, 0.0, 0.0
    for a, b in zip(diagonal, beside, strict=True):
        before, now = now, ((at - a) * now - last * before) / b
        last, total = b, total + now * now
        if abs(now) > LARGE:
            before, now, total, logs = before / LARGE, now / LARGE, total / LARGE**2, logs + 2 * np.log(LARGE)
    return float(np.log(total) + logs)
