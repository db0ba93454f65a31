"""Two components of a CP decomposition that are the sum of two others too, found in exact arithmetic.

With parallel columns in all modes but two, the sum of two components is a matrix b d^T + k c e^T, times
columns of the other modes. It is b (d - t e)^T + k (c + t/k b) e^T as well, for every number t.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma

# difference of entries from parallel that is looked at in exact arithmetic
NEARLY = 1e-9
# least difference of directions between a component and one that it can be mixed into; and distance of the
# sums, as computed, in units of the smaller component
OTHER, SAME = 1e-4, 1e-7


def mixed(pair: Sequence[Matrix], signed: Sequence[bool]) -> list[Matrix] | None:
    """Return two other components with the sum of two; None if none are found.

    Parameters
    ----------
    pair : sequence of ndarray, shapes (I_n, 2)
        Columns that are not zero.
    signed : sequence of bool
        Modes in which the others must be nonnegative, as the pair is.

    Returns
    -------
    list of ndarray, shapes (I_n, 2), or None
        In all modes but two the columns of the pair; in these, other columns, to rounding.
    """
    ratios = [_ratio(both[:, 0], both[:, 1]) for both in pair]
    free = [n for n, ratio in enumerate(ratios) if ratio is None]
    if len(free) not in (1, 2):
        return None
    one, two = (free + [n for n in range(len(pair)) if n not in free])[:2]
    exact = Fraction(1)
    for n, ratio in enumerate(ratios):
        exact *= 1 if ratio is None or n in (one, two) else ratio
    if not 1e-100 < abs(exact) < 1e100:
        return None
    for (r, s), sign in ((order, sign) for order in permutations(range(2)) for sign in (1, -1)):
        k = float(exact if r == 0 else 1 / exact)
        (b, c), (d, e) = (pair[n][:, [r, s]].T for n in (one, two))
        step = min(
            float(np.linalg.norm(d) / np.linalg.norm(e)),
            _room(d, -sign * e) / 2 if signed[two] else np.inf,
            _room(c, sign / k * b) / 2 if signed[one] else np.inf,
        )
        out = [both.copy() for both in pair]
        out[two][:, r], out[one][:, s] = d - sign * step * e, c + sign * step / k * b
        new = (b, out[two][:, r], k * out[one][:, s], e)
        if step > 0 and _is_same((b, d, k * c, e), new) and _is_other(pair, out):
            return out
    return None


def _room(x: Vector, change: Vector) -> float:
    """Return the largest t for which x + t change has no negative entry, x having none."""
    falls = change < 0
    return float(np.min(x[falls] / -change[falls], initial=np.inf))


def _is_same(first: Sequence[Vector], second: Sequence[Vector]) -> bool:
    """Whether b d^T + c e^T of two such sets are the same, compared with the smaller part of the first."""
    matrices, sizes = [], []
    for b, d, c, e in (first, second):
        matrices.append(np.outer(b, d) + np.outer(c, e))
        sizes += [float(np.linalg.norm(b) * np.linalg.norm(d)), float(np.linalg.norm(c) * np.linalg.norm(e))]
    off = float(np.linalg.norm(matrices[1] - matrices[0])) + gamma(8) * sum(sizes)
    return 0 < off <= SAME * min(sizes[:2])


def _is_other(pair: Sequence[Matrix], others: Sequence[Matrix]) -> bool:
    """Whether one of the others is parallel to none of the two."""
    cosines = np.ones((2, 2))
    for both, new in zip(pair, others, strict=True):
        norms = np.outer(np.linalg.norm(both, axis=0), np.linalg.norm(new, axis=0))
        if not norms.all():
            return False
        cosines *= np.abs(both.T @ new) / norms
    return bool((cosines.max(axis=0) < 1 - OTHER).any())


def _ratio(a: Vector, b: Vector) -> Fraction | None:
    """Return t where b = t a in exact arithmetic; None if there is none."""
    pivot = int(np.abs(a).argmax())
    if not b[pivot] or np.abs(a * (b[pivot] / a[pivot]) - b).max() > NEARLY * np.abs(b).max():
        return None
    first, second = Fraction(float(a[pivot])), Fraction(float(b[pivot]))
    exact = all(Fraction(float(x)) * second == Fraction(float(y)) * first for x, y in zip(a, b, strict=True))
    return second / first if exact else None
