"""What a fill is made of, for a person to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.results.shown import Shown
from lowland.core.wording import counted

# contributions that are shown one by one
SHOWN = 8


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Shown):
    """Which known cells of a row a prediction leans on, and by how much.

    Parameters
    ----------
    row, column : label or int
        The cell; a new row is None.
    prediction : float
        ``intercept + contributions.sum() + rest``, before it is clipped to the range of grades or moved
        within bounds, in the unit that `unit` says.
    intercept : float
        What would be predicted if each known cell of the row held what is usual in its column.
    columns : sequence
        Columns of the row's known cells, by the size of their contributions.
    values : sequence
        What these cells hold.
    contributions : ndarray, shape (k,)
        How far each moves the prediction: its weight times how far it is from what is usual in its column.
    rest : float
        What is not linear in the cells: what averages over draws, forests and curves add.
    unit : str
        What the column was fitted as: "" as it is, or "square root", "logarithm", "logit", "normal score of
        its levels", "score of level 'yes'" (of the likeliest one: a number near 1 where it is likely, and
        near 0 where it is not, which may lie beyond both).
    probability : float or None
        Of the likeliest level, of columns of levels without an order: a curve of the scores of all of them.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> height = np.array([1.5, 1.6, 1.7, 1.8, 1.9, 2.0])
    >>> table = np.column_stack([height, 100 * height - 100, height / 2])
    >>> table[5, 1] = np.nan
    >>> model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)
    >>> why = model.explain(5, 1)
    >>> round(why.prediction), round(why.intercept), sorted(why.columns), why.contributions.round().tolist()
    (100, 75, [0, 2], [13.0, 12.0])
    >>> bool(np.isclose(why.intercept + why.contributions.sum() + why.rest, why.prediction))
    True
    """

    row: Any
    column: Any
    prediction: float
    intercept: float
    columns: Sequence[Any]
    values: Sequence[Any]
    contributions: Vector
    rest: float = 0.0
    unit: str = ""
    probability: float | None = None

    def _lines(self) -> list[str]:
        where = f"{self.column!r} of {'a new row' if self.row is None else f'row {self.row!r}'}"
        unit = f" ({self.unit})" if self.unit else ""
        unit += "" if self.probability is None else f", whose probability is {self.probability:.0%}"
        lines = [
            f"{where}: {self.prediction:.4g}{unit}",
            f"{self.intercept:.4g} if all known cells were as usual",
        ]
        known = zip(self.contributions.tolist(), self.columns, self.values, strict=True)
        for part, name, value in list(known)[:SHOWN]:
            held = f"{value:g}" if isinstance(value, float) else repr(value)
            lines.append(f"{part:+.4g} by {name!r}, which is {held}")
        if len(self.columns) > SHOWN:
            others = self.contributions[SHOWN:]
            lines.append(f"{np.sum(others):+.4g} by {counted(others.size, 'more cell')}")
        if self.rest:
            lines.append(f"{self.rest:+.4g} by draws, forests or curves")
        return lines
