"""The layer of what refines predictions of missing cells: forests, or smooth curves of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.layers.model import Layer
from lowland.completion.refinement.forests import Refinement
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.completion.tables.fitted import FittedTable, PageParts
from lowland.completion.tables.model import SamplingModel, sampling
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page

SCOPE = "They are about the low-rank part alone, without what refines it."
# a table is refined anew once it has so many times the cells
GROWN = 1.1


@final
@dataclass(frozen=True, eq=False)
class RefinementLayer(Layer):
    """Low-rank predictions, shifted at missing cells.

    Parameters
    ----------
    base : SamplingModel
    refinement : Refinement or RowSmoothing
    shifts : ndarray, shape (m, n)
        What is added to the low-rank predictions of the table, zero at observed cells.
    kinds : ndarray of int, shape (m, n)
        What is known around a missing cell, as the refinement tells it; 0 where the fit stays as it is.
    """

    base: SamplingModel
    refinement: Refinement | RowSmoothing
    shifts: Matrix
    kinds: NDArray[np.intp]

    @classmethod
    def of(
        cls, base: SamplingModel, refinement: Refinement | RowSmoothing, table: Observations
    ) -> RefinementLayer:
        """Return the model of a table with a given refinement."""
        holes = table.to_array().astype(np.float64)
        low = base.row_scores(np.arange(base.shape[0]))
        return cls(base, refinement, refinement.shifts(holes, low), refinement.kinds(holes))

    def around(self, base: SamplingModel, table: Observations) -> RefinementLayer:
        """Return the layer around the fit of another table, with the refinement as it is."""
        return self.of(base, self.refinement, table)

    def learnt_again(
        self, base: SamplingModel, table: Observations, rng: np.random.Generator
    ) -> RefinementLayer:
        """Return the layer around the fit of another table, refined anew with the same weights."""
        holes, known = table.to_array().astype(np.float64), self.refinement
        if isinstance(known, RowSmoothing):
            return self.of(base, known.for_table(holes), table)
        from lowland.completion.refinement.forest_learning import grow_again

        low = base.row_scores(np.arange(table.shape[0]))
        return self.of(base, grow_again(holes, low, known, rng), table)

    def grown(self, table: Observations) -> RefinementLayer:
        """Return the layer itself: `settled` sees to new columns."""
        return self

    def settled(
        self, base: FittedTable, table: Observations, rng: np.random.Generator
    ) -> RefinementLayer | None:
        """Return the refinement as it is until the table has grown by a tenth, then a new one if it pays."""
        from lowland.completion.refinement.learning import choose_refinement

        known, same = self.refinement, table.shape[1] == self.shape[1]
        if same and table.size <= GROWN * known.learnt_from:
            return self.of(sampling(base.model), known, table)
        assert isinstance(base, BayesianTable)
        again = choose_refinement(base, known.asked_again, known.groups if same else None)
        return None if again is None else self.of(base.model, again, table)

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return self.refinement.words

    @property
    def scope(self) -> Sequence[str]:
        """What a certificate is about, in a sentence."""
        return (SCOPE,)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the low-rank part, which is of the same table."""
        return within()

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of the fit within, which says what refines it."""
        page = within(parts)
        judged = parts.certificate
        scope = () if judged is None or judged.of_audit else (SCOPE,)
        return replace(page, notes=(*page.notes, *scope, f"{self.words.capitalize()}."))

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.base.labels

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return unclipped predictions of cells, shape (k,)."""
        return self.base.scores(rows, columns) + self.shifts[rows, columns]

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

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each: those of the posterior, shifted and narrowed."""
        low = self.base.scores(rows, columns)
        ratios = self._ratios(rows, columns, lambda: self.base.standard_errors(rows, columns))
        for drawn in self.base.draws(rows, columns, count, rng, noise=noise):
            values = low + self.shifts[rows, columns] + ratios * (drawn - low)
            yield self.within_range(values) if noise else values

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""
        return self.base.row_scores(rows) + self.shifts[rows]

    def _ratios(self, rows: Indices, columns: Indices, stated: Callable[[], Vector]) -> Vector:
        return self.refinement.ratios_at(self.kinds[rows, columns], columns, stated)
