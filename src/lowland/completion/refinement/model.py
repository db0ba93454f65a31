"""A Bayesian model whose predictions of missing cells are refined, by forests or smooth curves of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.cells.labels import TableLabels
from lowland.completion.refinement.forests import Refinement
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.completion.tables.model import TableParts
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations


@final
@dataclass(frozen=True, eq=False)
class RefinedModel:
    """Low-rank predictions, shifted at missing cells.

    Parameters
    ----------
    base : PosteriorModel
    refinement : Refinement or RowSmoothing
    shifts : ndarray, shape (m, n)
        What is added to the low-rank predictions of the table, zero at observed cells.
    kinds : ndarray of int, shape (m, n)
        What is known around a missing cell, as the refinement tells it; 0 where the fit stays as it is.
    """

    base: PosteriorModel
    refinement: Refinement | RowSmoothing
    shifts: Matrix
    kinds: NDArray[np.intp]

    @classmethod
    def of(
        cls, base: PosteriorModel, refinement: Refinement | RowSmoothing, table: Observations
    ) -> RefinedModel:
        """Return the model of a table with a given refinement."""
        holes = table.to_array().astype(np.float64)
        low = base.row_scores(np.arange(base.shape[0]))
        return cls(base, refinement, refinement.shifts(holes, low), refinement.kinds(holes))

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.base.shape

    @property
    def rank(self) -> int:
        """Number of factors."""
        return self.base.rank

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.base.labels

    @property
    def row_places(self) -> tuple[int, bool]:
        """Number of coordinates of rows that the fit found in order, and whether labels said them."""
        return self.base.row_places

    @property
    def losses(self) -> None:
        """None: all losses are squared."""
        return

    def parts(self) -> TableParts:
        """Return factors, biases and noise of the low-rank part."""
        return self.base.parts()

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return the factors of the low-rank part."""
        return self.base.factors()

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, clipped to the range of grades, shape (k,)."""
        return self.within_range(self.scores(rows, columns))

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return unclipped predictions of cells, shape (k,)."""
        return self.base.scores(rows, columns) + self.shifts[rows, columns]

    def natural(self, rows: Indices, columns: Indices) -> Vector:
        """Return the predictions, which are the natural parameters of squared losses."""
        return self.predict(rows, columns)

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Raise UnsupportedError: no column has levels."""
        return self.base.probabilities(rows, column)

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the range of grades."""
        return self.base.clip(lower, upper, columns)

    def within_range(self, scores: Matrix) -> Matrix:
        """Return scores clipped to the range of grades: predictions."""
        return self.base.within_range(scores)

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,).

        Those of the posterior, times what errors on held-out cells demand at missing ones.
        """
        stated = self.base.standard_errors(rows, columns)
        return stated * self._ratios(rows, columns, lambda: stated)

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, as wide as errors on held-out cells demand."""
        centre = self.predict(rows, columns)
        reach = self.refinement.reach_at(level, self.kinds[rows, columns])
        reach *= self.standard_errors(rows, columns)
        return self.clip(centre - reach, centre + reach, columns)

    def sample(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Matrix:
        """Return joint draws of cells, shape (count, k): those of the posterior, shifted and narrowed."""
        drawn = self.base.sample(rows, columns, count, rng, noise=noise)
        low = self.base.scores(rows, columns)
        ratios = self._ratios(rows, columns, lambda: self.base.standard_errors(rows, columns))
        values = low + self.shifts[rows, columns] + ratios * (drawn - low)
        return self.within_range(values) if noise else values

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""
        return self.base.row_scores(rows) + self.shifts[rows]

    def new_scores(self, table: Observations, covariates: Matrix | None = None) -> Matrix:
        """Return the scores of all columns for new rows, folded in, shape (k, n)."""
        low = self.base.new_scores(table, covariates)
        return low + self.refinement.shifts(table.to_array().astype(np.float64), low)

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> RefinedModel:
        """Return the model of the rows of another table, folded in; it has no draws."""
        return RefinedModel.of(self.base.of_rows(table, covariates), self.refinement, table)

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return all predictions, shape (m, n)."""
        return self.within_range(self.row_scores(np.arange(self.shape[0])))

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of the rows of another table, folded in, shape (k, n)."""
        return self.within_range(self.new_scores(table, covariates))

    def _ratios(self, rows: Indices, columns: Indices, stated: Callable[[], Vector]) -> Vector:
        return self.refinement.ratios_at(self.kinds[rows, columns], columns, stated)
