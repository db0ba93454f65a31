"""The leading singular vectors of an operator, by Golub-Kahan iteration."""

from __future__ import annotations

import numpy as np

from lowland.certificates.factorisations import svd
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.protocols import LinearMap
from lowland.core.work import counted, matrix_work, touch

# number of steps if the estimate is verified afterwards
ESTIMATE_STEPS = 60
# lengths below this share of the largest are rounding
NEGLIGIBLE = 1e-13


def leading_triplet(
    operator: LinearMap, steps: int, rng: np.random.Generator
) -> tuple[Matrix, float, Matrix]:
    """Return the largest singular value found by Golub-Kahan iteration, with its vectors.

    The value is a lower bound on the norm, up to rounding.

    Parameters
    ----------
    operator : LinearMap, shape (m, n)
    steps : int
        Most steps; one product with the operator and one with its transpose each.
    rng : numpy.random.Generator
        For the start.

    Returns
    -------
    u : ndarray, shape (m,)
    value : float
    v : ndarray, shape (n,)
    """
    m, n = operator.shape
    start: Vector = rng.standard_normal(n)
    limit = min(steps, m, n)
    right = start / np.linalg.norm(start)
    first = operator.matmat(right[:, None])
    # one vector per column, in a memory order that keeps each contiguous
    lefts = np.zeros((m, limit), first.dtype, order="F")
    rights = np.zeros((n, limit + 1), first.dtype, order="F")
    rights[:, 0] = right
    touch(matrix_work(2.0 * (m + n) * limit**2))
    diagonal: list[float] = []
    above: list[float] = []
    for k in range(limit):
        image = first if k == 0 else operator.matmat(rights[:, k, None])
        u = _orthogonalise(image[:, 0], lefts[:, :k])
        alpha = float(np.linalg.norm(u))
        # what is rounding alone must not be made a direction
        if not alpha > NEGLIGIBLE * max([*diagonal, *above], default=0.0):
            break
        diagonal.append(alpha)
        lefts[:, k] = u / alpha
        w = _orthogonalise(operator.rmatmat(lefts[:, k, None])[:, 0], rights[:, : k + 1])
        beta = float(np.linalg.norm(w))
        if not beta > NEGLIGIBLE * max([*diagonal, *above]):
            break
        above.append(beta)
        rights[:, k + 1] = w / beta
    if not diagonal:
        return np.zeros(m), 0.0, rights[:, 0]
    # of upper bidiagonal form, with one column more where the left vectors ended first
    count, width = len(diagonal), len(above) + 1
    bidiagonal = np.zeros((count, width))
    bidiagonal[range(count), range(count)] = diagonal
    bidiagonal[range(width - 1), range(1, width)] = above
    if not np.isfinite(bidiagonal).all():  # intermediate squares overflowed
        return lefts[:, 0], float("inf"), rights[:, 0]
    inner_left, values, inner_right = svd(bidiagonal)
    return lefts[:, :count] @ inner_left[:, 0], float(values[0]), rights[:, :width] @ inner_right[0]


def step_work(operator: LinearMap) -> float:
    """Return the work of one step of Golub-Kahan iteration: two products, counted, and orthogonalisation."""
    with counted() as work:
        operator.matmat(np.zeros((operator.shape[1], 1)))
        operator.rmatmat(np.zeros((operator.shape[0], 1)))
    return work.spent + matrix_work(2.0 * sum(operator.shape) * ESTIMATE_STEPS)


def _orthogonalise(vector: Matrix, basis: Matrix) -> Matrix:
    for _ in range(2 if basis.shape[1] else 0):  # two passes are enough
        vector = vector - basis @ (basis.conj().T @ vector)
    return vector
