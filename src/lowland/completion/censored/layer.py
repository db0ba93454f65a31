"""The layer of censored cells: what is said of them lies beyond their bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.bounded.law import BoundedLaw
from lowland.completion.bounded.layer import without_bounds
from lowland.completion.bounded.truncated import TruncatedLayer
from lowland.completion.censored.cells import CensoredCells
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.wording import Option, Words, counted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document

SCOPE = (
    "{} of {} known cells are censored: they were fitted as likely numbers beyond their bounds, "
    "and what is proved is about the table with these numbers."
)


@final
@dataclass(frozen=True, eq=False)
class CensoredLayer(TruncatedLayer):
    """Predictions of a table some of whose cells are censored, by a fit of likely numbers there.

    Parameters
    ----------
    base : SamplingModel
    cells : CensoredCells
        None in new rows, whose bounds count as values.
    labels : TableLabels
    count : int
        Number of known cells.

    Notes
    -----
    What is predicted, drawn and stated of a censored cell is what the law that the fit predicts there leaves
    beyond the bound. Draws keep their order, so that those of a row stay joint.
    """

    base: SamplingModel
    cells: CensoredCells
    labels: TableLabels
    count: int

    def apply(self, table: Observations) -> Observations:
        """Return a table with likely numbers where it lists the bounds."""
        return self.cells.put(table)

    def around(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer around the fit of another table."""
        return replace(self, base=base, labels=TableLabels.of(table), count=table.size)

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> Self:
        """Return the model of the rows of another table, folded in: their bounds count as values."""
        layer = replace(self, cells=self.cells.none())
        return layer.around(self.base.of_rows(layer.apply(table), covariates), table)

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the predictions of all columns for some rows, shape (k, n)."""
        return self.values(self.base.within_range(self.base.row_scores(rows)), rows)

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, those of censored ones between their bounds."""
        ends = np.array(self.base.intervals(rows, columns, level), np.float64)
        for at, law in self._laws(rows, columns):
            ends[:, at] = law.within(ends[:, at])
        return ends[0], ends[1]

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each: of censored ones moved between their bounds."""
        if noise:
            yield from super().draws(rows, columns, count, rng)
        else:  # means of cells are not truncated
            yield from self.base.draws(rows, columns, count, rng, noise=False)

    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return predictions of whole rows from those that know no bounds."""
        out = np.array(numbers, np.float64)
        places = np.full(self.shape[0], -1)
        places[rows] = np.arange(rows.size)
        mine = np.flatnonzero(places[self.cells.rows] >= 0)
        at = self.cells.rows[mine], self.cells.columns[mine]
        for some, law in self._laws(*at):
            out[places[at[0][some]], at[1][some]] = law.moments()[0]
        return out

    def _laws(self, rows: Indices, columns: Indices) -> Iterator[tuple[Indices, BoundedLaw]]:
        """Give the censored ones among cells, column by column, and their law."""
        found = self.cells.among(rows, columns, self.shape[1])
        some = np.flatnonzero(found >= 0)
        base = without_bounds(self.base)
        for one in places_of_each(columns[some], self.shape[1]):
            at = some[one]
            if at.size:
                own = found[at]
                low, high = self.cells.low[own], self.cells.high[own]
                yield at, BoundedLaw.of_cells(base, rows[at], columns[at], low, high)

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return f"{counted(self.cells.size, 'censored cell')} fitted within their bounds"

    @property
    def scope(self) -> Sequence[str]:
        """What a certificate is about, in a sentence."""
        return (SCOPE.format(self.cells.size, self.count),)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Raise UnsupportedError: the table of a file does not hold the numbers that were fitted."""
        raise UnsupportedError(
            "a certificate of censored cells cannot be derived again from the table",
            counted(self.cells.size, "censored cell"),
            "what is proved is about the table with likely numbers in these cells",
            Words("take bounds for values: ", Option("censored", "bound")),
        )
