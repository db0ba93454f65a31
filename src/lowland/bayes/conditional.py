"""Rows of a Gaussian given some of their known numbers: those that each column may be predicted from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.row_scales import RowScales
from lowland.core.arrays import Indices, Matrix, Vector


@final
@dataclass(frozen=True, eq=False)
class SignalAndNoise:
    """A Gaussian of rows, and independent noise of their known numbers.

    Parameters
    ----------
    mean : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        Without noise.
    noise : ndarray, shape (p,)
        Variances.
    """

    mean: Vector
    covariance: Matrix
    noise: Vector

    def slopes(self, known: Indices, columns: Indices) -> tuple[Matrix, Matrix]:
        """Return the slopes of columns in k known numbers, shape (k, columns), and the latter's precision."""
        inside = self.covariance[np.ix_(known, known)] + np.diag(self.noise[known])
        inverse = np.linalg.inv(inside)
        return inverse @ self.covariance[np.ix_(known, columns)], inverse

    def given(
        self, rows: Matrix, allowed: NDArray[np.bool_], scales: RowScales | None = None
    ) -> tuple[Matrix, Matrix]:
        """Return means, and variances of new observations, of all numbers given the known allowed ones.

        Parameters
        ----------
        rows : ndarray, shape (m, p)
            NaN where nothing is known.
        allowed : ndarray of bool, shape (p, p)
            Whether column j may inform column i.
        scales : RowScales, optional
            How rows differ in size.

        Returns
        -------
        ndarray, ndarray, shape (m, p) each

        Notes
        -----
        One inverse per different row of `allowed` and pattern of what is known.
        """
        means, variances = np.empty((2, *rows.shape))
        sets, kinds = np.unique(allowed, axis=0, return_inverse=True)
        for k, chosen in enumerate(sets):
            columns = np.flatnonzero(kinds.ravel() == k)
            patterns, places = np.unique(~np.isnan(rows) & chosen, axis=0, return_inverse=True)
            for j, pattern in enumerate(patterns):
                known, at = np.flatnonzero(pattern), np.flatnonzero(places.ravel() == j)
                slopes, inverse = self.slopes(known, columns)
                away = rows[np.ix_(at, known)] - self.mean[known]
                left = self.covariance[columns, columns] - np.sum(
                    slopes * self.covariance[np.ix_(known, columns)], axis=0
                )
                left = np.maximum(left, 0.0) + self.noise[columns]
                distances: Vector = np.sum(away @ inverse * away, axis=1)
                sizes = np.ones_like(distances) if scales is None else scales.factors(distances, known.size)
                means[np.ix_(at, columns)] = self.mean[columns] + away @ slopes
                variances[np.ix_(at, columns)] = sizes[:, None] * left
        return means, variances
