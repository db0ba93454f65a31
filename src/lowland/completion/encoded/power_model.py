"""The layer of skewed columns: fitted as square roots or logarithms, predicted in their own unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.completion.encoded.column_meaning import PowerColumns
from lowland.completion.encoded.powers import Power
from lowland.completion.encoded.writing import WritingLayer, of_columns, of_each
from lowland.completion.tables.model import SamplingModel, TableParts
from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.wording import counted

if TYPE_CHECKING:
    from lowland.recheck.documents import Document

SCOPE = "{} of {} columns are fitted as square roots or logarithms{}: {}."
# number of columns that are named
NAMED = 8
# what a document says of a power
_STATED = ("column", "exponent", "shift", "lowest", "whole", "rest_shift", "least_rest")


@final
@dataclass(frozen=True, eq=False)
class PowerLayer(WritingLayer):
    """Predictions of skewed columns by a model of their roots and logarithms.

    Parameters
    ----------
    base : SamplingModel
    powers : mapping of int to Power
        By column.
    labels : TableLabels
    """

    base: SamplingModel
    powers: Mapping[int, Power]
    labels: TableLabels

    def apply(self, table: Observations) -> Observations:
        """Return a table with roots and logarithms, column by column."""
        return write_powers(table, self.powers)

    def renewed(self, table: Observations) -> Self | None:
        """Return the layer for a table with more cells, which may lie beyond those known before."""
        return self._with(table, Power.renewed) if table.shape[1] == self.shape[1] else None

    def grown(self, table: Observations) -> Self:
        """Return the layer for a table that is fitted again, or raise UnsupportedError."""
        return super().grown(table)._with(table, Power.anew)

    def _with(self, table: Observations, again: Callable[[Power, Vector], Power]) -> Self:
        places = places_of_each(table.columns, table.shape[1])
        return replace(self, powers={j: again(p, table.values[places[j]]) for j, p in self.powers.items()})

    @cached_property
    def losses(self) -> PowerColumns:
        """What the columns hold."""
        return PowerColumns(self.powers, self.base.losses, self.shape[1])

    @cached_property
    def is_power(self) -> NDArray[np.bool_]:
        """Mask of the columns that are written as square roots or logarithms."""
        return np.isin(np.arange(self.shape[1]), list(self.powers))

    @cached_property
    def _places(self) -> Indices:
        """Each column that is written as it is, -1 of powers."""
        return np.where(self.is_power, -1, np.arange(self.shape[1]))

    def parts(self) -> TableParts:
        """Return factors and biases of the table within; noise is that at a column's mean."""
        parts = self.base.parts()
        noise = np.full(self.shape[1], np.nan) if parts.noise is None else parts.noise.copy()
        for j, power in self.powers.items():
            noise[j] = power.expect(np.array(power.centre), noise[j])[1]
        return replace(parts, noise=noise)

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,): means of what roots and logarithms stand for."""
        out = of_columns(self.base.predict, rows, columns, self._places)
        at, out[at], _ = self._expected(rows, columns)
        return out

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,)."""
        out = of_columns(self.base.standard_errors, rows, columns, self._places)
        at, _, out[at] = self._expected(rows, columns)
        return out

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells."""
        lower, upper = (
            np.asarray(end, np.float64).copy() for end in self.base.intervals(rows, columns, level)
        )
        for _, power, at in of_each(self.powers, columns):
            lower[at], upper[at] = power.read(lower[at]), power.read(upper[at])
        # past all that is known, what is read is bounded, and means more than the ends
        at, means, _ = self._expected(rows, columns)
        lower[at] = np.minimum(lower[at], means)
        return lower, upper

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each."""
        parts, powers = self.base.parts(), list(of_each(self.powers, columns))
        for numbers in self.base.draws(rows, columns, count, rng, noise=noise):
            out = np.asarray(numbers, np.float64).copy()
            for j, power, at in powers:
                drawn = out[at]
                if noise:
                    out[at] = power.read(drawn)
                elif parts.noise is not None:
                    spreads = np.full_like(drawn, parts.noise[j])
                    spreads *= 1.0 if parts.row_noise is None else parts.row_noise[rows[at]]
                    out[at] = power.expect(drawn, spreads)[0]
            yield out

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns."""
        ends = np.where(self.is_power[columns], (lower, upper), self.base.clip(lower, upper, columns))
        for _, power, at in of_each(self.powers, columns):
            ends[:, at] = np.clip(ends[:, at], 0.0, power.whole or np.inf)
        return ends[0], ends[1]

    def values(self, numbers: Matrix, rows: Indices, *, likeliest: bool = False) -> Matrix:
        """Return predictions of whole rows from those of roots and logarithms."""
        out = np.asarray(numbers, np.float64).copy()
        for j, power in self.powers.items():
            errors = self.base.standard_errors(rows, np.full(rows.size, j))
            out[:, j] = power.expect(out[:, j], errors)[0]
        return out

    def _expected(self, rows: Indices, columns: Indices) -> tuple[Indices, Vector, Vector]:
        """Return which cells are roots or logarithms, their means, and their standard deviations."""
        at = np.flatnonzero(self.is_power[columns])
        cells = rows[at], columns[at]
        means, spreads = self.base.predict(*cells).astype(np.float64), self.base.standard_errors(*cells)
        for _, power, places in of_each(self.powers, columns[at]):
            means[places], spreads[places] = power.expect(means[places], spreads[places])
        return at, means, spreads

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        count = len(self.powers)
        return f"{count} of {counted(self.shape[1], 'column')} as square roots or logarithms{self._shares()}"

    @property
    def scope(self) -> Sequence[str]:
        """What is fitted instead of the table, in a sentence."""
        names, count = self.labels.columns, len(self.powers)
        columns = [str(j if names is None else names[j]) for j in self.powers]
        more = [] if count <= NAMED else [f"{count - NAMED} more"]
        named = ", ".join(columns[:NAMED] + more)
        return (SCOPE.format(count, self.shape[1], self._shares(), named),)

    def _shares(self) -> str:
        """Return how many of these columns hold shares, in words."""
        count = sum(power.whole > 0 for power in self.powers.values())
        if not count:
            return ""
        return (
            f", of {count} shares less those of the rest"
            if count > 1
            else ", of a share less that of the rest"
        )

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the table within, with the powers by which it is written."""
        document = within()
        assert table is not None
        powers = [{name: one[name] for name in _STATED} for one in plain_powers(self.powers)]
        problem = {**document.problem, "powers": powers}
        return replace(document, data=table.fingerprint(), problem=problem)


def write_powers(table: Observations, powers: Mapping[int, Power]) -> Observations:
    """Return a table whose columns are written as powers, sorted by column if there are any."""
    if not powers:
        return table
    order, values = np.argsort(table.columns, kind="stable"), table.values.astype(np.float64)
    for _, power, at in of_each(powers, table.columns):
        power.check(values[at])
        values[at] = power.write(values[at])
    return replace(table, values=values.astype(table.values.dtype)).select(order)


def plain_powers(powers: Mapping[int, Power]) -> list[dict[str, Any]]:
    """Return columns that are roots or logarithms as plain data."""
    return [{"column": j, **asdict(power)} for j, power in powers.items()]
