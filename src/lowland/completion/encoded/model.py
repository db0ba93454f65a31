"""A model of a table in numbers that predicts the table as it is: with its levels, and in its units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.cells.labels import TableLabels
from lowland.completion.encoded.encoding import Encoding
from lowland.completion.encoded.level_maps import LevelMap
from lowland.completion.refinement.model import RefinedModel
from lowland.completion.tables.model import TableParts, no_levels
from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.cells.observations import Observations

T = TypeVar("T")


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
        for _, power, at in _each(self.encoding.powers, columns):
            out[at] = power.expect(out[at], np.full(at.size, power.spread))[0]
        for j, kind, at in _each(self.encoding.kinds, columns):
            if kind.ordered:
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

    @property
    def unordered(self) -> Indices:
        """Columns of more than two levels without an order, whose mean position says nothing."""
        kinds = self.encoding.kinds.items()
        return np.array([j for j, kind in kinds if not kind.ordered and kind.count > 2], np.intp)

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells: numbers, and expected positions of levels; shape (k,)."""
        out = self._read(self.base.predict, rows, columns)
        at, out[at], _ = self._expected(rows, columns)
        for j, kind, at in _each(self.encoding.kinds, columns):
            out[at] = self.probabilities(rows[at], j) @ np.arange(kind.count)
        return out

    def likeliest(self, rows: Indices, columns: Indices) -> Vector:
        """Return the likeliest levels of cells by their positions, NaN in columns of numbers, shape (k,)."""
        out = np.full(rows.size, np.nan)
        for j, _, at in _each(self.encoding.kinds, columns):
            out[at] = self.probabilities(rows[at], j).argmax(axis=1)
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
        out = self._read(self.base.standard_errors, rows, columns)
        at, _, out[at] = self._expected(rows, columns)
        for j, kind, at in _each(self.encoding.kinds, columns):
            shares, places = self.probabilities(rows[at], j), np.arange(kind.count)
            out[at] = np.sqrt(np.maximum(shares @ places**2 - (shares @ places) ** 2, 0.0))
        return out

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells that hold numbers; NaN for levels."""
        lower, upper = np.full((2, rows.size), np.nan)
        at = self.encoding.is_number[columns]
        lower[at], upper[at] = self.base.intervals(rows[at], self.encoding.starts[columns[at]], level)
        for _, power, own in _each(self.encoding.powers, columns):
            lower[own], upper[own] = power.read(lower[own]), power.read(upper[own])
        # past all that is known, what is read is bounded, and means more than the ends
        powers, means, _ = self._expected(rows, columns)
        lower[powers] = np.minimum(lower[powers], means)
        return lower, upper

    def sample(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Matrix:
        """Return draws of cells, shape (count, k): numbers jointly, levels by their probabilities."""
        out, at = np.empty((count, rows.size)), self.encoding.is_number[columns]
        starts = self.encoding.starts
        out[:, at] = self.base.sample(rows[at], starts[columns[at]], count, rng, noise=noise)
        levels = self.base.parts().noise
        for j, power, own in _each(self.encoding.powers, columns):
            drawn = out[:, own]
            if noise:
                out[:, own] = power.read(drawn)
            elif levels is not None:
                out[:, own] = power.expect(drawn, np.full_like(drawn, levels[starts[j]]))[0]
        for j, _, own in _each(self.encoding.kinds, columns):
            below = np.cumsum(self.probabilities(rows[own], j), axis=1)[:, :-1]
            out[:, own] = (rng.random((count, own.size, 1)) > below).sum(axis=2)
        return out

    def _read(self, of_base: Callable[[Indices, Indices], Vector], rows: Indices, columns: Indices) -> Vector:
        """Return what the model in numbers says of cells that are written as they are; others are NaN."""
        out, known = np.full(rows.size, np.nan), self.encoding
        at = (known.is_number & ~known.is_power)[columns]
        out[at] = of_base(rows[at], known.starts[columns[at]])
        return out

    def _expected(self, rows: Indices, columns: Indices) -> tuple[Indices, Vector, Vector]:
        """Return which cells are roots or logarithms, their means, and their standard deviations."""
        at = np.flatnonzero(self.encoding.is_power[columns])
        cells = rows[at], self.encoding.starts[columns[at]]
        means, spreads = self.base.predict(*cells).astype(np.float64), self.base.standard_errors(*cells)
        for _, power, own in _each(self.encoding.powers, columns[at]):
            means[own], spreads[own] = power.expect(means[own], spreads[own])
        return at, means, spreads

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
        own = self.encoding.is_power[columns]
        inside = self.base.clip(lower, upper, self.encoding.starts[columns])
        return np.where(own, np.maximum(lower, 0.0), inside[0]), np.where(own, upper, inside[1])


def _each(of: Mapping[int, T], columns: Indices) -> Iterator[tuple[int, T, Indices]]:
    """Give the columns of a mapping that occur among cells, with the places of these."""
    if not of:
        return
    places = places_of_each(columns, max(of) + 1)
    for j, item in of.items():
        if places[j].size:
            yield j, item, places[j]
