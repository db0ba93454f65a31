"""Whether rows or columns vary smoothly along their order, and over what length, by cells held out.

Cells are held out as cells are missing: what is missing in one column is hidden in another too, so that
missing runs are judged by runs, and single cells by single cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lowland.bayes.graph_places import LENGTHS as GRAPH_LENGTHS
from lowland.bayes.graph_places import GraphPlaces
from lowland.bayes.order_basis import spacing
from lowland.bayes.side_orders import SideOrders
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.fit import BRIEF, brief_model
from lowland.completion.bayesian.settings import USUAL_RANK, BayesianSettings, usual_rank
from lowland.completion.cells.summary import TableSummary
from lowland.core.arrays import Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.running.stages import stage

# lengths that are compared, in units of the spacing, and strengths
LENGTHS, STRENGTHS = (2.0, 5.0, 15.0, 50.0), (1.0, 5.0)
# hold-outs; share of the cells that they hide at most; cells that each must hide, or single ones are hidden
HOLD_OUTS, MOST_HIDDEN, FEWEST_HIDDEN = 2, 0.15, 30
# a column keeps so many cells
KEPT = 3
# share of the cells held out that intervals are made wide enough for
COVERED = 0.9

Known = tuple[BayesianSettings, SideCovariates]
# share by which squared errors must fall where nobody asked for the order; by how many standard errors in
# any case: several orders are compared, and the best of useless ones is some two better than none; and by how
# many where errors fall by much
GAIN, SURE, MUCH, LESS_SURE = 0.03, 3.0, 0.15, 2.0
# cells of tables that are looked at unasked, and of all
SMALL, LARGEST = 300_000, 5_000_000


def with_orders(
    table: Observations,
    settings: BayesianSettings,
    covariates: SideCovariates,
    orders: SideOrders,
    rng: np.random.Generator,
) -> tuple[BayesianSettings, SideCovariates]:
    """Return settings and covariates with the orders that cells held out favour.

    Parameters
    ----------
    table : Observations
    settings : BayesianSettings
        Not resolved.
    covariates : pair of ndarray or None
    orders : SideOrders
    rng : numpy.random.Generator

    Returns
    -------
    BayesianSettings
        With `row_order` and `column_order`, for fits of factors, and how much wider their intervals must be,
        or as they were.
    pair of ndarray or None
        With the coordinates as last columns.
    """
    if not _is_looked_at(table, orders):
        return settings, covariates
    with stage("cells held out, to see whether lines are in order"):
        comparison = _Comparison(table, [_hidden(table, orders, rng) for _ in range(HOLD_OUTS)])
        best: Known = settings, covariates
        ratios: Vector | None = None
        for side, coordinates in enumerate(orders.sides):
            if coordinates is None:
                continue
            kinds = _kinds(coordinates)
            ordered = [_with_order(table, best, side, orders, *kind) for kind in kinds]
            if not orders.asked[side]:
                first = [comparison.scores(ordered[k], 1)[0].mean() for k in _first_look(kinds)]
                if min(first) > (1 - GAIN) * comparison.scores(best, 1)[0].mean():
                    continue
            found = [comparison.scores(own) for own in ordered]
            k = int(np.argmin([own.mean() for own, _ in found]))
            # the order has to gain, not that rows have factors, which fits with an order need
            others = best, (_of_factors(table, best[0]), best[1])
            if all(
                _is_gain(comparison.scores(own)[0], found[k][0], asked=orders.asked[side]) for own in others
            ):
                best, ratios = ordered[k], found[k][1]
    if ratios is None:
        return best
    # what the prior means do not know of themselves
    own = float(np.quantile(ratios, COVERED)) / float(ndtri((1 + COVERED) / 2))
    return replace(best[0], inflation=max(1.0, own)), best[1]


def _is_gain(before: Vector, after: Vector, *, asked: bool) -> bool:
    """Return whether errors fall by more than chance, and where nobody asked, their squares by enough."""
    gain = np.sqrt(before) - np.sqrt(after)  # a few large errors say little of chance
    needed = LESS_SURE if after.mean() < (1 - MUCH) * before.mean() else SURE
    sure = float(gain.mean()) > needed * float(gain.std()) / np.sqrt(gain.size)
    return bool(sure and after.mean() < (1.0 if asked else 1 - GAIN) * before.mean())


def _is_looked_at(table: Observations, orders: SideOrders) -> bool:
    most = LARGEST if any(orders.asked) else SMALL
    m, n = table.shape
    return bool(orders) and m * n <= most and table.size < m * n and table.size > 2 * FEWEST_HIDDEN


def _kinds(coordinates: Matrix | GraphPlaces) -> list[tuple[float, float]]:
    if isinstance(coordinates, GraphPlaces):
        return [(length, strength) for length in GRAPH_LENGTHS for strength in STRENGTHS]
    unit = spacing(coordinates)
    reach = float(np.ptp(coordinates, axis=0).max())
    lengths = [own * unit for own in LENGTHS if own * unit <= reach] or [unit]
    return [(length, strength) for length in lengths for strength in STRENGTHS]


def _first_look(kinds: Sequence[tuple[float, float]]) -> list[int]:
    """Return the places of kinds that tell whether it is worth while to compare all: two lengths."""
    return sorted({len(kinds) // 3, 2 * len(kinds) // 3})


def _with_order(
    table: Observations,
    known: Known,
    side: int,
    orders: SideOrders,
    length: float,
    strength: float,
) -> tuple[BayesianSettings, SideCovariates]:
    """Return settings and covariates of factors with one side in order."""
    settings, covariates = _of_factors(table, known[0]), known[1]
    places, kind = orders.sides[side], "labels" if orders.labelled[side] else "coordinates"
    assert places is not None
    if isinstance(places, GraphPlaces):
        places, kind = places.coordinates(length), "graph"
    settings = replace(
        settings,
        **{("row_order", "column_order")[side]: (length, strength, places.shape[1], kind)},  # type: ignore[arg-type]
    )
    own = covariates[side]
    joined = places if own is None else np.column_stack([own, places])
    return settings, (joined, covariates[1]) if side == 0 else (covariates[0], joined)


def _of_factors(table: Observations, settings: BayesianSettings) -> BayesianSettings:
    """Return settings of a fit of factors, as many as columns if these are few: each varies by itself."""
    m, n = table.shape
    rank = (
        max(usual_rank(m, n, table.size), min(USUAL_RANK, m, n)) if settings.rank is None else settings.rank
    )
    return replace(settings, rank=rank, full=False)


class _Comparison:
    """Scores of settings on the same hold-outs, whose fits are each made once."""

    def __init__(self, table: Observations, hidden: Sequence[NDArray[np.bool_]]) -> None:
        self.table, self.hidden, self.units = table, hidden, _units(table)
        self._made: dict[tuple[Any, ...], tuple[Vector, Vector]] = {}

    def scores(self, known: Known, count: int = HOLD_OUTS) -> tuple[Vector, Vector]:
        """Return the scores of the first so many hold-outs, told apart by the orders of the settings.

        Returns
        -------
        squares : ndarray
            Squared errors on hidden cells, in units of columns.
        ratios : ndarray
            Errors over their standard errors.
        """
        settings, covariates = known
        found = []
        for k, mask in enumerate(self.hidden[:count]):
            key = settings.row_order, settings.column_order, settings.full, k
            if key not in self._made:
                self._made[key] = self._scores(mask, settings, covariates)
            found.append(self._made[key])
        squares, ratios = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return squares, ratios

    def _scores(
        self, mask: NDArray[np.bool_], settings: BayesianSettings, covariates: SideCovariates
    ) -> tuple[Vector, Vector]:
        table = self.table
        if settings.full is False:
            settings = replace(settings, max_iterations=BRIEF)
        model = brief_model(table.select(~mask), settings, covariates, np.random.default_rng(0))
        at = table.rows[mask], table.columns[mask]
        errors = np.abs(model.predict(*at) - table.values[mask])
        return (errors / self.units[at[1]]) ** 2, errors / model.standard_errors(*at)


def _units(table: Observations) -> Vector:
    """Return the unit of each column: its spread if these differ much, else one."""
    summary = TableSummary.of(TableCells.of(table))
    own = summary.units_differ and not summary.graded
    return np.where(own & ~summary.constant, summary.column_spreads, summary.spread)


def _hidden(table: Observations, orders: SideOrders, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of the cells are hidden, as cells are missing along the sides that are in order."""
    known = np.zeros(table.shape, bool)
    known[table.rows, table.columns] = True
    hidden = np.zeros(table.shape, bool)
    for side, coordinates in enumerate(orders.sides):
        if coordinates is not None:
            own, out = (known, hidden) if side == 0 else (known.T, hidden.T)
            _hide_as_missing(own, out, table.size, rng)
    if hidden.sum() < FEWEST_HIDDEN:
        hidden |= known & (rng.random(table.shape) < MOST_HIDDEN / 2)
    return hidden[table.rows, table.columns]


def _hide_as_missing(
    known: NDArray[np.bool_], hidden: NDArray[np.bool_], size: int, rng: np.random.Generator
) -> None:
    """Hide in columns what is missing in others, in place, until enough is hidden."""
    holes = np.flatnonzero(~known.all(axis=0))
    if not holes.size:
        return
    for column in rng.permutation(known.shape[1]):
        other = int(rng.choice(holes))
        own = known[:, column] & ~known[:, other]
        if hidden.sum() + own.sum() <= MOST_HIDDEN * size and (known[:, column] & ~own).sum() >= KEPT:
            hidden[:, column] |= own
