"""Curves on top of a low-rank table: forests of some columns, blended with the low-rank predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.score_quantile import score_quantile
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.wording import counted
from lowland.kernels.trees import mean_over_trees

# rounds in which the inputs of the forests are completed by the forests before
ROUNDS = 2


@final
@dataclass(frozen=True, eq=False)
class Forest:
    """Trees that predict one column from the others, as arrays of nodes: `mean_over_trees`."""

    roots: NDArray[np.int32]
    features: NDArray[np.int16]
    numbers: NDArray[np.float32]
    children: NDArray[np.int32]

    def predict(self, inputs: Matrix) -> Vector:
        """Return predictions from the other columns, shape (k,)."""
        return mean_over_trees(inputs, self.roots, self.features, self.numbers, self.children)


@final
@dataclass(frozen=True, eq=False)
class Refinement:
    """How predictions of missing cells are refined.

    Parameters
    ----------
    forests : mapping of int to Forest
        By column, those of columns with a positive weight.
    weights : ndarray, shape (n,)
        Share of the forest in a prediction, between 0 and 1; the rest is low-rank.
    ratios : ndarray, shape (n,)
        Error of the blend over that of the low-rank prediction, on cells held out from both.
    centres, spreads : ndarray, shape (n,)
        Units in which the forests work.
    gain : float
        Relative decrease of the squared error on held-out cells, over all columns in these units.
    scores : ndarray
        Errors on these cells over the standard errors that are stated for them, ascending.
    learnt_from : int
        Number of observed cells of the table from which all this was learnt.
    groups : ndarray of int, shape (n,)
        Columns of one group do not predict each other.
    """

    forests: Mapping[int, Forest]
    weights: Vector
    ratios: Vector
    centres: Vector
    spreads: Vector
    gain: float
    scores: Vector
    learnt_from: int
    groups: Indices

    # the forests of a table that has grown are grown anew
    asked_again = True

    @property
    def held_out(self) -> int:
        """Number of cells held out."""
        return int(self.scores.size)

    @property
    def words(self) -> str:
        """What is done, in words."""
        refined = np.unique(self.groups[self.weights > 0]).size  # words have become several columns each
        columns = counted(np.unique(self.groups).size, "column")
        return (
            f"missing cells of {refined} of {columns} refined by"
            f" forests, which lower the squared error of {self.held_out} held-out cells by {self.gain:.0%}"
        )

    def kinds(self, holes: Matrix) -> NDArray[np.intp]:
        """Return 1 at missing cells, 0 at known ones, shape (k, n)."""
        return np.isnan(holes).astype(np.intp)

    def reach_at(self, level: float, kinds: NDArray[np.intp]) -> Vector:
        """Return half-widths of intervals of cells, in standard errors: a quantile of the scores."""
        return np.full(kinds.shape, score_quantile(self.scores, level))

    def ratios_at(self, kinds: NDArray[np.intp], columns: Indices, stated: Callable[[], Vector]) -> Vector:
        """Return what low-rank standard errors of cells are multiplied with, 1 at known ones."""
        return np.where(kinds > 0, self.ratios[columns], 1.0)

    def shifts(self, holes: Matrix, low: Matrix) -> Matrix:
        """Return what is added to low-rank predictions: zero at observed cells.

        Parameters
        ----------
        holes : ndarray, shape (k, n)
            Rows of a table, NaN where missing.
        low : ndarray, shape (k, n)
            Their low-rank predictions.

        Returns
        -------
        ndarray, shape (k, n)
        """
        holes, low = ((part - self.centres) / self.spreads for part in (holes, low))
        refined = low
        for _ in range(ROUNDS):
            refined = one_round(holes, low, refined, self.forests, self.weights, self.groups)
        return np.asarray((refined - low) * self.spreads)


def one_round(
    holes: Matrix,
    low: Matrix,
    before: Matrix,
    forests: Mapping[int, Forest],
    weights: Vector,
    groups: Indices,
) -> Matrix:
    """Return predictions by forests whose inputs are completed by the predictions before."""
    gaps = np.isnan(holes)
    filled, refined = np.where(gaps, before, holes), low.copy()
    for j, forest in forests.items():
        at = gaps[:, j]
        if at.any():
            predictions = forest.predict(other_columns(filled[at], j, groups))
            refined[at, j] += weights[j] * (predictions - low[at, j])
    return refined


def other_columns(table: Matrix, column: int, groups: Indices) -> Matrix:
    """Return the columns of other groups than a column's, in single precision."""
    return table[:, groups != groups[column]].astype(np.float32)
