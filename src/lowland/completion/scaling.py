"""A table's unit: what is subtracted and divided before a fit, and undone after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.bayesian_settings import column_moments, has_grades
from lowland.core.arrays import Indices, Vector
from lowland.core.observations import Observations


@final
@dataclass(frozen=True, eq=False)
class Scaling:
    """Centre and unit of every column, and the range that predictions keep to.

    Parameters
    ----------
    centres, spreads : ndarray, shape (n,)
    lowest, highest : float
        Predictions are clipped to these; infinite where values are no grades.
    """

    centres: Vector
    spreads: Vector
    lowest: float
    highest: float

    @classmethod
    def of(cls, table: Observations, kind: str) -> Scaling:
        """Return the scaling of a table, "common" to all columns or of each "column"."""
        n = table.shape[1]
        if kind == "column":
            centres, spreads = column_moments(table)
        else:
            values = table.values.astype(np.float64)
            spread = float(values.std()) or 1.0
            centres, spreads = np.full(n, values.mean()), np.full(n, spread)
        ends = (-np.inf, np.inf)
        if has_grades(table.values):
            ends = float(table.values.min()), float(table.values.max())
        return cls(centres, spreads, *ends)

    def apply(self, values: Vector, columns: Indices) -> Vector:
        """Return values in the unit of the fit, in their own precision."""
        scaled = (values - self.centres[columns]) / self.spreads[columns]
        return scaled.astype(values.dtype)

    def undo(self, scaled: Vector, columns: Indices) -> Vector:
        """Return predictions in the unit of the table, not clipped."""
        return self.centres[columns] + self.spreads[columns] * scaled

    def clip(self, values: Vector) -> Vector:
        """Return values within the range of the grades."""
        clipped: Vector = np.clip(values, self.lowest, self.highest)
        return clipped
