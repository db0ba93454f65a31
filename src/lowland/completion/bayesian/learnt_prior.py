"""The learnt prior of one side of a fitted table, and the lines that it gives together with their cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.completion.bayesian.features import FeatureMap
from lowland.completion.cells.blocks import line_moments
from lowland.core.arrays import Matrix, Vector
from lowland.kernels.systems.moments import Moments
from lowland.kernels.systems.rows import default_form
from lowland.kernels.systems.stacked_systems import lower_triangle


@final
@dataclass(frozen=True, eq=False)
class LearntPrior:
    """The prior of one side's lines.

    Parameters
    ----------
    precision : ndarray, shape (d, d)
    coefficients : ndarray, shape (features + 1, d)
    mapping : FeatureMap
        Maps lines to features.
    wandering : ndarray, shape (d, d), or None
        Covariance of the lines' smooth parts, which lines of an unknown place have besides; None without an
        order.
    """

    precision: Matrix
    coefficients: Matrix
    mapping: FeatureMap
    wandering: Matrix | None = None

    def means(self, cells: TableCells, covariates: Matrix | None) -> Matrix:
        """Return the prior means of the rows (side 0) of other cells with these covariates, shape (k, d)."""
        partners = self.mapping.partners
        if partners:
            cells = cells.before(partners)  # those that came after the fit have no coefficients
        return self.mapping.design(cells, 0, covariates).forward(self.coefficients)

    def moments(
        self,
        cells: TableCells,
        covariates: Matrix | None,
        other: Moments,
        *,
        noise_precision: float,
        biased: bool,
        shape: tuple[int, int],
        precisions: Vector | None = None,
        fitted: bool = False,
    ) -> Moments:
        """Return the posterior moments of the rows of scaled cells, given those of the other side.

        Parameters
        ----------
        cells : TableCells
        covariates : ndarray, shape (k, c), or None
        other : Moments
        noise_precision : float
        biased : bool
            Whether the last coordinate of rows, on both sides, is a bias.
        shape : tuple of int
            That of the table of the fit, by which kernels are chosen whatever the number of rows.
        precisions : ndarray, shape (n,), optional
            Factors of the weights of cells by column.
        fitted : bool
            Whether these are the rows of the fit, whose places are known.
        """
        self.mapping.check(covariates)
        form = default_form(other.means.shape[1], shape)
        about = (cells, covariates, other, noise_precision, biased, precisions, form)
        moments = self._moments(self.precision, *about)
        far = None if fitted else self.mapping.unplaced(covariates, cells.shape[0])
        if far is None or not far.any() or self.wandering is None:
            return moments
        wide = self._moments(np.linalg.inv(np.linalg.inv(self.precision) + self.wandering), *about)
        means = np.where(far[:, None], wide.means, moments.means)
        return Moments(means, np.where(far[:, None], wide.covariances, moments.covariances))

    def _moments(
        self,
        prior: Matrix,
        cells: TableCells,
        covariates: Matrix | None,
        other: Moments,
        noise_precision: float,
        biased: bool,
        precisions: Vector | None,
        form: str,
    ) -> Moments:
        """Return the moments under a precision of the prior."""
        precision = prior / noise_precision
        alone = len(self.coefficients) == 1
        means = self.coefficients if alone else self.means(cells, covariates)
        shift = means.astype(np.float64) @ precision
        means, covariances, *_ = cells.map(
            0,
            line_moments,
            PerPartner(other),
            PerPartner(precisions),
            precision,
            biased,
            shift if alone else PerLine(shift),
            None,
            form,
        )
        return Moments(means, covariances / cells.dtype.type(noise_precision))

    def lengthened(self, side: Moments, length: int) -> Moments:
        """Return the moments of a side with further lines, of which nothing is known but the prior."""
        more, d = length - side.means.shape[0], side.means.shape[1]
        if not more:
            return side
        covariance = np.linalg.inv(self.precision)[lower_triangle(d)].astype(side.covariances.dtype)
        return Moments(
            np.vstack([side.means, np.repeat(self.coefficients[:1], more, axis=0).astype(side.means.dtype)]),
            np.vstack([side.covariances, np.tile(covariance, (more, 1))]),
        )
