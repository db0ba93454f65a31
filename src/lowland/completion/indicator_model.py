"""A model of a table in numbers that predicts the table with its levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.indicators import Indicators
from lowland.completion.level_maps import LevelMap
from lowland.completion.posterior_model import PosteriorModel
from lowland.completion.refined_model import RefinedModel
from lowland.completion.table_labels import TableLabels
from lowland.completion.table_model import TableParts, no_levels
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.observations import Observations


@final
@dataclass(frozen=True, eq=False)
class LevelColumns:
    """Which columns hold numbers, and what predictions of levels mean.

    Parameters
    ----------
    indicators : Indicators
    maps : mapping of int to LevelMap
    """

    indicators: Indicators
    maps: Mapping[int, LevelMap]

    @property
    def numbers(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers."""
        return self.indicators.is_number

    @property
    def calibrating(self) -> tuple[NDArray[np.bool_], ...]:
        """Groups of columns whose errors are calibrated together: the numbers."""
        return (self.numbers,) if self.numbers.any() else ()

    def words(self) -> Sequence[str]:
        """Return what the columns hold."""
        return ["levels", "squared"]

    def mean(self, z: Vector, columns: Indices) -> Vector:
        """Return expected values of cells from their predictions in numbers."""
        out = np.asarray(z, np.float64).copy()
        for j, kind in self.indicators.kinds.items():
            at = columns == j
            if kind.ordered and at.any():
                out[at] = self.maps[j].probabilities(out[at][:, None]) @ np.arange(kind.count)
        return out

    def values(self, numbers: Matrix, *, likeliest: bool = False) -> Matrix:
        """Return predictions from those in numbers; of levels the expected or likeliest position."""
        known = self.indicators
        out = np.asarray(numbers[:, known.starts], np.float64).copy()
        for j, kind in known.kinds.items():
            shares = self.maps[j].probabilities(numbers[:, known.places(j)])
            out[:, j] = np.argmax(shares, axis=1) if likeliest else shares @ np.arange(kind.count)
        return out


@final
@dataclass(frozen=True, eq=False)
class IndicatorModel:
    """Predictions of a table with columns of levels.

    Parameters
    ----------
    base : PosteriorModel or RefinedModel
        The model of the table in numbers.
    indicators : Indicators
    maps : mapping of int to LevelMap
        To the probabilities of each column's levels.
    labels : TableLabels
    """

    base: PosteriorModel | RefinedModel
    indicators: Indicators
    maps: Mapping[int, LevelMap]
    labels: TableLabels

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.base.shape[0], self.indicators.width

    @property
    def rank(self) -> int:
        """Number of factors."""
        return self.base.rank

    @property
    def row_places(self) -> tuple[int, bool]:
        """Number of coordinates of rows that the fit found in order, and whether labels said them."""
        return self.base.row_places

    @cached_property
    def losses(self) -> LevelColumns:
        """Which columns hold numbers."""
        return LevelColumns(self.indicators, self.maps)

    def parts(self) -> TableParts:
        """Return factors and biases; of levels without an order only a bias, their mean position."""
        parts, starts = self.base.parts(), self.indicators.starts
        factors, biases = parts.column_factors[starts].copy(), parts.column_biases[starts].copy()
        noise = np.full(self.indicators.width, np.nan) if parts.noise is None else parts.noise[starts].copy()
        for j, kind in self.indicators.kinds.items():
            noise[j] = np.nan
            if not kind.ordered:
                factors[j] = 0.0
                biases[j] = self.indicators.frequencies[j] @ np.arange(kind.count)
        return TableParts(parts.row_factors, factors, parts.row_biases, biases, parts.offset, noise)

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return the factors of rows and columns, zero for levels without an order."""
        parts = self.parts()
        return parts.row_factors, parts.column_factors

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells: numbers, and expected positions of levels; shape (k,)."""
        starts, numbers = self.indicators.starts, self.indicators.is_number
        out = np.empty(rows.size)
        at = numbers[columns]
        out[at] = self.base.predict(rows[at], starts[columns[at]])
        for j, kind in self.indicators.kinds.items():
            own = columns == j
            if own.any():
                out[own] = self.probabilities(rows[own], j) @ np.arange(kind.count)
        return out

    def likeliest(self, rows: Indices, columns: Indices) -> Vector:
        """Return the likeliest levels of cells by their positions, NaN in columns of numbers, shape (k,)."""
        out = np.full(rows.size, np.nan)
        for j in self.indicators.kinds:
            own = columns == j
            if own.any():
                out[own] = self.probabilities(rows[own], j).argmax(axis=1)
        return out

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return the predictions."""
        return self.predict(rows, columns)

    def natural(self, rows: Indices, columns: Indices) -> Vector:
        """Return the predictions."""
        return self.predict(rows, columns)

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Return the probabilities of a column's levels in some rows, shape (k, levels)."""
        if column not in self.indicators.kinds:
            raise no_levels()
        numbers = self.base.row_scores(rows)[:, self.indicators.places(column)]
        return self.maps[column].probabilities(numbers)

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,); of levels, of positions."""
        out, at = np.empty(rows.size), self.indicators.is_number[columns]
        out[at] = self.base.standard_errors(rows[at], self.indicators.starts[columns[at]])
        for j, kind in self.indicators.kinds.items():
            own = columns == j
            if own.any():
                shares, places = self.probabilities(rows[own], j), np.arange(kind.count)
                out[own] = np.sqrt(np.maximum(shares @ places**2 - (shares @ places) ** 2, 0.0))
        return out

    def sample(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Matrix:
        """Return draws of cells, shape (count, k): numbers jointly, levels by their probabilities."""
        out, at = np.empty((count, rows.size)), self.indicators.is_number[columns]
        starts = self.indicators.starts
        out[:, at] = self.base.sample(rows[at], starts[columns[at]], count, rng, noise=noise)
        for j in self.indicators.kinds:
            own = columns == j
            if own.any():
                below = np.cumsum(self.probabilities(rows[own], j), axis=1)[:, :-1]
                uniform = rng.random((count, int(own.sum()), 1))
                out[:, own] = (uniform > below).sum(axis=2)
        return out

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the predictions of all columns for some rows, shape (k, n)."""
        return self.losses.values(self.base.row_scores(rows))

    def new_scores(self, table: Observations, covariates: Matrix | None = None) -> Matrix:
        """Return the predictions of all columns for new rows, folded in, shape (k, n)."""
        return self.complete(table, covariates)

    def within_range(self, scores: Matrix) -> Matrix:
        """Return the predictions, which are what scores are."""
        return scores

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return predictions of all cells; of levels the expected position, or the likeliest."""
        return self.losses.values(self.base.matrix(), likeliest=likeliest)

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of new rows, folded in, shape (k, n)."""
        numbers = self.base.complete(self.indicators.encode(table), covariates)
        return self.losses.values(numbers, likeliest=likeliest)

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""
        return self.base.clip(lower, upper, self.indicators.starts[columns])
