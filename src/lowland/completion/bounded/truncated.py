"""What layers share that leave of the laws of some cells what lies between two bounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lowland.completion.encoded.writing import WritingLayer
from lowland.completion.tables.fitted import PageParts
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations

if TYPE_CHECKING:
    from lowland.report.page import Page


class PossibleLaw(Protocol):
    """What is possible in cells, of what a model says that knows no bounds."""

    def moments(self) -> tuple[Vector, Vector]:
        """Return means and standard deviations, shape (k,) each."""

    def within(self, values: Vector) -> Vector:
        """Return numbers, shape (..., k), moved to what is possible."""


class TruncatedLayer(WritingLayer, ABC):
    """A layer that truncates the law of a new observation where cells have bounds."""

    @abstractmethod
    def _laws(self, rows: Indices, columns: Indices) -> Iterator[tuple[Indices, PossibleLaw]]:
        """Give those among cells that have bounds, column by column, and their laws."""

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,): where they have bounds, means of what is possible."""
        out = np.array(self.base.predict(rows, columns), np.float64)
        for at, law in self._laws(rows, columns):
            out[at] = law.moments()[0]
        return out

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,)."""
        out = np.array(self.base.standard_errors(rows, columns), np.float64)
        for at, law in self._laws(rows, columns):
            out[at] = law.moments()[1]
        return out

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each: those within, moved by their quantiles."""
        laws = list(self._laws(rows, columns))
        for drawn in self.base.draws(rows, columns, count, rng, noise=noise):
            out = np.array(drawn, np.float64)
            for at, law in laws:
                out[at] = law.within(out[at])
            yield out

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of the fit, which says what has bounds."""
        page = within(parts)
        return replace(page, notes=(*page.notes, *self.scope))
