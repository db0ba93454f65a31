"""Whether rows or columns vary smoothly along their order, and over what length, by cells held out.

Cells are held out as cells are missing: what is missing in one column is hidden in another too, so that
missing runs are judged by runs, and single cells by single cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from lowland.bayes.graph_places import LENGTHS as GRAPH_LENGTHS
from lowland.bayes.graph_places import GraphPlaces
from lowland.bayes.order_basis import spacing
from lowland.bayes.side_orders import SideOrders
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.fit import brief_model
from lowland.completion.bayesian.settings import BRIEF, USUAL_RANK, BayesianSettings, usual_rank
from lowland.completion.cells.summary import TableSummary
from lowland.core.arrays import Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.running.stages import stage
from lowland.trials.choices import ASKED_ORDERS, LARGE_GRAPHS, ORDERS
from lowland.trials.contents import Contents
from lowland.trials.gains import Gain
from lowland.trials.masks import FEWEST_HIDDEN, Mask, hide_along, hide_cells

# lengths that are compared, in units of the spacing, and strengths
LENGTHS, STRENGTHS = (2.0, 5.0, 15.0, 50.0), (1.0, 5.0)
# share of the cells held out that intervals are made wide enough for
COVERED = 0.9

Known = tuple[BayesianSettings, SideCovariates]
# cells of tables that are looked at unasked, and of all
SMALL, LARGEST = 300_000, 5_000_000
# the length and strength of graphs in larger tables, where more gained nothing
LARGE_KINDS = [(1.0, 1.0)]


def with_orders(
    table: Observations,
    settings: BayesianSettings,
    covariates: SideCovariates,
    orders: SideOrders,
) -> tuple[BayesianSettings, SideCovariates]:
    """Return settings and covariates with the orders that cells held out favour.

    Parameters
    ----------
    table : Observations
    settings : BayesianSettings
        Not resolved.
    covariates : pair of ndarray or None
    orders : SideOrders

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
    large = table.shape[0] * table.shape[1] > LARGEST
    with stage("cells held out, to see whether lines are in order"):
        ordered = orders.sides[0] is not None, orders.sides[1] is not None
        rng = Contents.of_table(table).stream("orders")
        asked = LARGE_GRAPHS if large else ASKED_ORDERS
        masks = [
            hide_cells(table, asked.hides, rng) if large else hide_along(table, ordered, asked.hides, rng)
            for _ in range(asked.hides.times)
        ]
        comparison = _Comparison(table, masks)
        best: Known = settings, covariates
        ratios: Vector | None = None
        for side, coordinates in enumerate(orders.sides):
            if coordinates is None or (large and not isinstance(coordinates, GraphPlaces)):
                continue
            kinds = LARGE_KINDS if large else _kinds(coordinates)
            candidates = [_with_order(table, best, side, orders, *kind) for kind in kinds]
            if not orders.asked[side]:
                first = [comparison.scores(candidates[k], 1)[0].mean() for k in _first_look(kinds)]
                if not ORDERS.first.allows(Gain.between(comparison.scores(best, 1)[0].mean(), min(first))):
                    continue
            scores = [comparison.scores(candidate) for candidate in candidates]
            k = int(np.argmin([squares.mean() for squares, _ in scores]))
            # the order has to gain, not that rows have factors, which fits with an order need
            baselines = best, (_of_factors(table, best[0]), best[1])
            choice = asked if orders.asked[side] else ORDERS
            if all(choice.takes(_gain(comparison.scores(known)[0], scores[k][0])) for known in baselines):
                best, ratios = candidates[k], scores[k][1]
    if ratios is None:
        return best
    # what the prior means do not know of themselves
    wider = float(np.quantile(ratios, COVERED)) / float(ndtri((1 + COVERED) / 2))
    return replace(best[0], inflation=max(1.0, wider)), best[1]


def _gain(before: Vector, after: Vector) -> Gain:
    """Return by how much errors fall, and by what share their squares do."""
    # a few large errors say little of chance
    return Gain.of(np.sqrt(before) - np.sqrt(after), (before.mean(), after.mean()))


def _is_looked_at(table: Observations, orders: SideOrders) -> bool:
    most = LARGEST if any(orders.asked) else SMALL
    graphs = any(
        asked and isinstance(given, GraphPlaces)
        for asked, given in zip(orders.asked, orders.sides, strict=True)
    )
    m, n = table.shape
    small = graphs or m * n <= most
    return bool(orders) and small and table.size < m * n and table.size > 2 * FEWEST_HIDDEN


def _kinds(coordinates: Matrix | GraphPlaces) -> list[tuple[float, float]]:
    if isinstance(coordinates, GraphPlaces):
        return [(length, strength) for length in GRAPH_LENGTHS for strength in STRENGTHS]
    unit = spacing(coordinates)
    reach = float(np.ptp(coordinates, axis=0).max())
    lengths = [length * unit for length in LENGTHS if length * unit <= reach] or [unit]
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
    given = covariates[side]
    joined = places if given is None else np.column_stack([given, places])
    return settings, (joined, covariates[1]) if side == 0 else (covariates[0], joined)


def _of_factors(table: Observations, settings: BayesianSettings) -> BayesianSettings:
    """Return settings of a fit of factors, as many as columns if these are few: each varies by itself."""
    m, n = table.shape
    rank = (
        max(usual_rank(m, n, table.size), min(USUAL_RANK, m, n)) if settings.rank is None else settings.rank
    )
    return replace(settings, rank=rank, full=False)


class _Comparison:
    """Scores of settings on the same trials, whose fits are each made once."""

    def __init__(self, table: Observations, hidden: Sequence[Mask]) -> None:
        self.table, self.hidden, self.units = table, hidden, _units(table)
        self._made: dict[tuple[Any, ...], tuple[Vector, Vector]] = {}

    def scores(self, known: Known, count: int | None = None) -> tuple[Vector, Vector]:
        """Return the scores of the first so many trials, told apart by the orders of the settings.

        Returns
        -------
        squares : ndarray
            Squared errors on hidden cells, in units of columns.
        ratios : ndarray
            Errors over their standard errors.
        """
        settings, covariates = known
        scores = []
        for k, mask in enumerate(self.hidden[:count]):
            key = settings.row_order, settings.column_order, settings.full, k
            if key not in self._made:
                self._made[key] = self._scores(mask, settings, covariates)
            scores.append(self._made[key])
        squares, ratios = (np.concatenate(parts) for parts in zip(*scores, strict=True))
        return squares, ratios

    def _scores(
        self, mask: Mask, settings: BayesianSettings, covariates: SideCovariates
    ) -> tuple[Vector, Vector]:
        kept, apart = self.table.hide(mask)
        if settings.full is False:
            settings = replace(settings, max_iterations=BRIEF)
        model = brief_model(kept, settings, covariates, np.random.default_rng(0))
        at = apart.rows, apart.columns
        errors = np.abs(model.predict(*at) - apart.values)
        return (errors / self.units[apart.columns]) ** 2, errors / model.standard_errors(*at)


def _units(table: Observations) -> Vector:
    """Return the unit of each column: its spread if these differ much, else one."""
    summary = TableSummary.of(TableCells.of(table))
    by_column = summary.units_differ and not summary.graded
    return np.where(by_column & ~summary.constant, summary.column_spreads, summary.spread)
