"""`Ranking`: the best columns of rows, what they were ranked by, and how much is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.ranking.scorers import SAID
from lowland.core.arrays import Indices
from lowland.core.doors import public
from lowland.core.results.shown import Shown
from lowland.core.wording import number


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Ranking(Shown):
    """The best columns of a row, or of several; ``columns, predictions = ranking`` takes it apart.

    Parameters
    ----------
    columns : ndarray, shape (k,), or (number of rows, k)
        Labels if the data had labels, else positions; the best first. For several rows, places without a
        column (where fewer are left) hold None, or -1.
    predictions : ndarray of the same shape
        Predicted values, NaN in these places.
    scores : ndarray of the same shape
        What the columns are ranked by, largest first.
    known : ndarray of int of the same shape, or None
        In how many rows each column was known; None for a model that was saved without its data.
    by : {"chance", "value", "lower"}
        What the scores are: the estimated chance that the row lists the column given what else it lists,
        the predicted value, not clipped to the range of grades, or the lower end of its 80 % interval.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> table = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 40))
    >>> table[rng.random(table.shape) < 0.3] = np.nan
    >>> ranking = ll.MatrixCompletion(certify=False, random_state=0).fit(table).top(0, 3)
    >>> columns, predictions = ranking
    >>> ranking.by, columns.size, bool((np.diff(predictions) <= 0).all())
    ('value', 3, True)
    """

    columns: NDArray[Any]
    predictions: NDArray[Any]
    scores: NDArray[Any]
    known: Indices | None
    by: str

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.columns, self.predictions))

    def __getitem__(self, place: int) -> NDArray[Any]:
        return (self.columns, self.predictions)[place]

    def __len__(self) -> int:
        return 2

    def _lines(self) -> list[str]:
        lines = [f"ranked by {SAID[self.by]}"]
        counts = [None] * self.scores.size if self.known is None else self.known.ravel().tolist()
        width = self.columns.shape[-1]
        parts = zip(
            self.columns.ravel().tolist(), self.predictions.ravel(), self.scores.ravel(), counts, strict=True
        )
        for k, (column, prediction, score, count) in enumerate(parts):
            if np.isnan(score):
                continue
            what = "unclipped" if self.by == "value" else self.by
            beside = "" if np.isclose(score, prediction, rtol=1e-6) else f", {what} {number(score)}"
            if count is not None:
                beside += f", known in {count:,}"
            first = f"row {k // width}, " if self.columns.ndim > 1 else ""
            lines.append(f"{first}{k % width + 1}. {column}: {number(prediction)}{beside}")
        return lines
