"""Normal laws within bounds: moments, and what moves any number of the law within them by its quantile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from lowland.core.arrays import Vector

# bounds of all laws, or of each
Ends: TypeAlias = "float | Vector"
# standard normal scores of the bounds themselves
FARTHEST = 8.0
# unit of what is known, in which the squares of others are still numbers
SMALLEST = 1e-100


@final
@dataclass(frozen=True, eq=False)
class TruncatedNormal:
    """Normal laws, of which only what lies between two bounds is possible.

    Parameters
    ----------
    means, spreads : ndarray, shape (k,)
        Of the normal laws.
    low, high : float or ndarray, shape (k,)
        May be infinite; ``low < high``.

    Notes
    -----
    Everything is computed from logarithms of the nearer tail, so that bounds may lie far from the mean.
    """

    means: Vector
    spreads: Vector
    low: Ends
    high: Ends

    def moments(self) -> tuple[Vector, Vector]:
        """Return the means and standard deviations within the bounds, shape (k,) each."""
        a, b = self._ends()
        # the nearer tail is the lower one
        above = a > -b
        a, b, sign = np.where(above, -b, a), np.where(above, -a, b), np.where(above, -1.0, 1.0)
        at_a, at_b = (np.exp(-0.5 * end**2 - 0.5 * np.log(2 * np.pi) - _log_share(a, b)) for end in (a, b))
        centre = at_a - at_b
        # an infinite end has no density
        turns = [np.where(np.isfinite(end), end, 0.0) * density for end, density in ((a, at_a), (b, at_b))]
        variance = np.maximum(1 + turns[0] - turns[1] - centre**2, 0.0)
        means = self.means + self.spreads * sign * np.clip(centre, a, b)
        spreads = np.minimum(self.spreads * np.sqrt(variance), (self.high - self.low) / 2)
        return np.clip(means, self.low, self.high), spreads

    def within(self, values: Vector) -> Vector:
        """Return numbers, shape (..., k), each moved to the same quantile of the law within the bounds.

        Draws of the normal laws become draws of those within the bounds, in the same order: draws that are
        joint stay so. Ends of intervals become ends of the same level.
        """
        from scipy.special import log_ndtr, ndtri_exp

        a, b = self._ends()
        given = (np.asarray(values, np.float64) - self.means) / self._units
        a, x, b, sign = _lower(a, given, b)
        share = np.logaddexp(log_ndtr(a), log_ndtr(x) + _log_share(a, b))
        moved = self.means + self.spreads * sign * np.clip(ndtri_exp(np.minimum(share, 0.0)), a, b)
        return np.asarray(np.clip(moved, self.low, self.high))

    def scores(self, values: Vector) -> Vector:
        """Return the standard normal scores of numbers within the bounds: what `within` moves there."""
        from scipy.special import ndtri_exp

        a, b = self._ends()
        given = np.clip((np.asarray(values, np.float64) - self.means) / self._units, a, b)
        a, x, b, sign = _lower(a, given, b)
        shares = _log_share(a, x) - _log_share(a, b), _log_share(x, b) - _log_share(a, b)
        below, above = (ndtri_exp(np.minimum(share, 0.0)) for share in shares)
        # from the end that is nearer
        return np.asarray(sign * np.clip(np.where(shares[0] < shares[1], below, -above), -FARTHEST, FARTHEST))

    def log_shares(self) -> Vector:
        """Return the logarithms of the shares of the laws that lie within the bounds, shape (k,)."""
        a, b = self._ends()
        above = a > -b
        return _log_share(np.where(above, -b, a), np.where(above, -a, b))

    def _ends(self) -> tuple[Vector, Vector]:
        """Return the bounds in standard deviations from the mean."""
        means = np.where(self.spreads > 0, self.means, np.clip(self.means, self.low, self.high))
        return (self.low - means) / self._units, (self.high - means) / self._units

    @property
    def _units(self) -> Vector:
        """The standard deviations, none of them zero: a number that is known may lie at a bound."""
        return np.maximum(self.spreads, SMALLEST)


def _lower(a: Vector, x: Vector, b: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Return bounds, and numbers between them, as they are or turned round, so that x has the lower tail.

    And 1, or -1 where they are turned round.
    """
    above = np.where(a > 0, True, np.where(b < 0, False, x > 0))
    sign = np.where(above, -1.0, 1.0)
    return np.where(above, -b, a), sign * x, np.where(above, -a, b), sign


def _log_share(a: Vector, b: Vector) -> Vector:
    """Return the logarithm of the share of a standard normal law that lies between two numbers."""
    from scipy.special import log_ndtr

    upper = log_ndtr(b)
    share: Vector = upper + np.log(-np.expm1(np.minimum(log_ndtr(a) - upper, -np.finfo(float).tiny)))
    return share
