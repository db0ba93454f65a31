"""A layer: a model around another model. What a layer does not say, the model within says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.tables.fitted import FittedTable, PageParts
from lowland.completion.tables.model import ColumnLosses, HasUnordered, SamplingModel, TableParts, sampling
from lowland.completion.tables.trial import LevelPredictor
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.context import CellContext
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.wording import counted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page


class Layer(ABC):
    """Predictions by a model within, of a table that may be written otherwise there.

    A layer writes a table for the fit within (`apply`), is put around that fit (`around`), and brings its
    predictions, draws and intervals back. `LayeredTable` does the rest, the same for all layers.
    """

    base: SamplingModel

    # from a table to the one within

    def apply(self, table: Observations) -> Observations:
        """Return a table as it is written within."""
        return table

    def columns_within(self, columns: Indices) -> Indices:
        """Return the columns within that columns of the table have become."""
        return columns

    def covariates_within(self, covariates: Matrix) -> Matrix:
        """Return covariates of columns for the columns within."""
        return covariates

    def covariates_without(self, covariates: Matrix) -> Matrix:
        """Return covariates of columns from those of the columns within."""
        return covariates

    # around a fit

    @abstractmethod
    def around(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer around the fit of another table."""

    def learnt_again(self, base: SamplingModel, table: Observations, rng: np.random.Generator) -> Self:
        """Return the layer around the fit of another table, with what must be learnt from its cells."""
        return self.around(base, table)

    def renewed(self, table: Observations) -> Self | None:
        """Return the layer for a table with more cells, None if that has other columns."""
        return self if table.shape[1] == self.shape[1] else None

    def grown(self, table: Observations) -> Self:
        """Return the layer for a table with more cells, or raise UnsupportedError."""
        layer = self.renewed(table)
        if layer is None:
            raise UnsupportedError(
                "new columns have no kind", f"{counted(table.shape[1], 'column')}", fix="fit the table again"
            )
        return layer

    def settled(self, base: FittedTable, table: Observations, rng: np.random.Generator) -> Self | None:
        """Return the layer around the updated fit of a table that has grown, None if it pays no longer."""
        return self.around(sampling(base.model), table)

    @property
    def has_context(self) -> bool:
        """Whether predictions depend on the context of cells."""
        return isinstance(self.base, Layer) and self.base.has_context

    def among(self, context: CellContext) -> Self:
        """Return the layer whose model knows the context of further cells."""
        base: Any = self.base
        told: Any = replace(cast(Any, self), base=base.among(context)) if isinstance(base, Layer) else self
        return cast(Self, told)

    def with_cells(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer read from a file around the model within, with the table that was fitted."""
        return cast(Self, replace(cast(Any, self), base=base))

    # in words

    @property
    @abstractmethod
    def words(self) -> str:
        """What is done, a phrase."""

    @property
    @abstractmethod
    def scope(self) -> Sequence[str]:
        """What a certificate is about, in sentences."""

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of a report, from the one of the fit within."""
        return within(parts)

    @abstractmethod
    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate with what is needed to derive it again, from that of the fit within.

        Raise UnsupportedError if the re-check cannot write the table as the layer does.
        """

    # what a model says

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.base.shape

    @property
    def rank(self) -> int:
        """Number of factors."""
        return self.base.rank

    if TYPE_CHECKING:  # at run time a field of layers that change the table, so no attribute of this class

        @property
        def labels(self) -> TableLabels:
            """Names of rows and columns."""

    @property
    def row_places(self) -> tuple[int, bool]:
        """Number of coordinates of rows that the fit found in order, and whether labels said them."""
        return self.base.row_places

    @property
    def losses(self) -> ColumnLosses | None:
        """Losses by column; None if all are squared."""
        return self.base.losses

    def parts(self) -> TableParts:
        """Return factors, biases and offset."""
        return self.base.parts()

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return factors U, V of the low-rank part."""
        return self.base.factors()

    @abstractmethod
    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return scores that rank the columns of a row, shape (k,)."""

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""
        return self.within_range(self.scores(rows, columns))

    def natural(self, rows: Indices, columns: Indices) -> Vector:
        """Return the predictions, which are the natural parameters of squared losses."""
        return self.predict(rows, columns)

    @abstractmethod
    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,)."""

    @abstractmethod
    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells."""

    @abstractmethod
    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each."""

    @abstractmethod
    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""

    def new_scores(self, table: Observations, covariates: Matrix | None = None) -> Matrix:
        """Return the scores of all columns for new rows, folded in, shape (k, n)."""
        return self.of_rows(table, covariates).row_scores(np.arange(table.shape[0]))

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> Self:
        """Return the model of the rows of another table, folded in; it has no draws."""
        return self.around(self.base.of_rows(self.apply(table), covariates), table)

    def within_range(self, scores: Matrix) -> Matrix:
        """Return the predictions that belong to scores."""
        return self.base.within_range(scores)

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return predictions of all cells; for levels, expected values or the likeliest level."""
        return self.within_range(self.row_scores(np.arange(self.shape[0])))

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of new rows, folded in, shape (k, n)."""
        return self.of_rows(table, covariates).matrix(likeliest=likeliest)

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Return the probabilities of a column's levels in some rows, or raise UnsupportedError."""
        return self.base.probabilities(rows, column)

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""
        return self.base.clip(lower, upper, columns)

    def likeliest(self, rows: Indices, columns: Indices) -> Vector:
        """Return the likeliest levels of cells by their positions, NaN in columns of numbers, shape (k,)."""
        base = self.base
        return (
            base.likeliest(rows, columns) if isinstance(base, LevelPredictor) else np.full(rows.size, np.nan)
        )

    @property
    def unordered(self) -> Indices:
        """Columns of more than two levels without an order, whose mean position says nothing."""
        return self.base.unordered if isinstance(self.base, HasUnordered) else np.zeros(0, np.intp)
