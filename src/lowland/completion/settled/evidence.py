"""What a fit itself shows of how far its averages still move: draws of some filled cells, in few numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.monte_carlo import FEWEST_DRAWS, Draws, MonteCarlo
from lowland.completion.settled.record import Settled, with_trees
from lowland.core.arrays import Indices, Matrix

# draws that are looked at, at most: of more, averages of as many in succession
MOST_DRAWS = 100
# digits behind the point, in standard errors: a fiftieth of what counts as small
DIGITS = 3


@final
@dataclass(frozen=True, eq=False)
class Evidence:
    """Draws of filled cells, in standard errors, of which the filled cells are averages.

    Parameters
    ----------
    kind : {"draws", "starts"}
    rows, columns : ndarray of int, shape (cells,)
        Positions in the table; columns of words are several numbers, of which some are looked at.
    draws : ndarray, shape (chains, draws, cells)
        Less the mean of each cell; of "starts" one chain of two.
    trees : ndarray, shape (trees, cells)
        What each tree of a forest adds; no trees where there is no forest.
    averaged : int
        How many draws there were before they were averaged in succession; 0 of "starts".
    in_parts : bool
        Whether columns are several numbers.
    """

    kind: str
    rows: Indices
    columns: Indices
    draws: Draws
    trees: Matrix
    averaged: int
    in_parts: bool

    @property
    def found(self) -> Settled:
        """What follows of how far the cells have settled."""
        said = Settled(self.kind, self.rows.size, draws=self.averaged)
        if self.kind == "starts":
            return with_trees(said, self.draws[0].std(axis=0, ddof=1), self.trees)
        drawn = MonteCarlo.of(self.draws)
        said = replace(
            said,
            r_hat=float(drawn.r_hat.max()),
            typical=float(np.median(drawn.r_hat)),
            effective=float(drawn.bulk.min()),
        )
        return with_trees(said, drawn.error, self.trees)

    @property
    def settings(self) -> dict[str, Any]:
        """What a document says beside the arrays."""
        return {"kind": self.kind, "averaged": self.averaged, "in_parts": self.in_parts}

    @property
    def arrays(self) -> dict[str, Any]:
        """What a document holds: draws and trees in whole thousandths of a standard error."""
        arrays: dict[str, Any] = {"rows": self.rows, "columns": self.columns, "draws": _whole(self.draws)}
        return arrays | ({"trees": _whole(self.trees)} if len(self.trees) else {})


def in_short(draws: Draws) -> Draws:
    """Return draws of cells as few numbers of few digits, shape (chains, at most 100, cells).

    Averages of draws in succession have the same mean, but for the first draws that fill no average, and the
    same error of it.
    """
    chains, count, cells = draws.shape
    every = -(-count // MOST_DRAWS)
    kept = count // every
    means = draws[:, count - kept * every :].reshape(chains, kept, every, cells).mean(axis=2)
    return np.asarray(np.round(means - means.mean(axis=(0, 1)), DIGITS) + 0.0)


def enough_draws(draws: Draws) -> bool:
    """Return whether chains are long enough to say anything."""
    return bool(draws.shape[1] >= FEWEST_DRAWS)


def _whole(numbers: Draws) -> NDArray[np.int64]:
    return np.asarray(np.rint(numbers * 10**DIGITS), np.int64)
