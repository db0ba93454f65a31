"""What the columns of a row are ranked by: predictions, lower ends of intervals, chances to be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, final

import numpy as np

from lowland.cells.sides import TableCells
from lowland.completion.cells.summary import TableSummary
from lowland.completion.ranking.cells_of_rows import cells_of
from lowland.completion.ranking.chances import Chances
from lowland.completion.tables.completed import folding
from lowland.completion.tables.model import SamplingModel, TableModel, counts_unlisted
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import Option, Words

# level of the intervals whose lower ends rank: nine in ten new observations lie above
LOWER_LEVEL = 0.8
BY = ("chance", "value", "lower")
SAID = {
    "chance": "the estimated chance that a row lists a column, given what else it lists",
    "value": "the predicted value",
    "lower": "the lower end of the 80 % interval of a new observation",
}


class Scorer(Protocol):
    """What ranks the columns of rows, the largest number first."""

    @property
    def by(self) -> str:
        """One of `BY`."""

    def of_rows(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for rows of the fit, shape (k, n)."""

    def of_new(self, row: Observations) -> Matrix:
        """Return the scores of all columns for one new row, of which some cells are known, shape (1, n)."""


@final
@dataclass(frozen=True, eq=False)
class ByValue:
    """Predictions that are not clipped to the range of grades, where many would be equal."""

    model: TableModel
    by: ClassVar[str] = "value"

    def of_rows(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for rows of the fit, shape (k, n)."""
        return self.model.row_scores(rows)

    def of_new(self, row: Observations) -> Matrix:
        """Return the scores of all columns for a new row, shape (1, n)."""
        return self.model.new_scores(row)


@final
@dataclass(frozen=True, eq=False)
class ByLower:
    """Lower ends of intervals, which rank columns last about which little is known."""

    model: SamplingModel
    by: ClassVar[str] = "lower"

    def of_rows(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for rows of the fit, shape (k, n)."""
        return _lower_ends(self.model, rows)

    def of_new(self, row: Observations) -> Matrix:
        """Return the scores of all columns for a new row, shape (1, n)."""
        return _lower_ends(folding(self.model.of_rows(row), "a lower bound"), np.zeros(1, np.intp))


def _lower_ends(model: SamplingModel, rows: Indices) -> Matrix:
    n = model.shape[1]
    lower, _ = model.intervals(np.repeat(rows, n), np.tile(np.arange(n), rows.size), LOWER_LEVEL)
    return lower.reshape(rows.size, n)


@final
@dataclass(frozen=True, eq=False)
class ByChance:
    """Chances that rows list columns, from what they list; `listed` gives the cells of some rows, or all."""

    chances: Chances
    listed: Callable[[Indices], Observations]
    by: ClassVar[str] = "chance"

    def of_rows(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for rows of the fit, shape (k, n)."""
        return self.chances.scores(*cells_of(self.listed(rows), rows), rows.size)

    def of_new(self, row: Observations) -> Matrix:
        """Return the scores of all columns for a new row, shape (1, n)."""
        return ByChance(self.chances, lambda _: row).of_rows(np.zeros(1, np.intp))


def resolve_by(asked: str, usual: Callable[[], str]) -> str:
    """Return one of `BY`, for "auto" what is usual, or raise InvalidInputError."""
    if asked == "auto":
        return usual()
    if asked in BY:
        return asked
    fix = Words("use ", Option("rank_by", "auto", *BY))
    raise InvalidInputError(Words(Option("rank_by"), " is unknown"), repr(asked), fix=fix)


def usual_by(cells: TableCells | None, model: TableModel | None = None) -> str:
    """Return what columns are ranked by unless that is said.

    Parameters
    ----------
    cells : TableCells or None
        The fitted cells, if they are known.
    model : TableModel, optional
        Whose values say what is listed, if cells that are not listed count.
    """
    if counts_unlisted(model):
        return "value"
    chosen = cells is not None and cells.size and TableSummary.of(cells).lists_choices
    return "chance" if chosen else "value"


def make_scorer(by: str, model: TableModel, chances: Callable[[], ByChance]) -> Scorer:
    """Return what ranks by one of `BY`.

    Parameters
    ----------
    by : str
    model : TableModel
    chances : callable
        Returns the chances, which are learnt only where they are asked for.

    Raises
    ------
    UnsupportedError
        If there are no intervals whose lower ends could rank.
    """
    if by == "chance":
        return chances()
    if by == "value":
        return ByValue(model)
    if not isinstance(model, SamplingModel):
        raise UnsupportedError(
            "only Bayesian fits rank by lower bounds",
            "a penalised fit",
            fix=Words("fit with ", Option("method", "variational", "gibbs", "gaussian")),
        )
    return ByLower(model)
