"""A Bayesian fit inside its layers: a table is written in numbers, fitted, refined, and read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.bayes.graph_places import GraphPlaces
from lowland.bayes.side_orders import SideOrders
from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.fit import fit_bayesian
from lowland.completion.bayesian.gaussian.between import Between
from lowland.completion.bayesian.order_choice import with_orders
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.bounded.signs import read_signed
from lowland.completion.censored.cells import CensoredCells
from lowland.completion.columns.far_cells import warn_of_far_cells
from lowland.completion.encoded.level_maps import LevelMap, maps_of_hidden, maps_of_rows, usual_maps
from lowland.completion.encoded.level_model import LevelLayer
from lowland.completion.encoded.levels import Levels
from lowland.completion.encoded.power_choice import Powers, choose_powers
from lowland.completion.encoded.power_model import PowerLayer, write_powers
from lowland.completion.informed.layer import layer_of_column_alone
from lowland.completion.layers.table import LayeredTable
from lowland.completion.plan import CompletionPlan
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.refinement.learning import choose_refinement
from lowland.completion.restricted.allowed import Allowed
from lowland.completion.restricted.layer import RestrictedLayer
from lowland.completion.row_units.choice import choose_row_units
from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.completion.row_units.suspicion import warn_of_variables
from lowland.completion.row_units.units import TypicalRow
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.model import sampling
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import unless_interrupted
from lowland.trials.contents import Contents


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class BayesianProblem:
    """A table, and how factors of it are to be fitted.

    Parameters
    ----------
    table : Observations
        With levels, which `levels` says.
    levels : Levels
    numbers : Observations
        The table with its levels in numbers.
    settings : BayesianSettings
        Of the table in numbers.
    covariates : pair of ndarray or None
        Of rows and of the table's columns.
    orders : SideOrders
        Coordinates of rows and of the table's columns.
    allowed : ndarray of bool, shape (n, n), or None
        Whether one of the table's columns may inform another; None: all may.
    censored : CensoredCells or None
        Some of the cells, whose numbers are no more than likely; None: all are what was observed.
    powers : mapping of int to Power, or None
        Which columns are roots or logarithms; None: as held-out cells show.
    """

    table: Observations
    levels: Levels
    numbers: Observations
    settings: BayesianSettings
    covariates: SideCovariates
    orders: SideOrders
    allowed: Allowed | None = None
    censored: CensoredCells | None = None
    powers: Powers | None = None

    @property
    def between(self) -> Between | None:
        """The cells whose numbers are no more than likely, and what they lie between, as they are fitted."""
        return None if self.censored is None else self.censored.written(self.levels, self.powers or {})

    def in_numbers(self) -> BayesianProblem:
        """Return the problem with what is known of columns said of the columns of numbers."""
        if not self.levels:
            return self
        groups, (rows, columns), orders = self.levels.groups, self.covariates, self.orders
        covariates = rows, None if columns is None else columns[groups]
        if orders.columns is not None:
            orders = replace(orders, columns=orders.columns[groups])
        allowed = None if self.allowed is None else self.allowed[np.ix_(groups, groups)]
        return replace(self, covariates=covariates, orders=orders, allowed=allowed)


def fit_layers(
    problem: BayesianProblem, plan: CompletionPlan, rng: np.random.Generator, search: dict[str, Any]
) -> FittedTable:
    """Return a table fitted inside the layers that it needs and that held-out cells favour.

    From the outermost: powers of skewed columns, units of rows, levels, cells that no other can inform, what
    refines missing cells (or predicts them from some columns alone), the fit of factors; orders are further
    covariates of this fit.

    Parameters
    ----------
    problem : BayesianProblem
    plan : CompletionPlan
    rng : numpy.random.Generator
    search : dict
        Callbacks, checkpoint and snapshot of `fit_bayesian`.
    """
    problem, table, levels = problem.in_numbers(), problem.table, problem.levels
    powers, typical = _choose_units(problem, plan)

    def write(part: Observations) -> Observations:
        written = write_powers(part, powers)
        return written if typical is None else typical.write(written, levels.mask)

    within = write(table)
    warn_of_far_cells(table, levels.numbers_of(within), {j: power.name for j, power in powers.items()})
    if typical is not None:  # in units of rows, censored cells keep their likely numbers
        problem = replace(problem, censored=None)
    if powers or typical is not None:
        numbers = levels.encode(within) if levels else within
        # roots and logarithms, and rows in units, are no grades, whatever stands beside them
        problem = replace(problem, numbers=numbers, settings=replace(problem.settings, graded=False))
    plain = _fit_numbers(problem, rng, search)
    fitted = _in_numbers(plain, problem, plan)
    if levels:
        maps = None
        if fitted.stop_reason is not StopReason.INTERRUPTED:
            maps = unless_interrupted(
                lambda: _learn_maps(problem, plain, fitted, write), "learning from levels"
            )
            if maps is None:
                fitted = _interrupted(fitted, "while it learnt from levels")
        maps = usual_maps(levels) if maps is None else maps
        layer = LevelLayer(sampling(fitted.model), levels, maps, TableLabels.of(within))
        fitted = LayeredTable(layer, fitted, within)
    if typical is not None:
        written = write_powers(table, powers)
        units = RowUnitsLayer(sampling(fitted.model), typical, typical.units(written, levels.mask))
        fitted = LayeredTable(units, fitted, written)
    if powers:
        fitted = LayeredTable(
            PowerLayer(sampling(fitted.model), powers, TableLabels.of(table)), fitted, table
        )
    return fitted


def _choose_units(problem: BayesianProblem, plan: CompletionPlan) -> tuple[Powers, TypicalRow | None]:
    """Return the columns that are powers, and what says the units of rows, if they have any."""
    table, asked, powers = problem.table, plan.row_units, problem.powers
    if powers is None:
        signed = read_signed(plan.may_be_negative, TableLabels.of(table))
        about = problem.levels, problem.settings, problem.covariates
        powers = choose_powers(table, *about, plan.powers, signed)
    if asked is None and (table.weights is not None or problem.allowed is not None):
        # weights may say what units would, and a unit is known from all cells of its row
        what = "weights" if problem.allowed is None else "predictors"
        warn_of_variables(problem.levels.numbers_of(table), f"a fit with {what}")
        asked = False
    if asked is None and problem.censored is not None:  # bounds have the unit of the table
        warn_of_variables(problem.levels.numbers_of(table), "a fit with censored cells")
        asked = False
    answers = asked, plan.powers
    return choose_row_units(table, problem.levels, powers, problem.settings, problem.covariates, answers)


def _learn_maps(
    problem: BayesianProblem,
    plain: BayesianTable,
    fitted: FittedTable,
    write: Callable[[Observations], Observations],
) -> dict[int, LevelMap]:
    """Return the maps to probabilities of levels, from the fit of numbers and what it became."""
    table, levels = problem.table, problem.levels
    # of some columns by themselves a row does not say what it says of all
    if plain.of_one_gaussian and problem.allowed is None:
        return maps_of_rows(levels, table, plain.left_out(levels.groups))
    rng = Contents.of_table(table).stream("levels")

    def predict_without(part: Observations) -> Callable[[Indices], Matrix]:
        return sampling(fitted.refit(levels.encode(write(part)), rng)).row_scores

    return maps_of_hidden(levels, table, predict_without, rng)


def _fit_numbers(problem: BayesianProblem, rng: np.random.Generator, search: dict[str, Any]) -> BayesianTable:
    """Fit a table of numbers."""
    table, settings, covariates, orders = (
        problem.numbers,
        problem.settings,
        problem.covariates,
        problem.orders,
    )
    settings = replace(settings, column_places=_column_places(orders, settings))
    if orders and settings.full is not True:  # a Gaussian has its order of columns from `column_places`
        settings, covariates = with_orders(table, settings, covariates, orders)
    fit = fit_bayesian(table, settings, rng=rng, covariates=covariates, between=problem.between, **search)
    return BayesianTable.of(fit, covariates)


def _in_numbers(fitted: BayesianTable, problem: BayesianProblem, plan: CompletionPlan) -> FittedTable:
    """Return a fit of numbers refined where that pays, and without what no known cell informs."""
    (rows, columns), table = fitted.covariates, problem.numbers
    informed = _by_others(fitted, problem, plan)
    orderly = columns is not None or fitted.column_places is not None
    # neighbours in an order tell of each other, and grades on one scale have a level of the row
    if orderly or (np.isfinite(fitted.model.scaling.lowest) and not fitted.model.axes):
        return informed
    layer = layer_of_column_alone(sampling(informed.model), table, described=rows is not None)
    return informed if layer is None else LayeredTable(layer, informed, table)


def _by_others(fitted: BayesianTable, problem: BayesianProblem, plan: CompletionPlan) -> FittedTable:
    """Return a fit of numbers refined where that pays, or with the columns that may inform others."""
    table = problem.numbers
    if problem.allowed is not None:  # also of a fit that was interrupted: nothing else may be predicted
        return LayeredTable(RestrictedLayer.of(fitted.model, problem.allowed, table), fitted, table)
    if fitted.stop_reason is StopReason.INTERRUPTED:
        return fitted
    groups = problem.levels.groups if problem.levels else None
    chosen = unless_interrupted(lambda: [choose_refinement(fitted, plan.refine, groups)], "the refinement")
    if chosen is None:
        return _interrupted(fitted, "while it was refined")
    (refinement,) = chosen
    if refinement is None:
        return fitted
    return LayeredTable(RefinementLayer.of(fitted.model, refinement, table), fitted, table)


def _interrupted(fitted: FittedTable, when: str) -> FittedTable:
    """Return a fit whose search has ended, and what follows has not: nothing more is to be done with it."""
    if isinstance(fitted, LayeredTable):
        return replace(fitted, base=_interrupted(fitted.base, when))
    assert isinstance(fitted, BayesianTable)
    fit = fitted.known("the search")
    search = replace(fit.last_search, stop_reason=StopReason.INTERRUPTED, message=f"interrupted {when}")
    ended = replace(fit, search=search) if fit.sampling is None else replace(fit, sampling=search)
    return replace(fitted, fit=ended)


def _column_places(orders: SideOrders, settings: BayesianSettings) -> tuple[tuple[float, ...], ...] | None:
    """Return coordinates of columns for a Gaussian's covariance; those of a graph's nodes are none."""
    if orders.columns is None or isinstance(orders.columns, GraphPlaces) or settings.grouped:
        return None
    return tuple(tuple(place) for place in orders.columns.tolist())
