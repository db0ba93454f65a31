"""The layer of columns of levels: fitted as numbers, predicted as probabilities of levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.encoded.column_meaning import LevelColumns
from lowland.completion.encoded.level_maps import LevelMap
from lowland.completion.encoded.levels import Levels
from lowland.completion.encoded.writing import WritingLayer, of_columns, of_each
from lowland.completion.tables.fitted import PageParts
from lowland.completion.tables.model import SamplingModel, TableParts, no_levels
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.wording import Option, Words

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page

SCOPE = (
    "Levels are fitted as numbers: one column per level, ordered ones as normal scores; their probabilities "
    "are a logistic function of these, learnt from cells held out."
)


@final
@dataclass(frozen=True, eq=False)
class LevelLayer(WritingLayer):
    """Predictions of a table with levels by a model of the table in numbers.

    Parameters
    ----------
    base : SamplingModel
        The model of the table in numbers.
    levels : Levels
    maps : mapping of int to LevelMap
        To the probabilities of each column's levels.
    labels : TableLabels
    """

    base: SamplingModel
    levels: Levels
    maps: Mapping[int, LevelMap]
    labels: TableLabels

    words = "levels as numbers"

    @property
    def scope(self) -> Sequence[str]:
        """What the certificate is about."""
        return (SCOPE,)

    def apply(self, table: Observations) -> Observations:
        """Return a table in numbers."""
        return self.levels.encode(table)

    def columns_within(self, columns: Indices) -> Indices:
        """Return the columns of numbers that columns of the table have become."""
        return np.flatnonzero(np.isin(self.levels.groups, columns))

    def covariates_within(self, covariates: Matrix) -> Matrix:
        """Return covariates of the columns of numbers: those of their column."""
        return covariates[self.levels.groups]

    def covariates_without(self, covariates: Matrix) -> Matrix:
        """Return covariates of columns from those of the columns of numbers."""
        return covariates[self.levels.starts]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.base.shape[0], self.levels.width

    @cached_property
    def losses(self) -> LevelColumns:
        """Which columns hold numbers."""
        return LevelColumns(self.levels, self.maps)

    @property
    def unordered(self) -> Indices:
        """Columns of more than two levels without an order, whose mean position says nothing."""
        kinds = self.levels.kinds.items()
        return np.array([j for j, kind in kinds if not kind.ordered and kind.count > 2], np.intp)

    def parts(self) -> TableParts:
        """Return factors and biases of the table in numbers; of levels without an order only a bias.

        That is their mean position.
        """
        parts, starts = self.base.parts(), self.levels.starts
        factors, biases = parts.column_factors[starts].copy(), parts.column_biases[starts].copy()
        noise = np.full(self.levels.width, np.nan) if parts.noise is None else parts.noise[starts].copy()
        for j, kind in self.levels.kinds.items():
            noise[j] = np.nan
            if not kind.ordered:
                factors[j] = 0.0
                biases[j] = self.levels.frequencies[j] @ np.arange(kind.count)
        return TableParts(parts.row_factors, factors, parts.row_biases, biases, parts.offset, noise)

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Return the probabilities of a column's levels in some rows, shape (k, levels)."""
        if column not in self.levels.kinds:
            raise no_levels()
        numbers = self.base.row_scores(rows)[:, self.levels.places(column)]
        return self.maps[column].probabilities(numbers)

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells: numbers, and expected positions of levels; shape (k,)."""
        out = of_columns(self.base.predict, rows, columns, self._places)
        for j, kind, at in of_each(self.levels.kinds, columns):
            out[at] = self.probabilities(rows[at], j) @ np.arange(kind.count)
        return out

    def likeliest(self, rows: Indices, columns: Indices) -> Vector:
        """Return the likeliest levels of cells by their positions, NaN in columns of numbers, shape (k,)."""
        out = np.full(rows.size, np.nan)
        for j, _, at in of_each(self.levels.kinds, columns):
            out[at] = self.probabilities(rows[at], j).argmax(axis=1)
        return out

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,); of levels, of positions."""
        out = of_columns(self.base.standard_errors, rows, columns, self._places)
        for j, kind, at in of_each(self.levels.kinds, columns):
            shares, places = self.probabilities(rows[at], j), np.arange(kind.count)
            out[at] = np.sqrt(np.maximum(shares @ places**2 - (shares @ places) ** 2, 0.0))
        return out

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells that hold numbers; NaN for levels."""
        lower, upper = np.full((2, rows.size), np.nan)
        at = self.levels.is_number[columns]
        lower[at], upper[at] = self.base.intervals(rows[at], self.levels.starts[columns[at]], level)
        return lower, upper

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give draws of cells, shape (k,) each: numbers jointly, levels by their probabilities."""
        at = self.levels.is_number[columns]
        below = [
            (places, np.cumsum(self.probabilities(rows[places], j), axis=1)[:, :-1])
            for j, _, places in of_each(self.levels.kinds, columns)
        ]
        for numbers in self.base.draws(rows[at], self.levels.starts[columns[at]], count, rng, noise=noise):
            out = np.empty(rows.size)
            out[at] = numbers
            for places, shares in below:
                out[places] = (rng.random((places.size, 1)) > shares).sum(axis=1)
            yield out

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""
        return self.base.clip(lower, upper, self.levels.starts[columns])

    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return those in numbers, of levels the expected or likeliest position."""
        known = self.levels
        out = np.asarray(numbers[:, known.starts], np.float64).copy()
        for j, kind in known.kinds.items():
            shares = self.maps[j].probabilities(numbers[:, known.places(j)])
            out[:, j] = np.argmax(shares, axis=1) if likeliest else shares @ np.arange(kind.count)
        return out

    @cached_property
    def _places(self) -> Indices:
        """The column of numbers of each column that holds numbers, -1 of levels."""
        return np.where(self.levels.is_number, self.levels.starts, -1)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Raise UnsupportedError: what is proved is about numbers that nobody has seen."""
        raise UnsupportedError(
            "certificates of tables with levels are about the table in numbers and are not saved",
            "columns of levels",
            fix=Words("fit the table with ", Option("method", "map")),
        )

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of the fit in numbers, with held-out levels that are right."""
        from lowland.completion.encoded.level_page import with_levels

        page = super().page(within, replace(parts, trial=None), table)
        if parts.trial is None or table is None:
            return page
        return with_levels(page, parts.trial, table, self.levels)
