"""Some missing cells whose conditional means are kept along a chain: they say how far it has settled."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bayesian.gaussian.objective import GaussianDraw
from lowland.core.arrays import Indices, Matrix, Vector

# cells that are watched at most: of so many, 99 % are all but two
MOST_WATCHED = 200


def watched_cells(known: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Return some of the missing cells, row by row: all of few, and of others those that a fixed seed draws.

    Whoever knows the pattern finds them again.
    """
    missing = np.flatnonzero(~known.ravel())
    if missing.size > MOST_WATCHED:
        missing = np.sort(np.random.default_rng(0).choice(missing, MOST_WATCHED, replace=False))
    rows, columns = np.divmod(missing, known.shape[1])
    return rows, columns


@final
class Watched:
    """What each draw that is kept says of some cells.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (cells,)
    """

    rows: Indices
    columns: Indices

    def __init__(self, rows: Indices, columns: Indices) -> None:
        self.rows, self.columns = rows, columns
        self._means: list[Vector] = []

    def __call__(self, before: GaussianDraw, after: GaussianDraw) -> None:
        """Take down what was added to the sums of conditional means."""
        cells = self.rows, self.columns
        self._means.append(after.means[cells] - before.means[cells])

    def chain(self, kept: int) -> Matrix | None:
        """Return the conditional means, shape (kept, cells); None unless all that were kept were watched.

        Those before a search was resumed were not.
        """
        return np.stack(self._means) if self._means and len(self._means) == kept else None
