"""`Drift`: the law by which errors of a fit drift along time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.drift.series import ROWS, TABLE
from lowland.core.arrays import Vector
from lowland.core.cells.context import CellContext
from lowland.core.wording import counted, number

# units of time in seconds, each used from twice itself on
_UNITS = (("second", 1.0), ("minute", 60.0), ("hour", 3_600.0), ("day", 86_400.0), ("year", 31_557_600.0))
_FROM = 2.0


@final
@dataclass(frozen=True, eq=False)
class Drift:
    """How errors of a fit go together along time, as cells held out show it.

    Parameters
    ----------
    side : {"rows", "columns", "table"}
        Whose errors: of a row, of a column, or all.
    lengths, variances : ndarray, shape (k,)
        Errors of a line at distance d have the covariance sum_j variances_j exp(-d / lengths_j), in units of
        the errors of the fit at known cells.
    share : float
        By how much squared errors fall, of what the law expects.
    gain : float
        By which share squared errors of the cells held out fell.
    held_out : int
        Number of these cells.
    name : str
        Of the context.
    kind : {"dates", "numbers", "words"}
        Of the context.
    """

    side: str
    lengths: Vector
    variances: Vector
    share: float
    gain: float
    held_out: int
    name: str
    kind: str

    @classmethod
    def none(cls, context: CellContext, held_out: int) -> Drift:
        """Return that errors do not drift, as far as cells held out show it."""
        blank = np.zeros(0)
        return cls(ROWS, blank, blank, 0.0, 0.0, held_out, context.name, context.kind)

    @property
    def law(self) -> tuple[Vector, Vector]:
        """Lengths and variances."""
        return self.lengths, self.variances

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        along = repr(self.name) if self.name else "the context of cells"
        held = counted(self.held_out, "held-out cell")
        if self.gain <= 0:
            return f"{along} is not used, as {held} show no gain by it"
        where = f"along {along}, over {self._reach}"
        if self.kind == "words":
            where = f"where {along} is the same"
        lines = {ROWS: "each row", TABLE: "the whole table"}.get(self.side, "each column")
        return (
            f"what errors of {lines} have in common {where}, is added, which lowers the squared error of "
            f"{held} by {self.gain:.1%}"
        )

    @property
    def _reach(self) -> str:
        used = self.lengths[self.variances > 0.1 * self.variances.max()]
        low, high = float(used.min()), float(used.max())
        tell = duration if self.kind == "dates" else number
        return tell(low) if low == high else f"{tell(low)} to {tell(high)}"


def duration(seconds: float) -> str:
    """Return a time in the largest unit of which there are two, in words."""
    name, unit = max(
        (pair for pair in _UNITS if seconds >= _FROM * pair[1]), key=lambda pair: pair[1], default=_UNITS[0]
    )
    return counted(max(1, round(seconds / unit)), name)
