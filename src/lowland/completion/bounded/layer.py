"""The layer of bounds: predictions are means within them, draws are moved and intervals cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.bounded.from_zero import FromZeroLayer
from lowland.completion.bounded.law import BoundedLaw
from lowland.completion.bounded.limits import Limits, check_within
from lowland.completion.bounded.truncated import TruncatedLayer
from lowland.completion.encoded.writing import of_each
from lowland.completion.layers.model import Layer
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.wording import counted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document

SCOPE = "{} of {} columns have bounds: what is predicted is truncated to them, after the fit."


@final
@dataclass(frozen=True, eq=False)
class BoundedLayer(TruncatedLayer):
    """Predictions of columns with bounds: those of the normal law of a new observation, within the bounds.

    Parameters
    ----------
    base : SamplingModel
    limits : mapping of int to (float, float)
        By column.
    labels : TableLabels

    Notes
    -----
    The law of a column that is fitted as roots or logarithms is normal in these, and truncated there.
    """

    base: SamplingModel
    limits: Limits
    labels: TableLabels

    def apply(self, table: Observations) -> Observations:
        """Return a table as it is; raise InvalidInputError if a value lies beyond its bounds."""
        check_within(table, self.limits)
        return table

    def renewed(self, table: Observations) -> Self:
        """Return the layer itself: new columns have no bounds."""
        return self

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells.

        They hold those without bounds, cut off, which loses none of what is possible, and those of the
        truncated law: parameters are learnt from what lies within bounds, as if nothing had been cut off.
        """
        ends = np.array(self.base.intervals(rows, columns, level), np.float64)
        for at, law in self._laws(rows, columns):
            cut, moved = np.clip(ends[:, at], law.low, law.high), law.within(ends[:, at])
            ends[:, at] = np.minimum(cut[0], moved[0]), np.maximum(cut[1], moved[1])
        return ends[0], ends[1]

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""
        ends = np.array(self.base.clip(lower, upper, columns), np.float64)
        for _, (low, high), at in of_each(self.limits, columns):
            ends[:, at] = np.clip(ends[:, at], low, high)
        return ends[0], ends[1]

    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return predictions of whole rows from those without bounds."""
        out = np.asarray(numbers, np.float64).copy()
        for j in self.limits:
            out[:, j] = self._law(rows, j).moments()[0]
        return out

    def _laws(self, rows: Indices, columns: Indices) -> Iterator[tuple[Indices, BoundedLaw]]:
        """Give the cells of columns with bounds, column by column, and their laws."""
        for j, _, at in of_each(self.limits, columns):
            yield at, self._law(rows[at], j)

    def _law(self, rows: Indices, column: int) -> BoundedLaw:
        """Return what is possible in cells of a column."""
        low, high = self.limits[column]
        return BoundedLaw.of_cells(self.base, rows, np.full(rows.size, column), low, high)

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return f"{len(self.limits)} of {counted(self.shape[1], 'column')} within bounds"

    @property
    def scope(self) -> Sequence[str]:
        """What a certificate is not about, in a sentence."""
        return (SCOPE.format(len(self.limits), self.shape[1]),)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the fit, which is of the same table."""
        return within()


def limits_of(model: object) -> Limits:
    """Return the bounds of columns that a model keeps, perhaps within other layers."""
    while isinstance(model, Layer) and not isinstance(model, BoundedLayer):
        model = model.base
    return model.limits if isinstance(model, BoundedLayer) else {}


def without_bounds(model: SamplingModel) -> SamplingModel:
    """Return the model within layers of bounds, which says what the fit says."""
    while isinstance(model, BoundedLayer | FromZeroLayer):
        model = model.base
    return model
