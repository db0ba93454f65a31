"""What a fitted model says of many cells, as Dask collections: computed by block, where the workers are."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
from dask.delayed import delayed
from numpy.typing import ArrayLike, NDArray

from lowland.cells.block import CellBlock
from lowland.cells.labels import TableLabels
from lowland.cells.pattern import observed_lines
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.drawn_tables import completed_rows, draw_table
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.ranking.chances import Chances
from lowland.completion.ranking.rankings import recommend
from lowland.completion.ranking.scorers import ByChance, Scorer, make_scorer
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.model import TableModel
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import Option, Words
from lowland.dask.cluster_blocks import ClusterBlocks

# numbers of a chunk of completed tables
CHUNK = 4_000_000


def lazy_rankings(
    fitted: Completed,
    cells: TableCells | None,
    rows: da.Array,
    count: int,
    candidates: Indices | None,
    scorer: Scorer,
    *,
    leave_out: bool,
) -> tuple[da.Array, da.Array]:
    """Return the best columns of rows and their predictions, each of shape (k, count).

    Parameters
    ----------
    fitted : Completed
    cells : TableCells or None
        Those on a cluster, if what rows have must be known.
    rows : dask.array.Array, shape (k,)
        Labels, or positions.
    count : int
    candidates : ndarray of int or None
        Columns to choose from; by default all.
    scorer : Scorer
    leave_out : bool
        Whether columns that a row has already are left out.
    """
    if rows.ndim != 1 or any(np.isnan(size) for size in rows.chunks[0]):
        raise InvalidInputError(
            "rows must be a Dask array with one dimension of known size",
            f"chunks {rows.chunks}",
            fix="compute_chunk_sizes()",
        )
    labels = fitted.labels
    count = min(count, labels.shape[1] if candidates is None else candidates.size)
    model, names = delayed(fitted.model, traverse=False), delayed(labels, traverse=False)
    chances = delayed(scorer.chances, traverse=False) if isinstance(scorer, ByChance) else None
    how = (chances, scorer.by, leave_out)
    kind = np.dtype(np.int64 if labels.columns is None else object)
    columns, values = [], []
    for chunk, size in zip(rows.to_delayed().ravel(), rows.chunks[0], strict=True):
        at = delayed(_positions)(names, chunk)
        seen = None if cells is None else [delayed(_seen_in)(block, at) for block in _rows_of(cells).blocks]
        best = delayed(_ranked, nout=2)(model, names, at, seen, count, candidates, how)
        columns.append(da.from_delayed(best[0], (size, count), dtype=kind))
        values.append(da.from_delayed(best[1], (size, count), dtype=np.float64))
    return da.concatenate(columns), da.concatenate(values)


def lazy_completions(model: Any, cells: TableCells, count: int, seed: int) -> da.Array:
    """Return completed tables whose missing cells are drawn, shape (count, m, n), in chunks of rows.

    Parameters
    ----------
    model : PosteriorModel
        Others are refused.
    cells : TableCells
        The observed cells, on a cluster.
    count : int
    seed : int
    """
    if not isinstance(model, PosteriorModel):
        raise UnsupportedError(
            "multiple imputation of tables on a cluster needs a Bayesian fit",
            "method 'map'",
            fix=Words("fit with ", Option("method", "variational", "gibbs")),
        )
    n, side = cells.shape[1], _rows_of(cells)
    held = delayed(model, traverse=False)
    step = max(1, CHUNK // max(n, 1))
    tables = []
    for number in range(count):
        table = delayed(draw_table)(held, count, number, seed)
        parts = []
        for block, low, high in zip(side.blocks, side.bounds[:-1], side.bounds[1:], strict=True):
            for first in range(int(low), int(high), step):
                last = min(first + step, int(high))
                rows = delayed(completed_rows)(block, table.rows(first, last), first, last)
                parts.append(da.from_delayed(rows, (last - first, n), dtype=np.float64))
        tables.append(da.concatenate(parts))
    return da.stack(tables)


def _rows_of(cells: TableCells) -> ClusterBlocks:
    side = cells.sides[0]
    assert isinstance(side, ClusterBlocks)
    return side


def _positions(labels: TableLabels, rows: ArrayLike) -> Indices:
    return labels.positions(rows, 0)


def _seen_in(block: CellBlock, at: Indices) -> tuple[Indices, Indices]:
    return observed_lines(block, np.unique(at))


def _ranked(
    model: TableModel,
    labels: TableLabels,
    at: Indices,
    seen: list[tuple[Indices, Indices]] | None,
    count: int,
    candidates: Indices | None,
    how: tuple[Chances | None, str, bool],
) -> tuple[NDArray[Any], Matrix]:
    chances, by, leave_out = how
    lines, columns = np.zeros((2, 0), np.intp)
    if seen is not None:
        lines, columns = (np.concatenate(blocks) for blocks in zip(*seen, strict=True))
    known = Observations(lines, columns, np.ones(lines.size), model.shape)

    def by_chance() -> ByChance:
        assert chances is not None
        return ByChance(chances, lambda _: known)

    scorer, left_out = make_scorer(by, model, by_chance), known if leave_out else None
    places, values, _ = recommend(model, at, count, seen=left_out, candidates=candidates, scorer=scorer)
    return labels.columns_or_none(places), values
