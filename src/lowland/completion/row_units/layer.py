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
from lowland.trials.masks import Mask

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
        return self.typical.write(table, self._numbers)

    def around(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer around the fit of another table, with the units of its rows."""
        return replace(self, base=base, units=self.typical.units(table, self._numbers))

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.base.labels

    @property
    def _numbers(self) -> Mask | None:
        """Mask of the columns that have units; None: all have."""
        return None if self.losses is None else self.losses.numbers

    def renewed(self, table: Observations) -> Self | None:
        """Return the layer for a table with more cells, None if it has other columns beside levels."""
        return self if self.losses is None else super().renewed(table)

    def grown(self, table: Observations) -> Self:
        """Return the layer for a table that is fitted again, with what its rows are like."""
        return replace(super().grown(table), typical=TypicalRow.of(table, self._numbers))

    def parts(self) -> TableParts:
        """Return factors and biases of the table, where biases are factors too. Noise is a usual row's.

        Within, a cell is u v + a + b; outside, that times the spread of its row, plus the centre, except in
        columns of levels.
        """
        parts, (centres, spreads) = self.base.parts(), (self.units.centres, self.units.spreads)
        u, v, ones = parts.row_factors, parts.column_factors, np.ones(self.shape[1])
        a, b = parts.row_biases + parts.offset, parts.column_biases
        left, right = [u * spreads[:, None], spreads], [v, b]
        row_biases, column_biases = centres + spreads * a, 0 * ones
        if self._numbers is not None:
            has = self._numbers[:, None]
            left += [row_biases, u, a]
            right = [np.column_stack([v, b, ones]) * has, np.column_stack([v, ones]) * ~has]
            row_biases, column_biases = 0 * a, np.where(self._numbers, 0, b)
        usual = float(np.median(spreads))
        return TableParts(
            np.column_stack(left).astype(u.dtype),
            np.column_stack(right).astype(u.dtype),
            row_biases.astype(u.dtype),
            column_biases.astype(u.dtype),
            0.0,
            None if parts.noise is None else usual * parts.noise,
            spreads / usual,
        )

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""
        return self._read(self.base.predict(rows, columns), rows, columns)

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,)."""
        errors = self.base.standard_errors(rows, columns)
        return self._where(self.units.spreads[rows] * errors, errors, columns)

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells."""
        lower, upper = self.base.intervals(rows, columns, level)
        return self._read(lower, rows, columns), self._read(upper, rows, columns)

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each."""
        for drawn in self.base.draws(rows, columns, count, rng, noise=noise):
            yield self._read(drawn, rows, columns)

    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return predictions of whole rows, shape (k, n), from those within."""
        return self._read(np.asarray(numbers, np.float64), rows[:, None], np.arange(self.shape[1]))

    def _read(self, values: Vector, rows: Indices, columns: Indices) -> Vector:
        """Return what is said of cells within, in the unit of the table."""
        return self._where(self.units.read(values, rows), values, columns)

    def _where(self, outside: Vector, within: Vector, columns: Indices) -> Vector:
        """Return numbers as they are outside, and levels as they are within."""
        return outside if self._numbers is None else np.where(self._numbers[columns], outside, within)

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
