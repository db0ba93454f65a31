"""The layer of predictors: columns of a Gaussian that are predicted from some of the known numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.conditional import SignalAndNoise
from lowland.bayes.score_quantile import interval_reach
from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.layers.model import Layer
from lowland.completion.restricted.allowed import Allowed
from lowland.completion.tables.fitted import PageParts
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.wording import counted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page

SCOPE = "{} of {} columns are predicted from the columns allowed alone; parameters are learnt from all."


@final
@dataclass(frozen=True, eq=False)
class RestrictedLayer(Layer):
    """Predictions of a Gaussian fit, in some columns conditional on some of the known numbers alone.

    Parameters
    ----------
    base : PosteriorModel
        Along axes.
    allowed : ndarray of bool, shape (n, n)
        Whether column j may inform column i.
    means, errors : ndarray, shape (m, n)
        Unclipped predictions and standard errors of new observations, zero in columns that all may inform.

    Notes
    -----
    They are those of the mean and covariance that are averages over the draws, as for new rows. Draws are
    those without restriction, moved to these means and widened to these errors: cells of a row keep the
    correlations that they have given all known numbers.
    """

    base: PosteriorModel
    allowed: Allowed
    means: Matrix
    errors: Matrix

    @classmethod
    def of(cls, base: PosteriorModel, allowed: Allowed, table: Observations) -> RestrictedLayer:
        """Return the layer around the fit of a table."""
        scaling, columns = base.scaling, np.arange(base.shape[1])
        rows = np.full(table.shape, np.nan)
        rows[table.rows, table.columns] = scaling.apply(table.values.astype(np.float64), table.columns)
        means, variances = gaussian_of(base).given(rows, allowed, base.row_scales)
        free = allowed.all(axis=1)
        means, errors = scaling.undo(means, columns), scaling.spreads * np.sqrt(variances)
        return cls(base, allowed, np.where(free, 0.0, means), np.where(free, 0.0, errors))

    def around(self, base: SamplingModel, table: Observations) -> RestrictedLayer:
        """Return the layer around the fit of another table."""
        assert isinstance(base, PosteriorModel)
        return self.of(base, self.allowed, table)

    @property
    def limited(self) -> NDArray[np.bool_]:
        """Mask of the columns that not all others may inform."""
        return np.asarray(~self.allowed.all(axis=1))

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.base.labels

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return unclipped predictions of cells, shape (k,)."""
        return np.where(self.limited[columns], self.means[rows, columns], self.base.scores(rows, columns))

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""
        return np.where(self.limited, self.means[rows], self.base.row_scores(rows))

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,)."""
        stated = self.base.standard_errors(rows, columns)
        return np.where(self.limited[columns], self.errors[rows, columns], stated)

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells."""
        reach = interval_reach(self.base.error_scores, level) * self.standard_errors(rows, columns)
        centre = self.predict(rows, columns)
        return self.clip(centre - reach, centre + reach, columns)

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each: those of the posterior, moved and widened."""
        low, centre = self.base.scores(rows, columns), self.scores(rows, columns)
        ratios = self.standard_errors(rows, columns) / self.base.standard_errors(rows, columns)
        for drawn in self.base.draws(rows, columns, count, rng, noise=noise):
            values = centre + ratios * (drawn - low)
            yield self.within_range(values) if noise else values

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return f"{int(self.limited.sum())} of {counted(self.shape[1], 'column')} predicted from some others"

    @property
    def scope(self) -> Sequence[str]:
        """What a certificate is not about, in a sentence."""
        return (SCOPE.format(int(self.limited.sum()), self.shape[1]),)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the fit, which is of the same table."""
        return within()

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of the fit, which says what is predicted from what."""
        page = within(parts)
        return replace(page, notes=(*page.notes, *self.scope))


def gaussian_of(model: PosteriorModel) -> SignalAndNoise:
    """Return the distribution of the rows of a Gaussian fit, in the unit of the fit."""
    noise = 1 / (model.noise_precision * model.column_precisions.astype(np.float64))
    mean = model.row_prior.coefficients[0].astype(np.float64)
    return SignalAndNoise(mean, np.linalg.inv(model.row_prior.precision), noise)
