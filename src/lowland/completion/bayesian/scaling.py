"""Centring and scaling of a table before a fit, undone after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.cells.summary import TableSummary
from lowland.core.arrays import Indices, Vector

# unit of a column whose values are all equal, as a share of them: what is predicted hardly differs
CONSTANT = 1e-3


@final
@dataclass(frozen=True, eq=False)
class Scaling:
    """Centre and unit of every column, and the range of predictions.

    Parameters
    ----------
    centres, spreads : ndarray, shape (n,)
    lowest, highest : float
        Predictions are clipped to this range, which is infinite if values are not grades.
    """

    centres: Vector
    spreads: Vector
    lowest: float
    highest: float

    @classmethod
    def of(cls, table: TableSummary, kind: str) -> Scaling:
        """Return the scaling of a table, "common" to all columns or by "column"."""
        ends = (table.lowest, table.highest) if table.graded else (-np.inf, np.inf)
        if kind == "column":
            size = np.where(table.column_means == 0, 1.0, np.abs(table.column_means))
            # of a single cell nothing is known but how large it is
            spreads = np.where(table.column_counts == 1, size, table.column_spreads)
            spreads = np.where(table.constant, CONSTANT * size, spreads)
            return cls(table.column_means, spreads, *ends)
        n = table.shape[1]
        return cls(np.full(n, table.mean), np.full(n, table.spread), *ends)

    def lengthened(self, n: int) -> Scaling:
        """Return the same scaling for more columns; the new ones are scaled like the last."""
        more = n - self.centres.size
        if not more:
            return self
        return replace(
            self,
            centres=np.append(self.centres, np.full(more, self.centres[-1])),
            spreads=np.append(self.spreads, np.full(more, self.spreads[-1])),
        )

    def apply(self, values: Vector, columns: Indices) -> Vector:
        """Return values in the unit of the fit, in their own precision."""
        scaled = (values - self.centres[columns]) / self.spreads[columns]
        return scaled.astype(values.dtype)

    def undo(self, scaled: Vector, columns: Indices) -> Vector:
        """Return unclipped predictions in the unit of the table."""
        return self.centres[columns] + self.spreads[columns] * scaled

    def clip(self, values: Vector) -> Vector:
        """Return values clipped to the range of the grades."""
        clipped: Vector = np.clip(values, self.lowest, self.highest)
        return clipped
