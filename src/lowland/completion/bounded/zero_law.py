"""Laws of cells of columns that hold no negative number, from the normal laws that the fit predicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.truncated import TruncatedNormal
from lowland.core.arrays import Vector

# standard deviations above zero from which nothing of a normal law lies below, to double precision
FAR = 9.0
# where laws may be cut off, in standard deviations above their mean: there they are nearly exponential
STEEPEST, NODES = 8.0, 4_001


@final
@dataclass(frozen=True, eq=False)
class ZeroLaw:
    """Laws of cells that are not negative, from normal ones.

    Parameters
    ----------
    means, spreads : ndarray, shape (k,)
        Of the normal laws.
    touches : ndarray of bool, shape (k,)
        Whether the column holds zeros.

    Notes
    -----
    Where zeros are known, what lies below zero counts as zero (a corner: Tobin 1958). Elsewhere the law is a
    normal one truncated at zero. Mean m and spread s were learnt from numbers above zero, so that they are
    those of what is left already: it is the truncated law with this mean and this spread, not the normal
    one cut off, whose mean would lie further up again. No law truncated so has s > m; where the fit says
    so, it is next to exponential, with the mean s exp(m / s - 1), which meets m smoothly at m = s and is
    positive for any m.
    """

    means: Vector
    spreads: Vector
    touches: NDArray[np.bool_]

    @cached_property
    def _heights(self) -> Vector:
        """How many standard deviations the means lie above zero."""
        heights: Vector = self.means / self.spreads
        return heights

    @cached_property
    def _left(self) -> TruncatedNormal:
        """The truncated laws of cells of columns without zeros, with the means and spreads of the fit."""
        x = self._heights
        ends, variations = _variations()
        # ascending in the place of the cut: `interp` wants ascending variations
        asked = np.where(x >= 1, 1 / np.maximum(x, 1.0), 1.0)
        cut = np.where(x >= FAR, -x, np.interp(asked, variations, ends))
        own = TruncatedNormal(-cut, np.ones_like(cut), 0.0, np.inf).moments()[0]
        sizes = np.where(x >= FAR, self.spreads, self._left_means / own)
        return TruncatedNormal(-cut * sizes, sizes, 0.0, np.inf)

    @property
    def _left_means(self) -> Vector:
        x = self._heights
        return np.where(x >= 1, self.means, self.spreads * np.exp(np.minimum(x, 1.0) - 1))

    def moments(self) -> tuple[Vector, Vector]:
        """Return means and standard deviations, shape (k,) each: those that are given, far above zero."""
        from scipy.special import ndtr

        x = np.clip(self._heights, -FAR * 4, FAR)
        share, density = ndtr(x), np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        mean = np.maximum(x * share + density, 0.0)
        variance = np.maximum((x**2 + 1) * share + x * density - mean**2, 0.0)
        means = np.where(self.touches, self.spreads * mean, self._left_means)
        spreads = np.where(self.touches, self.spreads * np.sqrt(variance), self._left.moments()[1])
        far = self._heights >= FAR
        return np.where(far, self.means, means), np.where(far, self.spreads, spreads)

    def within(self, values: Vector) -> Vector:
        """Return numbers, shape (..., k), of the normal laws, moved to the same quantile of these."""
        values = np.asarray(values, np.float64)
        scores = (values - self.means) / self.spreads
        moved = self._left.within(self._left.means + self._left.spreads * scores)
        moved = np.where((self._heights >= FAR) & (values >= 0), values, moved)
        return np.where(self.touches, np.maximum(values, 0.0), moved)


@lru_cache(maxsize=1)
def _variations() -> tuple[Vector, Vector]:
    """Return places where a standard normal law is cut off below, and the spreads over means of what is left.

    Means are from the place of the cut; both ascend.
    """
    ends = np.linspace(-FAR, STEEPEST, NODES)
    means, spreads = TruncatedNormal(-ends, np.ones_like(ends), 0.0, np.inf).moments()
    return ends, spreads / means
