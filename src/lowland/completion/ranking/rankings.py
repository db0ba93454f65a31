"""Best columns of a row, and similar columns, for any model with row and column factors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.completion.ranking.cells_of_rows import cells_of
from lowland.completion.ranking.scorers import ByValue, Scorer
from lowland.completion.tables.model import TableModel
from lowland.core.arrays import Indices, Matrix, Vector, check_floats, check_size
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError

# scores formed at once
CHUNK_SCORES = 4_000_000
# what returns the scores of all columns for some rows
Scores: TypeAlias = Callable[[Indices], Matrix]


def recommend(
    model: TableModel,
    rows: Indices,
    count: int,
    *,
    seen: Observations | None = None,
    candidates: Indices | None = None,
    scorer: Scorer,
) -> tuple[Indices, Matrix, Matrix]:
    """Return the columns with the largest scores for some rows, the best first, and predictions and scores.

    Parameters
    ----------
    model : TableModel
    rows : ndarray of int, shape (k,)
    count : int
        Maximum number of columns.
    seen : Observations, optional
        Cells whose columns are left out in their rows.
    candidates : ndarray of int, optional
        Columns to choose from; by default all.
    scorer : Scorer
        What ranks.

    Returns
    -------
    columns : ndarray of int, shape (k, count)
        -1 where fewer are left.
    predictions, scores : ndarray, shape (k, count)
        NaN there.
    """
    n = model.shape[1]
    count = min(count, n if candidates is None else candidates.size)
    closed = np.zeros(n, bool) if candidates is None else ~np.isin(np.arange(n), candidates)
    if model.losses is not None:
        closed |= ~model.losses.numbers  # positions of levels are no quantities
    best, ranked = _best_of(scorer.of_rows, rows, count, n, seen, closed)
    values, taken = np.full(ranked.shape, np.nan), best >= 0
    values[taken] = model.predict(np.repeat(rows, count)[taken.ravel()], best[taken])
    return best, values, ranked


def best_of(scores: Scores, rows: Indices, count: int, n: int, seen: Observations) -> Indices:
    """Return the columns with the largest scores for some rows, without those of cells that were seen.

    Parameters
    ----------
    scores : callable
        Returns the scores of all columns for some rows.
    rows : ndarray of int, shape (k,)
    count : int
    n : int
        Number of columns.
    seen : Observations

    Returns
    -------
    ndarray of int, shape (k, count)
        -1 where fewer are left.
    """
    return _best_of(scores, rows, min(count, n), n, seen, np.zeros(n, bool))[0]


def _best_of(
    scores_of: Scores,
    rows: Indices,
    count: int,
    n: int,
    seen: Observations | None,
    closed: NDArray[np.bool_],
) -> tuple[Indices, Matrix]:
    """Return the columns with the largest scores, -1 where fewer are left, and the scores, NaN there."""
    best_columns, ranked = np.full((rows.size, count), -1), np.full((rows.size, count), np.nan)
    cells = None if seen is None else cells_of(seen, rows)
    step = max(1, CHUNK_SCORES // max(n, 1))
    for start in range(0, rows.size, step):
        part = slice(start, min(start + step, rows.size))
        scores = np.array(scores_of(rows[part]), np.float64)
        scores[:, closed] = -np.inf
        if cells is not None:
            lines, columns = cells
            here = (lines >= part.start) & (lines < part.stop)
            scores[lines[here] - part.start, columns[here]] = -np.inf
        best = _best(scores, count)
        taken = np.take_along_axis(scores, best, axis=1)
        open_cells = np.isfinite(taken)
        best_columns[part] = np.where(open_cells, best, -1)
        ranked[part][open_cells] = taken[open_cells]
    return best_columns, ranked


def recommend_new(
    model: TableModel,
    row: Observations,
    count: int,
    *,
    with_known: bool = False,
    candidates: Indices | None = None,
    scorer: Scorer,
) -> tuple[Indices, Vector, Vector]:
    """Return the columns with the largest scores for a new row, the best first, and predictions and scores.

    Parameters
    ----------
    model : TableModel
    row : Observations, shape (1, n)
        What is known of it.
    count : int
        Maximum number of columns.
    with_known : bool
        Whether columns that are known of it are ranked, too.
    candidates : ndarray of int, optional
        Columns to choose from; by default all.
    scorer : Scorer
        What ranks.
    """
    n = model.shape[1]
    values = np.array(model.new_scores(row)[0], np.float64)
    # predictions are the scores themselves, for which the row is folded in once
    scores = values if isinstance(scorer, ByValue) else np.array(scorer.of_new(row)[0], np.float64)
    predictions = model.within_range(values)
    closed = np.zeros(n, bool) if candidates is None else ~np.isin(np.arange(n), candidates)
    if model.losses is not None:
        closed |= ~model.losses.numbers  # positions of levels are no quantities
    if not with_known:
        closed[row.columns] = True
    left = np.flatnonzero(~closed)
    best = left[np.argsort(-scores[left], kind="stable")[:count]]
    return best, predictions[best], scores[best]


def one_row(labels: TableLabels, known: Mapping[Any, Any], *, n: int, dtype: str = "float64") -> Observations:
    """Return values by label (or position) of column as a table of one row and `n` columns.

    Raises
    ------
    InvalidInputError
        If a label is not known, or a value is not finite or beyond 1e60.
    """
    # labels may be of several types; positions are whole numbers
    kind = None if labels.columns is None else object
    columns = labels.positions(np.array(list(known), dtype=kind), 1)
    order = np.argsort(columns)
    for name, value in known.items():
        if isinstance(value, str):
            raise InvalidInputError(f"column {name!r} holds numbers", repr(value), fix="give a number")
    values = check_floats(list(known.values()), "known", ndim=1, dtype=dtype)
    check_size("known", values)
    return Observations.from_triples(
        np.zeros(columns.size, np.intp), columns[order], values[order], shape=(1, n)
    )


def _best(scores: Matrix, count: int) -> Indices:
    """Return the places of the largest numbers of each line, the largest first, equal ones in their order."""
    n = scores.shape[1]
    if count < n:
        kept = np.sort(np.argpartition(-scores, count - 1, axis=1)[:, :count], axis=1)
    else:
        kept = np.tile(np.arange(n), (scores.shape[0], 1))
    order = np.argsort(-np.take_along_axis(scores, kept, axis=1), axis=1, kind="stable")
    best: Indices = np.take_along_axis(kept, order, axis=1)
    return best


def alike(rows: Matrix, columns: Matrix, column: int, count: int) -> tuple[Indices, Vector]:
    """Return the columns most similar to one, with the correlations of their low-rank parts.

    Parameters
    ----------
    rows, columns : ndarray, shape (m, r) and (n, r)
        Factors, without biases.
    column : int
    count : int
        Maximum number of columns; the column itself is left out.

    Notes
    -----
    The correlation is over the rows, so that it is invariant to rotation and scaling of the factors.
    """
    centred = rows - rows.mean(axis=0)
    gram = (centred.T @ centred).astype(np.float64)
    products = columns @ (gram @ columns[column])
    norms = np.sqrt(np.maximum(np.einsum("na,ab,nb->n", columns, gram, columns), 0))
    scale = norms * norms[column]
    correlations = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    order = np.argsort(-correlations, kind="stable")
    chosen = order[order != column][:count]
    return chosen, correlations[chosen]
