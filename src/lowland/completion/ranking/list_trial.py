"""`ListTrial`: how many of a row's held-out columns are in the list of its best ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.cells.sides import TableCells
from lowland.completion.ranking.chances import Chances
from lowland.completion.ranking.list_gains import LENGTHS, measure_lists
from lowland.completion.ranking.rankings import Scores, best_of
from lowland.completion.ranking.scorers import ByChance, usual_by
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import data_of
from lowland.completion.tables.model import TableModel, counts_unlisted
from lowland.completion.tables.trial import Predictor, Trial
from lowland.core.arrays import Vector, cell_codes
from lowland.core.doors import public
from lowland.core.results.shown import Shown
from lowland.core.wording import counted

# lengths of lists that are judged, and most rows whose lists are
MOST_ROWS = 2_000
# what is told of each way to rank
WAYS = {
    "chance": "by the estimated chance to be listed",
    "known": "by the number of rows in which a column is known",
    "value": "by the predicted value",
}


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class ListTrial(Shown):
    """What lists of the best columns hold of the cells that were held out of another fit.

    Parameters
    ----------
    rows : int
        Number of rows with held-out cells whose lists are judged.
    lengths : tuple of int
        Lengths k of the lists.
    recall, ndcg : mapping of str to ndarray, shape (number of lengths,)
        Averages over the rows by what ranks, "chance", "known" (the number of rows in which a column is
        known) or "value": the share of a row's held-out columns that its list holds, at most k of them
        counted, and the normalised discounted cumulative gain, which counts the first places more.

    Notes
    -----
    Cells were held out at random. Lists that are shown later, when other columns are new, are worse.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> kind = rng.integers(2, size=(80, 1)) == rng.integers(2, size=40)
    >>> seen = rng.random(kind.shape) < np.where(kind, 0.4, 0.05)
    >>> table = np.where(seen, rng.integers(1, 6, size=kind.shape), np.nan)
    >>> trial = ll.MatrixCompletion(certify=False, random_state=0).fit(table).held_out_lists()
    >>> bool(trial.recall["chance"][0] > trial.recall["known"][0])
    True
    """

    rows: int
    lengths: tuple[int, ...]
    recall: dict[str, Vector]
    ndcg: dict[str, Vector]

    def _lines(self) -> list[str]:
        lines = [f"lists of {counted(self.rows, 'row')} with held-out cells"]
        for way, words in WAYS.items():
            told = (
                f"recall at {k} {recall:.3f}, NDCG {ndcg:.3f}"
                for k, recall, ndcg in zip(self.lengths, self.recall[way], self.ndcg[way], strict=True)
            )
            lines.append(f"{words}: {'; '.join(told)}")
        return lines


def judge_lists(completed: Completed, trial: Trial | None) -> ListTrial | None:
    """Return how good lists are, or None where which cells are known is no choice, or none were held out.

    Parameters
    ----------
    completed : Completed
    trial : Trial or None
        Of the same table, whose fit knows nothing of the held-out cells.
    """
    table = data_of(completed.table, "lists of held-out cells")
    chosen = counts_unlisted(completed.model) or usual_by(TableCells.of(table)) == "chance"
    if trial is None or trial.rows is None or not chosen:
        return None
    n = table.shape[1]
    hidden = np.isin(cell_codes(table.rows, table.columns, n), cell_codes(trial.rows, trial.columns, n))
    kept = table.select(~hidden)
    cells, counts = TableCells.of(kept), kept.column_counts().astype(np.float64)
    scores: dict[str, Scores] = {
        "chance": ByChance(Chances.of(cells), lambda _: kept).of_rows,
        "known": lambda rows: np.tile(counts, (rows.size, 1)),
        "value": _by_value(trial.predictor, n),
    }
    rows = np.unique(trial.rows)
    rows = rows[np.linspace(0, rows.size - 1, min(rows.size, MOST_ROWS)).astype(np.intp)]
    held = np.isin(trial.rows, rows)
    at = np.searchsorted(rows, trial.rows[held])
    recall, ndcg = {}, {}
    for way in WAYS:
        places = best_of(scores[way], rows, max(LENGTHS), n, kept)
        recall[way], ndcg[way] = measure_lists(places, at, trial.columns[held], LENGTHS)
    return ListTrial(rows.size, LENGTHS, recall, ndcg)


def _by_value(predictor: Predictor, n: int) -> Scores:
    """Return the predictions of all columns for rows, not clipped where that is known."""
    if isinstance(predictor, TableModel):
        return predictor.row_scores
    columns = np.arange(n)
    return lambda rows: predictor.predict(np.repeat(rows, n), np.tile(columns, rows.size)).reshape(-1, n)
