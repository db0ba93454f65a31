"""Whether a Bayesian fit is refined, by smooth curves of rows or by forests: where cells held out show it."""

from __future__ import annotations

import numpy as np

from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.refinement.content_order import ContentOrder
from lowland.completion.refinement.forests import Refinement
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.completion.refinement.trials import Complete
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.trials.contents import Contents

# tables that are looked at for curves, unless told: rows times columns squared, rows, columns, observed cells
# per column
MOST_WORK, FEWEST_ROWS, FEWEST_COLUMNS, PER_COLUMN = 300_000, 20, 3, 12
# columns in order whose rows may be smooth, most rows, and most work: rows times cubed columns
FEWEST_PLACES, MOST_PLACES, MOST_ROWS, MOST_SMOOTHED = 5, 120, 1_000, 50_000_000
# fewest rows per column of a Gaussian that can do without one of them: else what it has learnt from hidden
# cells of other rows makes its errors look smaller than they are
ROWS_PER_COLUMN = 4
# largest table that is refined if told so
LARGEST = 2_000_000


def choose_refinement(
    table: BayesianTable, asked: bool | None, groups: Indices | None = None
) -> Refinement | RowSmoothing | None:
    """Return what refines a fitted table, None if cells held out do not show that it pays.

    It is a function of the table and its fit alone: random numbers come from what the table holds.

    Parameters
    ----------
    table : BayesianTable
        With its data.
    asked : bool or None
        None: only tables that are small enough for it to take a few seconds.
    groups : ndarray of int, shape (n,), optional
        Columns of one group are missing together, and do not predict each other; by default each is its own.

    Raises
    ------
    UnsupportedError
        If it is asked for and the table is weighted or too large.
    """
    seen = table.observations
    assert seen is not None
    if asked is False:
        return None
    apart = np.arange(seen.shape[1]) if groups is None else groups
    contents = Contents.of_table(seen)
    order = ContentOrder.of(contents, apart)
    curved = _smoothed(table, seen, contents, order)
    if curved is not None or (asked is None and not _is_suited(seen)):
        return curved
    if asked and (seen.weights is not None or seen.shape[0] * seen.shape[1] > LARGEST):
        words = "weights" if seen.weights is not None else f"{seen.shape[0]} x {seen.shape[1]} cells"
        raise UnsupportedError("this table cannot be refined by forests", words, fix="turn refine off")
    from lowland.completion.refinement.forest_learning import learn_refinement

    rng = contents.stream("forests")
    holes = order.put(seen.to_array().astype(np.float64))
    enough = seen.shape[0] >= ROWS_PER_COLUMN * seen.shape[1]
    complete = _without_rows if table.of_one_gaussian and enough else _completing
    learnt = learn_refinement(holes, complete(table, seen, rng, order), rng, order.groups)
    return None if learnt is None else order.back(learnt)


def _smoothed(
    table: BayesianTable, seen: Observations, contents: Contents, order: ContentOrder
) -> Refinement | RowSmoothing | None:
    """Return what blends the table with smooth curves of its rows, None if that does not pay."""
    places, (m, n) = table.column_places, seen.shape
    single = np.unique(order.groups).size == n
    if places is None or not single or seen.weights is not None or not _may_be_smooth(m, n, seen.size):
        return None
    from lowland.completion.refinement.smoothing_learning import learn_smoothing

    of_curves = contents.stream("curves")
    holes = order.put(seen.to_array().astype(np.float64))
    complete = _completing(table, seen, of_curves, order)
    learnt = learn_smoothing(holes, complete, of_curves, places[order.columns])
    return None if learnt is None else order.back(learnt)


def _may_be_smooth(m: int, n: int, cells: int) -> bool:
    sized = FEWEST_PLACES <= n <= MOST_PLACES and FEWEST_ROWS <= m <= MOST_ROWS and m * n**3 <= MOST_SMOOTHED
    return sized and PER_COLUMN * n <= cells < m * n


def _completing(
    table: BayesianTable, seen: Observations, rng: np.random.Generator, order: ContentOrder
) -> Complete:
    """Return what completes a table in another order, without some of its cells, by the same settings."""
    rows, columns = (places.ravel() for places in np.indices(seen.shape))

    def complete(holes: Matrix) -> tuple[Matrix, Matrix]:
        again = _fitted_in(order, holes, table, seen, rng).model
        errors = again.standard_errors(rows, columns).reshape(seen.shape)
        return again.row_scores(np.arange(seen.shape[0])), errors

    return complete


def _without_rows(
    table: BayesianTable, seen: Observations, rng: np.random.Generator, order: ContentOrder
) -> Complete:
    """Return the same of one Gaussian of all rows, which is fitted once and left out of what it predicts."""
    whole = _fitted_in(order, order.put(seen.to_array().astype(np.float64)), table, seen, rng)
    return lambda holes: whole.without(~np.isnan(holes))


def _fitted_in(
    order: ContentOrder, holes: Matrix, table: BayesianTable, seen: Observations, rng: np.random.Generator
) -> BayesianTable:
    """Return a table in another order as the same settings fit it, in few draws."""
    from lowland.completion.bayesian.settings import BRIEF

    return table.again(order.cells(seen, holes), rng, most_draws=BRIEF, order=(order.rows, order.columns))


def _is_suited(seen: Observations) -> bool:
    m, n = seen.shape
    small = m * n**2 <= MOST_WORK and m >= FEWEST_ROWS and n >= FEWEST_COLUMNS
    return small and seen.weights is None and PER_COLUMN * n <= seen.size < m * n
