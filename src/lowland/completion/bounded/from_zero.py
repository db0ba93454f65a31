"""The layer of columns that hold no negative number: nothing that is said of their cells is negative."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.completion.bounded.signs import lowest_of
from lowland.completion.bounded.truncated import TruncatedLayer
from lowland.completion.bounded.zero_law import ZeroLaw
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.wording import counted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document

SCOPE = (
    "{} of {} columns hold no negative number, and what is predicted there is not negative either, after the "
    "fit (unless may_be_negative names them)."
)
# number of cells of whole rows whose standard errors are formed at once
CHUNK_CELLS = 100_000


@final
@dataclass(frozen=True, eq=False)
class FromZeroLayer(TruncatedLayer):
    """Predictions of columns without negative numbers: what is left of laws of new observations above zero.

    Parameters
    ----------
    base : SamplingModel
    columns : ndarray of int, shape (c,)
        Ascending.
    touches : ndarray of bool, shape (c,)
        Which of them hold zeros.
    labels : TableLabels
    """

    base: SamplingModel
    columns: Indices
    touches: NDArray[np.bool_]
    labels: TableLabels

    def renewed(self, table: Observations) -> Self:
        """Return the layer for a table with more cells, some of which may be negative, or the first zeros."""
        lowest = lowest_of(table)[self.columns]
        stay = ~(lowest < 0)
        return replace(self, columns=self.columns[stay], touches=(self.touches | (lowest == 0))[stay])

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, whose ends are moved by their quantiles."""
        ends = np.array(self.base.intervals(rows, columns, level), np.float64)
        for at, law in self._laws(rows, columns):
            ends[:, at] = law.within(ends[:, at])
        return ends[0], ends[1]

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""
        ends = np.array(self.base.clip(lower, upper, columns), np.float64)
        at = np.isin(columns, self.columns)
        ends[:, at] = np.maximum(ends[:, at], 0.0)
        return ends[0], ends[1]

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the predictions of all columns for some rows, shape (k, n)."""
        return self.values(self.base.within_range(self.base.row_scores(rows)), rows)

    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return predictions of whole rows from those that may be negative."""
        out = np.array(numbers, np.float64)
        step = max(1, CHUNK_CELLS // max(1, self.columns.size))
        for first in range(0, rows.size, step):
            part = rows[first : first + step]
            cells = np.repeat(part, self.columns.size), np.tile(self.columns, part.size)
            places = np.ix_(np.arange(first, first + part.size), self.columns)
            means = out[places].ravel()
            out[places] = self._law(*cells, means).moments()[0].reshape(part.size, -1)
        return out

    def _laws(self, rows: Indices, columns: Indices) -> Iterator[tuple[Indices, ZeroLaw]]:
        """Give the cells of columns without negative numbers, all at once, and their laws."""
        at = np.flatnonzero(np.isin(columns, self.columns))
        if at.size:
            cells = rows[at], columns[at]
            yield at, self._law(*cells, np.asarray(self.base.predict(*cells), np.float64))

    def _law(self, rows: Indices, columns: Indices, means: Vector) -> ZeroLaw:
        """Return what is possible in cells of these columns, of which means are predicted."""
        spreads = np.asarray(self.base.standard_errors(rows, columns), np.float64)
        spreads = np.maximum(spreads, np.finfo(np.float64).tiny)
        return ZeroLaw(means, spreads, self.touches[np.searchsorted(self.columns, columns)])

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return f"{self.columns.size} of {counted(self.shape[1], 'column')} not below zero"

    @property
    def scope(self) -> Sequence[str]:
        """What a certificate is not about, in a sentence."""
        return (SCOPE.format(self.columns.size, self.shape[1]),)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the fit, which is of the same table."""
        return within()
