"""Cells of which no more is known than a bound, such as a limit of detection, and what they lie between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.bayesian.gaussian.between import Between
from lowland.completion.bounded.law import written_ends
from lowland.completion.bounded.limits import Limits
from lowland.completion.encoded.levels import Levels
from lowland.completion.encoded.powers import Power
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError

# of numbers below a bound that are not negative, the share of the bound below which logarithms are alike
NOTHING = 1e-3


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class CensoredCells:
    """Cells of a table that lie between two numbers, by ascending column.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (k,)
        All are among the observed cells.
    bounds : ndarray, shape (k,)
        What the table lists for them: the end that was observed.
    low, high : ndarray, shape (k,)
        May be infinite.
    values : ndarray, shape (k,)
        What the fit takes them for: at first about the middle, later what it finds.
    """

    rows: Indices
    columns: Indices
    bounds: Vector
    low: Vector
    high: Vector
    values: Vector

    @classmethod
    def of(
        cls, table: Observations, limits: Limits | None = None, signed: Collection[int] = ()
    ) -> CensoredCells | None:
        """Return the censored cells of a table, None if there are none.

        Parameters
        ----------
        table : Observations
        limits : mapping of int to (float, float), optional
            Bounds of columns.
        signed : collection of int
            Columns that may hold negative numbers although none is known.

        Notes
        -----
        A number below a positive bound is not negative where none of the table is.
        """
        if table.censored is None:
            return None
        at = np.flatnonzero(table.censored)
        at = at[np.lexsort((table.rows[at], table.columns[at]))]
        rows, columns, bounds = table.rows[at], table.columns[at], table.values[at].astype(np.float64)
        below, positive = table.censored[at] < 0, bool(table.values.min() >= 0)
        least = np.where(np.isin(columns, list(signed)) | (not positive), -np.inf, 0.0)
        low, high = np.where(below, least, bounds), np.where(below, bounds, np.inf)
        for j, (first, last) in (limits or {}).items():
            mine = columns == j
            low[mine], high[mine] = np.maximum(low[mine], first), np.minimum(high[mine], last)
        if not (low < high).all():
            k = int(np.argmin(high - low))
            raise InvalidInputError(
                "nothing is possible beyond the bound of a censored cell",
                f"{'below' if below[k] else 'above'} {bounds[k]:g} in row {rows[k]}, column {columns[k]}",
                fix="correct the cell, or take bounds for values",
            )
        # half of a limit of detection, as is the custom
        values = np.clip(np.where(below & (bounds > 0), bounds / 2, bounds), low, high)
        return cls(rows=rows, columns=columns, bounds=bounds, low=low, high=high, values=values)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(self.rows.size)

    def valued(self, values: Vector) -> CensoredCells:
        """Return the cells with other numbers that the fit takes them for."""
        return replace(self, values=np.clip(values, self.low, self.high))

    def none(self) -> CensoredCells:
        """Return none of the cells."""
        parts = {
            name: getattr(self, name)[:0] for name in ("rows", "columns", "bounds", "low", "high", "values")
        }
        return CensoredCells(**parts)

    def among(self, rows: Indices, columns: Indices, width: int) -> Indices:
        """Return which of these each cell is, -1 for others.

        Parameters
        ----------
        rows, columns : ndarray of int, shape (k,)
        width : int
            More than all columns.
        """
        own = self.rows * width + self.columns
        order, codes = np.argsort(own), rows * width + columns
        places = np.append(order, -1)[np.searchsorted(own[order], codes)]
        return np.where(np.append(own, -1)[places] == codes, places, -1)

    def put(self, table: Observations) -> Observations:
        """Return a table with these numbers wherever it lists the bounds, and nothing else unknown."""
        places = self.among(table.rows, table.columns, table.shape[1])
        values = table.values.copy()
        at = np.flatnonzero(places >= 0)
        at = at[self.bounds[places[at]].astype(values.dtype) == values[at]]
        values[at] = self.values[places[at]]
        return replace(table, values=values, censored=None)

    def written(self, levels: Levels, powers: Mapping[int, Power]) -> Between:
        """Return the cells as the fit has them: in numbers, roots and logarithms."""
        low, high = self.low.copy(), self.high.copy()
        for j, power in powers.items():
            at = self.columns == j
            low[at], high[at] = written_ends(low[at], high[at], power)
        return Between(self.rows, levels.starts[self.columns], low, high)

    def seen_by(self, powers: Mapping[int, Power]) -> dict[int, Power]:
        """Return powers that tell numbers apart that lie far below the known ones."""
        again = dict(powers)
        for j in set(self.columns.tolist()) & set(powers):
            mine = self.bounds[(self.columns == j) & (self.low <= 0) & (self.bounds > 0)]
            if mine.size and powers[j].shift == 0:
                again[j] = replace(powers[j], lowest=min(powers[j].lowest, NOTHING * float(mine.min())))
        return again
