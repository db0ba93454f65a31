"""What layers share that write the values of a table otherwise: columns of levels, and powers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.layers.model import Layer
from lowland.completion.tables.fitted import PageParts
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.cells.observations import Observations

if TYPE_CHECKING:
    from lowland.report.page import Page

T = TypeVar("T")
# what is said of a setting of the fit within
OF_NUMBERS = " (of the table in numbers)"


class WritingLayer(Layer, ABC):
    """A layer whose predictions are functions of those within, and are scores themselves."""

    @abstractmethod
    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return predictions of whole rows, shape (k, n), from those within."""

    def around(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer around the fit of another table."""
        return replace(self, base=base, labels=TableLabels.of(table))  # type: ignore[type-var]

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return the factors of rows and columns, zero for levels without an order."""
        parts = self.parts()
        return parts.row_factors, parts.column_factors

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return the predictions."""
        return self.predict(rows, columns)

    def within_range(self, scores: Matrix) -> Matrix:
        """Return the predictions, which are what scores are."""
        return scores

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the predictions of all columns for some rows, shape (k, n)."""
        return self.values(self.base.row_scores(rows), rows)

    def new_scores(self, table: Observations, covariates: Matrix | None = None) -> Matrix:
        """Return the predictions of all columns for new rows, folded in, shape (k, n)."""
        return self.complete(table, covariates)

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return predictions of all cells; of levels the expected position, or the likeliest."""
        numbers = self.base.matrix(likeliest=likeliest)
        return self.values(numbers, np.arange(self.shape[0]), likeliest=likeliest)

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of the fit within, which says what it is about."""
        page = within(parts)
        asked = [
            (name, text + OF_NUMBERS if name == "noise" and not text.endswith(OF_NUMBERS) else text)
            for name, text in page.asked
        ]
        return replace(page, asked=asked, notes=(*page.notes, *self.scope))


def of_columns(
    of_base: Callable[[Indices, Indices], Vector], rows: Indices, columns: Indices, places: Indices
) -> Vector:
    """Return what the model within says of cells of columns that stay as they are; others are NaN.

    Parameters
    ----------
    of_base : callable
        Takes rows and columns within.
    rows, columns : ndarray of int, shape (k,)
    places : ndarray of int, shape (n,)
        The column within of each column, -1 where it is written otherwise.
    """
    out, within = np.full(rows.size, np.nan), places[columns]
    at = within >= 0
    out[at] = of_base(rows[at], within[at])
    return out


def of_each(items: Mapping[int, T], columns: Indices) -> Iterator[tuple[int, T, Indices]]:
    """Give the columns of a mapping that occur among cells, with the places of these."""
    if not items:
        return
    places = places_of_each(columns, max(items) + 1)
    for j, item in items.items():
        if places[j].size:
            yield j, item, places[j]
