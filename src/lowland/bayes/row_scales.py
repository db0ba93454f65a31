"""Scales of rows: rows of one Gaussian become those of a multivariate t distribution.

Rows of a table differ in size more than draws from one Gaussian do. Their numbers tell by how much, and the
predictions of a multivariate t are those of the Gaussian: only their spread is the row's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Vector

# degrees of freedom that are compared, from next to a Cauchy law to next to a normal one
FREEDOMS = np.geomspace(1.0, 1_000.0, 19)
# steps of the fixed-point iteration for the size
STEPS = 40


@final
@dataclass(frozen=True)
class RowScales:
    """Rows x = mean + root(u) z, where z is Gaussian and size * u has an inverse gamma law.

    Parameters
    ----------
    freedom : float
        Degrees of freedom of the multivariate t.
    size : float
        By what the covariance of the Gaussian must be multiplied to be the scatter matrix of the t.
    unit : float
        Makes the mean of `factors` one in the table that they were learnt from.
    """

    freedom: float
    size: float
    unit: float = 1.0

    @classmethod
    def learn(cls, distances: Vector, counts: Indices) -> RowScales | None:
        """Return the likeliest scales of rows; None if rows look like draws from one Gaussian.

        Parameters
        ----------
        distances : ndarray, shape (m,)
            Squared Mahalanobis distance of each row's known numbers from their mean.
        counts : ndarray, shape (m,)
            How many are known.

        Notes
        -----
        The t is taken if its log-likelihood is larger by that of m, as the Bayesian information criterion has
        it for two numbers instead of one, and once more. Costs O(m).
        """
        known = counts > 0
        d, k, freedoms = distances[known], counts[known].astype(np.float64), FREEDOMS[:, None]
        if not d.sum() > 0:
            return None
        alike = float(d.sum() / k.sum())
        sizes = np.full((FREEDOMS.size, 1), alike)
        for _ in range(STEPS):
            weights = (freedoms + k) / (freedoms + d / sizes)
            sizes = np.sum(weights * d, axis=1, keepdims=True) / k.sum()
        best = int(np.argmax(_log_likelihood(d, k, freedoms, sizes)))
        gain = _log_likelihood(d, k, freedoms, sizes)[best] - _gaussian(d, k, alike)
        if not gain > np.log(d.size):
            return None
        plain = cls(float(FREEDOMS[best]), float(sizes[best, 0]))
        return cls(plain.freedom, plain.size, 1 / float(plain.factors(d, counts[known]).mean()))

    def factors(self, distances: Vector, counts: Indices | int) -> Vector:
        """Return by what the Gaussian's variances of each row's other numbers are multiplied, shape (m,)."""
        factors: Vector = self.unit * (self.size * self.freedom + distances) / (self.freedom + counts)
        return factors


def _log_likelihood(d: Vector, k: Vector, freedoms: Vector, sizes: Vector) -> Vector:
    """Return the log-likelihood of distances under each t, up to what is common to all, shape (freedoms,)."""
    from scipy.special import gammaln

    gammas = gammaln((freedoms + k) / 2) - gammaln(freedoms / 2) - k / 2 * np.log(freedoms / 2)
    density = -k / 2 * np.log(sizes) - (freedoms + k) / 2 * np.log1p(d / (sizes * freedoms))
    total: Vector = np.sum(gammas + density, axis=1)
    return total


def _gaussian(d: Vector, k: Vector, size: float) -> float:
    """Return the log-likelihood of distances under the Gaussian, up to the same."""
    return float(np.sum(-k / 2 * np.log(size) - d / (2 * size)))
