"""k-ranks of the factors of a CP decomposition, and how far they are from what rounding of the sum hides.

A sum of components is known to its rounding d only. If any k_n columns of mode n, of length one, have
smallest singular values of at least m_n, d is compared with s m_1 ... m_N, where s is the size of the
smallest component. Of two components at small angles in three modes that is the product of these angles, by
which others with the same first moments differ. What is proved of it: docs/explanation/verdicts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np

from lowland.certificates.factorisations import singular_values
from lowland.certificates.gaps.spectral_bounds import is_eigenvalue_below
from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma

# columns of length one count as dependent below this singular value; and sets of columns that are looked at
DEPENDENT, MOST_SUBSETS = 1e-6, 20_000
# what the product of all margins must be, in units of the rounding of the sum and per component
CLEAR = 1e4


def of_length_one(factor: Matrix) -> tuple[Matrix, Vector]:
    """Return columns of length one, zero ones as they are, and the lengths; nothing underflows on the way."""
    scales = np.ldexp(1.0, np.frexp(np.abs(factor).max(axis=0))[1] - 1)
    scaled = factor / scales
    norms = np.linalg.norm(scaled, axis=0)
    return scaled / np.where(norms > 0, norms, 1.0), norms * scales


def rounding_of_sum(sizes: Vector, shape: Sequence[int]) -> float:
    """Return a bound on the norm by which the computed sums of two such sets of components differ from exact.

    Parameters
    ----------
    sizes : ndarray, shape (R,)
        Norms of the components.
    shape : sequence of int
    """
    tiny = float(np.finfo(np.float64).tiny) * float(np.sqrt(np.prod(np.array(shape, np.float64))))
    return 2 * (gamma(len(shape) + sizes.size) * float(sizes.sum()) + sizes.size * tiny)


def k_rank(unit: Matrix) -> tuple[int, float]:
    """Return a number k such that any k columns are independent, the largest that is found.

    Parameters
    ----------
    unit : ndarray, shape (I, R)
        Columns of length one, or zero.

    Returns
    -------
    k : int
    smallest : float
        The least singular value of any k columns; 1 if k is zero.
    """
    length, rank = unit.shape
    if not unit.any(axis=0).all():
        return 0, 1.0
    for k in range(min(length, rank), 1, -1):
        # a proof by the squares of columns, as re-checks make, needs so much
        limit = max(DEPENDENT, 4 * float(np.sqrt(length * k * np.finfo(np.float64).eps)))
        smallest = least_of_sets(unit, k, limit)
        if smallest > limit:
            return k, smallest
    return 1, 1.0


def least_of_sets(unit: Matrix, k: int, limit: float = 0.0) -> float:
    """Return the least singular value of any k columns, if all are proved to be independent.

    Parameters
    ----------
    unit : ndarray, shape (I, R)
        Columns of length one.
    k : int
        At least one.
    limit : float
        Singular values up to it count as zero.

    Returns
    -------
    float
        Zero if some columns are not shown to be independent, or there are too many sets.
    """
    if k == 1:
        return 1.0
    if comb(unit.shape[1], k) > MOST_SUBSETS:
        return 0.0
    smallest = np.inf
    for places in combinations(range(unit.shape[1]), k):
        columns = unit[:, list(places)]
        if smallest < np.inf and _is_spread(columns, smallest):
            continue
        smallest = min(smallest, float(singular_values(columns)[-1]))
        if smallest <= limit or not _is_spread(columns, 0.0):
            return 0.0
    return smallest


def _is_spread(columns: Matrix, bound: float) -> bool:
    """Whether the least singular value of columns exceeds a bound, all rounding included."""
    rows, k = columns.shape
    gram = columns.T @ columns
    # entries of columns are rounded once when these are scaled
    return is_eigenvalue_below(-gram, -(bound**2) - k * gamma(rows + 8))


def eased(units: Sequence[Matrix], found: Sequence[tuple[int, float]], spare: int) -> list[tuple[int, float]]:
    """Return k-ranks lower by at most `spare` in all, where fewer columns are further from dependent.

    Parameters
    ----------
    units : sequence of ndarray
    found : sequence of (k, smallest)
    spare : int
        By how much the sum of the k-ranks exceeds what is needed.
    """
    eased = list(found)
    while spare > 0:
        fewer = [max(1, k - spare) for k, _ in eased]
        margins = [least_of_sets(unit, k) for unit, k in zip(units, fewer, strict=True)]
        gains = [margin / before for margin, (_, before) in zip(margins, eased, strict=True)]
        mode = int(np.argmax(gains))
        if not gains[mode] > 1:
            break
        spare -= eased[mode][0] - fewer[mode]
        eased[mode] = fewer[mode], margins[mode]
    return eased


def hidden_component(sizes: Vector, rounding: float) -> int | None:
    """Return the smallest component if rounding of the sum could remove it."""
    least = int(sizes.argmin())
    return least if sizes[least] <= rounding else None


def hidden_pair(units: Sequence[Matrix], sizes: Vector, rounding: float) -> tuple[int, int] | None:
    """Return two components that rounding of the sum could exchange for others, if there are.

    The others are two on the curve through both that have the same moments, up to the second.
    """
    for r, s in combinations(range(sizes.size), 2):
        sines = np.sort([_sine(unit[:, r], unit[:, s]) for unit in units])[-3:]
        if min(sizes[r], sizes[s]) * np.prod(sines) <= rounding:
            return r, s
    return None


def _sine(a: Vector, b: Vector) -> float:
    """Return the sine of the angle between lines, given vectors of length one, to all digits."""
    return float(np.linalg.norm(b - (a @ b) * a))
