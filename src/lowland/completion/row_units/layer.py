"""The layer of rows with units of their own: predictions in the unit of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.encoded.writing import WritingLayer
from lowland.completion.row_units.units import RowUnits, TypicalRow
from lowland.completion.tables.model import SamplingModel, TableParts
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations

if TYPE_CHECKING:
    from lowland.recheck.documents import Document

SCOPE = (
    "Rows look like variables, and columns like samples: spreads of rows are {:.3g} to {:.3g}. Each row is "
    "fitted in a unit of its own, by its known cells."
)


@final
@dataclass(frozen=True, eq=False)
class RowUnitsLayer(WritingLayer):
    """Predictions by a model of rows in units of their own.

    Parameters
    ----------
    base : SamplingModel
    typical : TypicalRow
        What says the units of other rows.
    units : RowUnits
        Of the rows of the table.
    """

    base: SamplingModel
    typical: TypicalRow
    units: RowUnits

    def apply(self, table: Observations) -> Observations:
        """Return a table with each row in the unit that its known cells say."""
        return self.typical.units(table).write(table)

    def around(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer around the fit of another table, with the units of its rows."""
        return replace(self, base=base, units=self.typical.units(table))

    def renewed(self, table: Observations) -> Self:
        """Return the layer for a table with more cells, which may have more rows and columns."""
        return self

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.base.labels

    def parts(self) -> TableParts:
        """Return factors and biases of the table; biases of columns become a factor. Noise is a usual row's.

        Within, a cell is u v + a + b + offset, and outside its spread times that, plus its centre.
        """
        parts, (centres, spreads) = self.base.parts(), (self.units.centres, self.units.spreads)
        dtype = parts.row_factors.dtype
        rows = np.column_stack([parts.row_factors * spreads[:, None], spreads])
        columns = np.column_stack([parts.column_factors, parts.column_biases])
        biases = centres + spreads * (parts.row_biases + parts.offset)
        usual = float(np.median(spreads))
        noise, none = None if parts.noise is None else usual * parts.noise, np.zeros(columns.shape[0], dtype)
        sides = (rows.astype(dtype), columns.astype(dtype), biases.astype(dtype), none)
        return TableParts(*sides, 0.0, noise, spreads / usual)

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""
        return self.units.read(self.base.predict(rows, columns), rows)

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,)."""
        return self.units.spreads[rows] * self.base.standard_errors(rows, columns)

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells."""
        lower, upper = self.base.intervals(rows, columns, level)
        return self.units.read(lower, rows), self.units.read(upper, rows)

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each."""
        for drawn in self.base.draws(rows, columns, count, rng, noise=noise):
            yield self.units.read(drawn, rows)

    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return predictions of whole rows, shape (k, n), from those within."""
        return self.units.read(np.asarray(numbers, np.float64).T, rows).T

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return "each row in a unit of its own, as rows look like variables"

    @property
    def scope(self) -> Sequence[str]:
        """What is fitted instead of the table, in sentences."""
        return (SCOPE.format(self.units.spreads.min(), self.units.spreads.max()),)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the table within, with the units in which it is written."""
        document = within()
        assert table is not None
        units = {"centres": self.units.centres.tolist(), "spreads": self.units.spreads.tolist()}
        return replace(document, data=table.fingerprint(), problem={**document.problem, "row_units": units})
