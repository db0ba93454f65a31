"""Laws of cells of one column, of which only what lies between two bounds is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.bayes.truncated import Ends, TruncatedNormal
from lowland.completion.encoded.power_model import PowerLayer
from lowland.completion.encoded.powers import NODES, Power
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Vector


@final
@dataclass(frozen=True, eq=False)
class BoundedLaw:
    """Laws of cells of one column within bounds: normal, or normal as roots or logarithms.

    Parameters
    ----------
    law : TruncatedNormal
        In the unit in which the column is fitted.
    low, high : float or ndarray, shape (k,)
        The bounds of the numbers themselves.
    power : Power or None
    """

    law: TruncatedNormal
    low: Ends
    high: Ends
    power: Power | None

    @classmethod
    def of_cells(
        cls, model: SamplingModel, rows: Indices, columns: Indices, low: Ends, high: Ends
    ) -> BoundedLaw:
        """Return what is possible in cells, all of one column, of a model that knows no bounds.

        Parameters
        ----------
        model : SamplingModel
            Its outermost layer may be one of powers.
        rows, columns : ndarray of int, shape (k,)
        low, high : float or ndarray, shape (k,)
        """
        power = model.powers.get(int(columns[0])) if isinstance(model, PowerLayer) and columns.size else None
        if isinstance(model, PowerLayer) and power is not None:
            model = model.base
        means, spreads = model.scores(rows, columns), model.standard_errors(rows, columns)
        spreads = np.maximum(spreads, np.finfo(np.float64).tiny)
        law = TruncatedNormal(np.asarray(means, np.float64), spreads, *written_ends(low, high, power))
        return cls(law, low, high, power)

    def moments(self) -> tuple[Vector, Vector]:
        """Return means and standard deviations, shape (k,) each."""
        if self.power is None:
            return self.law.moments()
        places = self.law.within(self.law.means + self.law.spreads * NODES[:, None])
        means, spreads = self.power.expect_at(places.T)
        return np.clip(means, self.low, self.high), spreads

    def within(self, values: Vector) -> Vector:
        """Return numbers, shape (..., k), moved within the bounds by their quantiles."""
        if self.power is None:
            return self.law.within(values)
        moved = self.power.read(self.law.within(self.power.write(values)))
        return np.clip(moved, self.low, self.high)


def written_ends(low: Ends, high: Ends, power: Power | None) -> tuple[Ends, Ends]:
    """Return bounds as a column's numbers are written: infinite where nothing is written beyond them."""
    if power is None:
        return low, high
    down, up = np.asarray(low, np.float64), np.asarray(high, np.float64)
    free = (up >= power.whole) if power.whole > 0 else ~np.isfinite(up)
    with np.errstate(invalid="ignore"):
        ends = np.where(down <= 0, -np.inf, power.write(down)), np.where(free, np.inf, power.write(up))
    return ends
