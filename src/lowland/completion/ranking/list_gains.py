"""Recall and gain of lists of columns, judged by the columns that they should hold."""

from __future__ import annotations

import numpy as np

from lowland.completion.ranking.rankings import Scores, best_of
from lowland.core.arrays import Indices, Matrix, Vector, cell_codes
from lowland.core.cells.observations import Observations

# lengths of lists that are judged; comparisons are of the first
LENGTHS = (10, 20)


def gains_of_lists(
    places: Indices, rows: Indices, columns: Indices, lengths: tuple[int, ...]
) -> tuple[Matrix, Matrix]:
    """Return recall and normalised discounted cumulative gain of each list, shapes (lines, lengths).

    Parameters
    ----------
    places : ndarray of int, shape (lines, k)
        The columns of each list, the best first; -1 where there is none.
    rows, columns : ndarray of int, shape (cells,)
        The cells that lists should hold: their lines, of which each has at least one, and columns.
    lengths : tuple of int
        How many of the first places count.

    References
    ----------
    D. Liang et al., Variational autoencoders for collaborative filtering, WWW 2018.
    """
    lines, most = places.shape
    width = int(max(places.max(initial=0), columns.max(initial=0))) + 2  # the last column stands for none
    wanted = np.unique(cell_codes(rows, columns, width))
    codes = cell_codes(np.repeat(np.arange(lines), most), places.ravel() % width, width)
    hits = np.isin(codes, wanted).reshape(places.shape)
    counts = np.bincount(rows, minlength=lines)
    discounts = 1 / np.log2(np.arange(2, most + 2))
    recalls, gains = np.zeros((2, lines, len(lengths)))
    for i, k in enumerate(lengths):
        possible = np.minimum(counts, k)
        best = np.concatenate([[0.0], np.cumsum(discounts[:k])])
        recalls[:, i] = hits[:, :k].sum(axis=1) / possible
        gains[:, i] = hits[:, :k] @ discounts[:k] / best[np.minimum(possible, best.size - 1)]
    return recalls, gains


def gains_of_apart(scores: Scores, kept: Observations, apart: Observations) -> Vector:
    """Return the gain of the list of ten columns of each row that has cells apart.

    Parameters
    ----------
    scores : callable
        Returns the scores of all columns for some rows.
    kept : Observations
        Cells whose columns are not listed again in their rows.
    apart : Observations
        The cells that lists should hold.
    """
    rows, at = np.unique(apart.rows, return_inverse=True)
    places = best_of(scores, rows, LENGTHS[0], kept.shape[1], kept)
    return np.asarray(gains_of_lists(places, at, apart.columns, LENGTHS[:1])[1][:, 0])


def measure_lists(
    places: Indices, rows: Indices, columns: Indices, lengths: tuple[int, ...]
) -> tuple[Vector, Vector]:
    """Return the same averaged over lines, shapes (lengths,)."""
    recalls, gains = gains_of_lists(places, rows, columns, lengths)
    return recalls.mean(axis=0), gains.mean(axis=0)
