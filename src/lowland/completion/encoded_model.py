"""A model of a table in numbers that predicts the table as it is: with its levels, and in its units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.encoding import Encoding
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
    encoding : Encoding
    maps : mapping of int to LevelMap
    """

    encoding: Encoding
    maps: Mapping[int, LevelMap]

    @property
    def numbers(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers."""
        return self.encoding.is_number

    @property
    def calibrating(self) -> tuple[NDArray[np.bool_], ...]:
        """Groups of columns whose errors are calibrated together: the numbers."""
        return (self.numbers,) if self.numbers.any() else ()

    def words(self) -> Sequence[str]:
        """Return what the columns hold."""
        return ["levels", "squared"] if self.encoding.kinds else ["squared"]

    def mean(self, z: Vector, columns: Indices) -> Vector:
        """Return expected values of cells, about which only their predictions in numbers are known."""
        out = np.asarray(z, np.float64).copy()
        for j, power in self.encoding.powers.items():
            at = columns == j
            out[at] = power.expect(out[at], np.full(int(at.sum()), power.spread))[0]
        for j, kind in self.encoding.kinds.items():
            at = columns == j
            if kind.ordered and at.any():
                out[at] = self.maps[j].probabilities(out[at][:, None]) @ np.arange(kind.count)
        return out

    def values(self, numbers: Matrix, *, likeliest: bool = False) -> Matrix:
        """Return those in numbers, of levels the expected or likeliest position."""
        known = self.encoding
        out = np.asarray(numbers[:, known.starts], np.float64).copy()
        for j, kind in known.kinds.items():
            shares = self.maps[j].probabilities(numbers[:, known.places(j)])
            out[:, j] = np.argmax(shares, axis=1) if likeliest else shares @ np.arange(kind.count)
        return out


@final
@dataclass(frozen=True, eq=False)
class EncodedModel:
    """Predictions of a table that was written in numbers.

    Parameters
    ----------
    base : PosteriorModel or RefinedModel
        The model of the table in numbers.
    encoding : Encoding
    maps : mapping of int to LevelMap
        To the probabilities of each column's levels.
    labels : TableLabels
    """

    base: PosteriorModel | RefinedModel
    encoding: Encoding
    maps: Mapping[int, LevelMap]
    labels: TableLabels

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.base.shape[0], self.encoding.width

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
        return LevelColumns(self.encoding, self.maps)

    def parts(self) -> TableParts:
        """Return factors and biases of the table in numbers; of levels without an order only a bias.

        That is their mean position. The noise of roots and logarithms is that at the column's mean.
        """
        parts, starts = self.base.parts(), self.encoding.starts
        factors, biases = parts.column_factors[starts].copy(), parts.column_biases[starts].copy()
        noise = np.full(self.encoding.width, np.nan) if parts.noise is None else parts.noise[starts].copy()
        for j, kind in self.encoding.kinds.items():
            noise[j] = np.nan
            if not kind.ordered:
                factors[j] = 0.0
                biases[j] = self.encoding.frequencies[j] @ np.arange(kind.count)
        for j, power in self.encoding.powers.items():
            noise[j] = power.expect(np.array(power.centre), noise[j])[1]
        return TableParts(parts.row_factors, factors, parts.row_biases, biases, parts.offset, noise)

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return the factors of rows and columns, zero for levels without an order."""
        parts = self.parts()
        return parts.row_factors, parts.column_factors

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells: numbers, and expected positions of levels; shape (k,)."""
        starts, numbers = self.encoding.starts, self.encoding.is_number
        out = np.empty(rows.size)
        at = numbers[columns]
        out[at] = self.base.predict(rows[at], starts[columns[at]])
        for j, power in self.encoding.powers.items():
            own = columns == j
            if own.any():
                errors = self.base.standard_errors(rows[own], starts[columns[own]])
                out[own] = power.expect(out[own], errors)[0]
        for j, kind in self.encoding.kinds.items():
            own = columns == j
            if own.any():
                out[own] = self.probabilities(rows[own], j) @ np.arange(kind.count)
        return out

    def likeliest(self, rows: Indices, columns: Indices) -> Vector:
        """Return the likeliest levels of cells by their positions, NaN in columns of numbers, shape (k,)."""
        out = np.full(rows.size, np.nan)
        for j in self.encoding.kinds:
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
        if column not in self.encoding.kinds:
            raise no_levels()
        numbers = self.base.row_scores(rows)[:, self.encoding.places(column)]
        return self.maps[column].probabilities(numbers)

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,); of levels, of positions."""
        out, at = np.empty(rows.size), self.encoding.is_number[columns]
        starts = self.encoding.starts
        out[at] = self.base.standard_errors(rows[at], starts[columns[at]])
        for j, power in self.encoding.powers.items():
            own = columns == j
            if own.any():
                out[own] = power.expect(self.base.predict(rows[own], starts[columns[own]]), out[own])[1]
        for j, kind in self.encoding.kinds.items():
            own = columns == j
            if own.any():
                shares, places = self.probabilities(rows[own], j), np.arange(kind.count)
                out[own] = np.sqrt(np.maximum(shares @ places**2 - (shares @ places) ** 2, 0.0))
        return out

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells that hold numbers; NaN for levels."""
        lower, upper = np.full((2, rows.size), np.nan)
        at, starts = self.encoding.is_number[columns], self.encoding.starts
        lower[at], upper[at] = self.base.intervals(rows[at], starts[columns[at]], level)
        for j, power in self.encoding.powers.items():
            own = columns == j
            # past all that is known, what is read is bounded, and the mean more than the ends
            means = self.predict(rows[own], columns[own])
            lower[own], upper[own] = np.minimum(power.read(lower[own]), means), power.read(upper[own])
        return lower, upper

    def sample(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Matrix:
        """Return draws of cells, shape (count, k): numbers jointly, levels by their probabilities."""
        out, at = np.empty((count, rows.size)), self.encoding.is_number[columns]
        starts = self.encoding.starts
        out[:, at] = self.base.sample(rows[at], starts[columns[at]], count, rng, noise=noise)
        levels = self.base.parts().noise
        for j, power in self.encoding.powers.items():
            own = columns == j
            if noise:
                out[:, own] = power.read(out[:, own])
            elif levels is not None:
                out[:, own] = power.expect(out[:, own], np.full((count, int(own.sum())), levels[starts[j]]))[
                    0
                ]
        for j in self.encoding.kinds:
            own = columns == j
            if own.any():
                below = np.cumsum(self.probabilities(rows[own], j), axis=1)[:, :-1]
                uniform = rng.random((count, int(own.sum()), 1))
                out[:, own] = (uniform > below).sum(axis=2)
        return out

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the predictions of all columns for some rows, shape (k, n)."""
        return self._values(self.base, self.base.row_scores(rows), rows)

    def new_scores(self, table: Observations, covariates: Matrix | None = None) -> Matrix:
        """Return the predictions of all columns for new rows, folded in, shape (k, n)."""
        return self.complete(table, covariates)

    def within_range(self, scores: Matrix) -> Matrix:
        """Return the predictions, which are what scores are."""
        return scores

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return predictions of all cells; of levels the expected position, or the likeliest."""
        rows = np.arange(self.shape[0])
        return self._values(self.base, self.base.matrix(), rows, likeliest=likeliest)

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of new rows, folded in, shape (k, n)."""
        again = self.base.of_rows(self.encoding.encode(table), covariates)
        return self._values(again, again.matrix(), np.arange(table.shape[0]), likeliest=likeliest)

    def _values(
        self,
        base: PosteriorModel | RefinedModel,
        numbers: Matrix,
        rows: Indices,
        *,
        likeliest: bool = False,
    ) -> Matrix:
        """Return predictions of whole rows of a model in numbers from its predictions."""
        out, powers = self.losses.values(numbers, likeliest=likeliest), self.encoding.powers
        for j, power in powers.items():
            errors = base.standard_errors(rows, np.full(rows.size, self.encoding.starts[j]))
            out[:, j] = power.expect(out[:, j], errors)[0]
        return out

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""
        own = np.isin(columns, list(self.encoding.powers))
        inside = self.base.clip(lower, upper, self.encoding.starts[columns])
        return np.where(own, np.maximum(lower, 0.0), inside[0]), np.where(own, upper, inside[1])
