"""Whether a Bayesian fit is refined, by smooth curves of rows or by forests: where cells held out show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.refinement.forests import Refinement
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.completion.refinement.trials import Complete
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.random import spawn

# tables that are looked at for curves, unless told: rows times columns squared, rows, columns, observed cells
# per column
MOST_WORK, FEWEST_ROWS, FEWEST_COLUMNS, PER_COLUMN = 300_000, 20, 3, 12
# columns in order whose rows may be smooth, most rows, and most work: rows times cubed columns
FEWEST_PLACES, MOST_PLACES, MOST_ROWS, MOST_SMOOTHED = 5, 120, 1_000, 50_000_000
# largest table that is refined if told so
LARGEST = 2_000_000


def choose_refinement(
    table: BayesianTable, asked: bool | None, rng: np.random.Generator, groups: Indices | None = None
) -> Refinement | RowSmoothing | None:
    """Return what refines a fitted table, None if cells held out do not show that it pays.

    Parameters
    ----------
    table : BayesianTable
        With its data.
    asked : bool or None
        None: only tables that are small enough for it to take a few seconds.
    rng : numpy.random.Generator
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
    curved = _smoothed(table, seen, rng, groups)
    if curved is not None or (asked is None and not _is_suited(seen)):
        return curved
    if asked and (seen.weights is not None or seen.shape[0] * seen.shape[1] > LARGEST):
        words = "weights" if seen.weights is not None else f"{seen.shape[0]} x {seen.shape[1]} cells"
        raise UnsupportedError("this table cannot be refined by forests", words, fix="turn refine off")
    from lowland.completion.refinement.forest_learning import learn_refinement

    low = table.model.row_scores(np.arange(seen.shape[0]))
    apart = np.arange(seen.shape[1]) if groups is None else groups
    holes = seen.to_array().astype(np.float64)
    return learn_refinement(holes, _completing(table, seen, rng), low, rng, apart)


def _smoothed(
    table: BayesianTable, seen: Observations, rng: np.random.Generator, groups: Indices | None
) -> RowSmoothing | None:
    """Return what blends the table with smooth curves of its rows, None if that does not pay."""
    places, (m, n) = table.column_places, seen.shape
    single = groups is None or np.unique(groups).size == n
    if places is None or not single or seen.weights is not None or not _may_be_smooth(m, n, seen.size):
        return None
    from lowland.completion.refinement.smoothing_learning import learn_smoothing

    of_curves = spawn(rng, 1)[0]  # curves that are of no use change no bit of what forests do
    holes = seen.to_array().astype(np.float64)
    return learn_smoothing(holes, _completing(table, seen, of_curves), of_curves, places)


def _may_be_smooth(m: int, n: int, cells: int) -> bool:
    sized = FEWEST_PLACES <= n <= MOST_PLACES and FEWEST_ROWS <= m <= MOST_ROWS and m * n**3 <= MOST_SMOOTHED
    return sized and PER_COLUMN * n <= cells < m * n


def _completing(table: BayesianTable, seen: Observations, rng: np.random.Generator) -> Complete:
    """Return what completes a table without some of its cells by the same settings."""
    from lowland.completion.bayesian.fit import BRIEF

    rows, columns = (places.ravel() for places in np.indices(seen.shape))

    def complete(holes: Matrix) -> tuple[Matrix, Matrix]:
        again = table.refit(_like(seen, holes), rng, most_draws=BRIEF)
        errors = again.standard_errors(rows, columns).reshape(seen.shape)
        return again.row_scores(np.arange(seen.shape[0])), errors

    return complete


def _is_suited(seen: Observations) -> bool:
    m, n = seen.shape
    small = m * n**2 <= MOST_WORK and m >= FEWEST_ROWS and n >= FEWEST_COLUMNS
    return small and seen.weights is None and PER_COLUMN * n <= seen.size < m * n


def _like(seen: Observations, holes: Matrix) -> Observations:
    """Return a table with the known cells of an array, and the labels of another."""
    rows, columns = np.nonzero(~np.isnan(holes))
    return replace(seen, rows=rows, columns=columns, values=holes[rows, columns].astype(seen.values.dtype))
