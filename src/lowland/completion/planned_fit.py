"""The fit of a table by the planned method."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.bayes.side_orders import SideOrders, orders_of
from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bounded.from_zero import FromZeroLayer
from lowland.completion.bounded.layer import BoundedLayer
from lowland.completion.bounded.limits import read_limits
from lowland.completion.bounded.signs import columns_named, nonnegative_columns, read_signed
from lowland.completion.censored.cells import CensoredCells
from lowland.completion.censored.layer import CensoredLayer
from lowland.completion.columns.far_cells import warn_of_far_cells
from lowland.completion.columns.losses import Columns, check_columns
from lowland.completion.drift.fit import with_drifts
from lowland.completion.encoded.levels import LevelKind, Levels
from lowland.completion.fit_checks import (
    check_limits,
    check_row_units,
    check_signed,
    refuse_censored,
    refuse_context,
    refuse_covariates,
    refuse_forests,
    refuse_orders,
)
from lowland.completion.layered_fit import BayesianProblem, fit_layers
from lowland.completion.layers.table import LayeredTable
from lowland.completion.memory_needs import check_fit_fits
from lowland.completion.penalised.fit import fit_completion
from lowland.completion.penalised.list_path import ListPath, check_listed, choose_by_lists, weight_of_unlisted
from lowland.completion.penalised.rank_path import RankPath, choose_rank_and_penalty
from lowland.completion.penalised.settings import CompletionSettings
from lowland.completion.penalised.table import PenalisedTable
from lowland.completion.plan import CompletionPlan
from lowland.completion.restricted.allowed import read_predictors
from lowland.completion.row_units.suspicion import warn_of_variables
from lowland.completion.settling import settle
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.model import sampling
from lowland.core.arrays import Indices
from lowland.core.cells.observations import Observations
from lowland.core.random import peek
from lowland.core.running.interrupt import Interruptible
from lowland.core.work import counted as counted_work
from lowland.search.loop import Callback, Checkpoint, Snapshot

# default ridge on biases if losses are not all squared: worth one observation
BIAS_PENALTY = 1.0


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class FitRequest:
    """All that is asked of a fit, so that other cells of the same table can be fitted as these were.

    Parameters
    ----------
    plan : CompletionPlan
    covariates, levels, orders, whole
        As of `fit_plan`.
    seed : int
        For whatever holds out cells later: fixed before anything is fitted.
    """

    plan: CompletionPlan
    covariates: SideCovariates
    levels: Mapping[int, LevelKind] | None
    orders: SideOrders
    whole: tuple[int, ...]
    seed: int

    def fit(self, table: Observations, rng: np.random.Generator) -> FittedTable:
        """Return the fit of a table, with all its choices."""
        return fit_plan(
            table,
            self.plan,
            rng=rng,
            covariates=self.covariates,
            levels=self.levels,
            orders=self.orders,
            whole=self.whole,
        ).table


@final
@dataclass(frozen=True, eq=False)
class PlannedFit:
    """A fitted table, what was asked, and how rank and penalty were chosen if they were "auto".

    `plain_fits` is the counted work of all fits and choices, in fits such as the last one; None if that was
    resumed.
    """

    table: FittedTable
    request: FitRequest
    path: RankPath | ListPath | None = None
    plain_fits: float | None = None

    def completed(self, seed: int = 0) -> Completed:
        """Return the completed table, whose held-out cells a seed chooses."""
        return Completed(self.table, seed, request=self.request, plain_fits=self.plain_fits)


@Interruptible()
def fit_plan(  # noqa: PLR0913
    table: Observations,
    plan: CompletionPlan,
    *,
    rng: np.random.Generator,
    covariates: SideCovariates = (None, None),
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
    levels: Mapping[int, LevelKind] | None = None,
    orders: SideOrders | None = None,
    whole: Collection[int] = (),
) -> PlannedFit:
    """Fit a table as planned, without a certificate.

    Parameters
    ----------
    table : Observations
    plan : CompletionPlan
    rng : numpy.random.Generator
    covariates : pair of ndarray or None
        Covariates of rows and of columns.
    callbacks, checkpoint, resume
        As in `lowland.search.run`.
    levels : mapping of int to LevelKind, optional
        Columns of levels, for Bayesian methods, which fit them as numbers.
    orders : SideOrders, optional
        Coordinates along which rows and columns may be in order; by default labels, as planned.
    whole : collection of int
        Columns that hold whole numbers, whose bounds are the whole numbers within.

    Returns
    -------
    PlannedFit
    """
    seed, table = peek(rng), table.in_order()
    if orders is None:
        orders = orders_of(plan.asked_orders, table.shape, (table.row_labels, table.column_labels))
    request = FitRequest(
        plan=plan, covariates=covariates, levels=levels, orders=orders, whole=tuple(whole), seed=seed
    )
    search = {"callbacks": callbacks, "checkpoint": checkpoint, "resume": resume}
    with counted_work() as work:
        planned = _fit_as_asked(table, request, rng, search)
    searches = {id(one): one.work for one in (planned.table.search, planned.table.last_search)}
    last = sum(searches.values())
    return planned if resume or not last else replace(planned, plain_fits=work.spent / last)


def _fit_as_asked(
    table: Observations, request: FitRequest, rng: np.random.Generator, search: dict[str, Any]
) -> PlannedFit:
    """Fit a table with all its layers."""
    context, table = table.context, replace(table, context=None)
    plan, covariates, levels, orders = request.plan, request.covariates, request.levels, request.orders
    method = plan.decide_method()
    known = Levels.of(table, levels or {})
    numbers = known.encode(table) if known else table
    check_columns(plan.loss, numbers)
    check_fit_fits(numbers, plan, method)
    refuse_orders(orders, method, grouped=bool(known))
    labels = TableLabels.of(table)
    limits, allowed = (
        read_limits(plan.bounds, labels, request.whole),
        read_predictors(plan.predictors, labels),
    )
    if allowed is not None:
        refuse_forests(plan)
    if plan.row_units:
        check_row_units(allowed)
    check_limits(table, limits, known)
    signed = read_signed(plan.may_be_negative, labels)
    check_signed(plan.may_be_negative, signed, labels, known)
    cells = CensoredCells.of(table, limits, signed)
    if method == "map":
        refuse_covariates(covariates)
        refuse_censored(cells)
        refuse_context(context)
        if plan.row_units is None and plan.squared:
            warn_of_variables(table, 'method "map"', ", or fit by another method")
        penalised, path = _fit_penalised(table, plan, rng, search)
        return PlannedFit(penalised, request, path)
    problem = BayesianProblem(
        table=table,
        levels=known,
        numbers=numbers,
        settings=bayesian_settings(plan, method, known.groups),
        covariates=covariates,
        orders=orders,
        allowed=allowed,
        censored=cells,
    )
    if cells is not None:
        problem = settle(problem, plan, rng)
    fitted: FittedTable = fit_layers(problem, plan, rng, search)
    within = replace(problem.table, context=context)
    fitted = with_drifts(fitted, within, known)
    if limits:
        layer = BoundedLayer(sampling(fitted.model), limits, labels)
        fitted = LayeredTable(layer, fitted, within)
    fitted = _from_zero(fitted, within, signed | columns_named(plan.bounds, labels), known)
    if problem.censored is not None:
        outer = CensoredLayer(sampling(fitted.model), problem.censored, labels, table.size)
        fitted = LayeredTable(outer, fitted, replace(table, context=context))
    return PlannedFit(fitted, request)


def _from_zero(
    fitted: FittedTable, table: Observations, said: Collection[int], levels: Levels
) -> FittedTable:
    """Return a fitted table that says nothing negative of columns without a negative number."""
    model = sampling(fitted.model)
    columns, touches = nonnegative_columns(table, model, {*said, *levels.kinds})
    if not columns.size:
        return fitted
    return LayeredTable(FromZeroLayer(model, columns, touches, TableLabels.of(table)), fitted, table)


def _fit_penalised(
    table: Observations, plan: CompletionPlan, rng: np.random.Generator, search: dict[str, Any]
) -> tuple[FittedTable, RankPath | ListPath | None]:
    """Fit a table by penalised losses; cells held out choose rank and penalty where none is given."""
    settings, path, before = penalised_settings(plan), None, None
    if plan.unlisted is not None:
        return _fit_listed(table, plan, settings, rng, search)
    if not plan.squared:
        scale, noise = ("column" if kind == "auto" else kind for kind in (plan.scale, plan.noise))
        settings = replace(settings, columns=Columns.of(table, plan.loss, scale=scale, noise=noise))
    warn_of_far_cells(table, _with_squared_errors(table, settings.columns))
    if plan.rank is None or plan.penalty is None or settings.columns is not None:
        bias_penalty = plan.bias_penalty if plan.penalty is None else settings.bias_penalty
        path, before = choose_rank_and_penalty(
            table, settings, rank=plan.rank, penalty=plan.penalty, bias_penalty=bias_penalty, rng=rng
        )
        settings = path.settings
    fit = fit_completion(table, settings, rng=rng, certify=False, before=before, **search)
    return PenalisedTable.of(fit), path if path is not None and path.steps else None


def _fit_listed(
    table: Observations,
    plan: CompletionPlan,
    settings: CompletionSettings,
    rng: np.random.Generator,
    search: dict[str, Any],
) -> tuple[FittedTable, ListPath | None]:
    """Fit a table whose cells count also where they are not listed; lists choose what is not given."""
    assert plan.unlisted is not None
    check_listed(table, plan.unlisted)
    weight = weight_of_unlisted(table, plan.unlisted_weight)
    settings = replace(settings, unlisted=plan.unlisted, unlisted_weight=weight)
    path, settings = choose_by_lists(table, settings, rank=plan.rank, penalty=plan.penalty, rng=rng)
    return PenalisedTable.of(fit_completion(table, settings, rng=rng, certify=False, **search)), path


def _with_squared_errors(table: Observations, columns: Columns | None) -> Observations:
    """Return a table with the cells of columns whose errors are squared."""
    if columns is None:
        return table
    squared = np.array([kind.word == "squared" for kind in columns.kinds])
    return table.select(squared[columns.which[table.columns]])


def bayesian_settings(plan: CompletionPlan, method: str, groups: Indices | None = None) -> BayesianSettings:
    """Return the settings of a Bayesian fit as planned, of columns of numbers that may be in groups."""
    apart = groups is None or np.unique(groups).size == groups.size
    return BayesianSettings(
        groups=None if apart or groups is None else tuple(groups.tolist()),
        rank=plan.rank,
        biases=plan.biases,
        pattern=plan.pattern,
        noise=plan.noise,
        scale=plan.scale,
        tolerance=BayesianSettings.tolerance if plan.tol is None else plan.tol,
        max_iterations=plan.max_iter,
        draws=plan.draws if method == "gibbs" else 0,
        full=None if method == "variational" and plan.leaves_open else method == "gaussian",
        gaussian_draws=plan.draws,
    )


def _bias_penalty(plan: CompletionPlan) -> float:
    if plan.bias_penalty is None:
        return 0.0 if plan.squared or not plan.biases else BIAS_PENALTY
    return plan.bias_penalty


def penalised_settings(plan: CompletionPlan) -> CompletionSettings:
    """Return the settings of a penalised fit as planned; rank and penalty stand for themselves if given."""
    return CompletionSettings(
        rank=plan.rank or 1,
        biases=plan.fits_biases,
        penalty=plan.penalty or 0.0,
        tolerance=CompletionSettings.tolerance if plan.tol is None else plan.tol,
        max_iterations=plan.max_iter,
        bias_penalty=_bias_penalty(plan),
        penalty_weights=plan.penalty_weights,
        nonnegative=plan.nonnegative,
    )
