"""The fits of estimators of tables: to cells in memory, on the disk or on a cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.bayes.side_orders import orders_of
from lowland.cells.sides import CellTable
from lowland.completion.auditing.judging import judge_completed
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.elsewhere.audit import judge_elsewhere
from lowland.completion.elsewhere.fit import ElsewhereFit, fit_elsewhere, refuse_elsewhere
from lowland.completion.fit_checks import check_effort
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import PlannedFit, fit_plan
from lowland.completion.tables.completed import Completed
from lowland.core.cells.observations import Labels, Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import unless_interrupted
from lowland.estimators.frames.censored import warn_of_bounds
from lowland.estimators.frames.counts import find_counts, find_signed, whole_columns
from lowland.estimators.frames.data_arrays import as_table
from lowland.estimators.frames.kinds import FrameKinds, chosen_losses, read_kinds
from lowland.estimators.frames.roles import dates_of_rows, panel_of
from lowland.estimators.frames.totals import form_of, totals_of, warn_of_totals
from lowland.estimators.frames.warned import warn_of_marks, warn_of_untouched, warn_of_written
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.estimators.observing import in_precision, observe
from lowland.estimators.parameters import shown, warn_of_limit
from lowland.estimators.plans import is_auto, plan_of
from lowland.estimators.table_input import covariates_of, order_of, rank_or_auto, refuse_list, weigh_rows
from lowland.files.columns.finding_totals import FoundSums
from lowland.sensing.input_checks import check_scale
from lowland.tensors.named_modes import is_named

# asks for a certificate of the penalised problem, too, that averages imply
COMPANION = "companion"


@final
@dataclass(frozen=True)
class Beside:
    """What `fit` is told beside the table, as its arguments."""

    sample_weight: Any
    row_covariates: Any
    column_covariates: Any
    row_order: Any
    column_order: Any

    def covariates(
        self, shape: tuple[int, int], labels: tuple[Labels | None, Labels | None], *, keyed: bool
    ) -> SideCovariates:
        """Return covariates in the order of a table's rows and columns; `keyed` as of `covariates_of`."""
        return (
            covariates_of(self.row_covariates, shape[0], labels[0], "row_covariates", keyed=keyed),
            covariates_of(self.column_covariates, shape[1], labels[1], "column_covariates", keyed=keyed),
        )


def fit_table(model: Any, X: Any, beside: Beside) -> None:
    """Fit a `MatrixCompletion` to a table in memory.

    Raises
    ------
    InvalidInputError
        If a setting, the table or the covariates cannot be used.
    """
    given, X = X, as_table(X)
    refuse_list(X)
    kinds, plan, numbers = _read_columns(model, X)
    check_effort(model.effort)
    check_certify(model.certify)
    seen = observe(model, X, reset=True)
    if plan.decide_method() == "map":  # whose fits have no law of which a part is possible
        seen = replace(seen, censored=None)
    model._is_single = bool(seen.values.dtype == np.float32)
    observations = in_precision(seen, model.dtype)
    rank_or_auto(model.rank, observations.shape)
    if beside.sample_weight is not None:
        observations = weigh_rows(observations, beside.sample_weight)
    check_scale(observations.values, "X")
    shape, labels = observations.shape, (observations.row_labels, observations.column_labels)
    about = beside.covariates(shape, labels, keyed=isinstance(X, Observations))
    rng = model._generator()
    whole = whole_columns(X, model.untouched_, model.levels_, kinds.written, model._counts)
    dated = dates_of_rows(X, kinds.time)
    asked = order_of(beside.row_order, labels[0], "row"), order_of(beside.column_order, labels[1], "column")
    panel = panel_of(X, kinds.roles) if isinstance(beside.row_order, str) else None
    orders = orders_of(
        asked if panel is None else (None, asked[1]),
        shape,
        (labels[0] if dated is None else dated, labels[1]),
    )
    if panel is not None:
        orders = orders.with_row_graph(panel, asked=not is_auto(beside.row_order))
    with shown(model.verbose):
        planned = fit_plan(
            observations,
            plan,
            rng=rng,
            covariates=about,
            levels=kinds.level_kinds() if numbers else None,
            orders=orders,
            whole=whole.tolist(),
        )
        completed, certificate = _judged(model, planned, rng)
    warn_of_limit(completed.table.search, stacklevel=4)
    _keep(model, completed, certificate, rng)
    wrapped = wrap_frame(X)
    # a copy: what becomes of the table changes no completion of what was fitted
    if is_named(given):
        model._frame = given.copy()
    elif wrapped is not None:
        model._frame = wrapped.clone().to_native()
    if planned.path is not None:
        model.rank_path_ = planned.path


def _read_columns(model: Any, X: Any) -> tuple[FrameKinds, CompletionPlan, bool]:
    """Return what the columns of a table hold, the plan for them, and whether levels are fitted as numbers.

    What a fitted estimator knows of them is set, and what takes no part in the fit is warned of.
    """
    form = form_of(model)
    kinds, plan = read_kinds(X, form), plan_of(model)
    # Bayesian methods fit levels as numbers
    numbers = is_auto(model.loss) and plan.decide_method() != "map"
    kinds = kinds.with_words() if numbers else kinds.without_words()
    totals, unconfirmed = totals_of(X, kinds.levels, kinds.untouched, form, kinds.written)
    sums = {} if totals is None else {totals.names[one.place]: totals.parts_of(one) for one in totals.columns}
    kinds = replace(kinds, untouched={**kinds.untouched, **sums})
    model._sums = FoundSums.of(totals)
    model._sums.check_settings(plan.by_column)
    model._counts = find_counts(X, kinds.levels, kinds.written)
    model._signed = find_signed(X, kinds.levels, kinds.untouched.keys() - sums.keys(), kinds.written)
    model.levels_, model.untouched_ = kinds.levels, tuple(kinds.untouched)
    model._written = kinds.written
    model.label_column_, model._time = kinds.labels, kinds.time
    warn_of_untouched(kinds.untouched, model.loss)
    warn_of_marks(X, model.levels_)
    warn_of_written(kinds.written)
    penalised = plan.decide_method() == "map"
    warn_of_bounds(X, kinds.written, model.untouched_, model.censored, penalised=penalised)
    warn_of_totals(totals, unconfirmed)
    suited = {} if numbers else kinds.losses
    plan = replace(plan, loss=chosen_losses(plan.loss, is_auto(model.loss), suited, model.levels_))
    plan.decide_method()
    return kinds, plan, numbers


def fit_cells(model: Any, table: CellTable, where: str, beside: Beside) -> None:
    """Fit a `MatrixCompletion` to a table whose cells are not in memory.

    Parameters
    ----------
    model : MatrixCompletion
    table : CellTable
    where : str
        Where the cells are, for errors.
    beside : Beside

    Raises
    ------
    UnsupportedError
        If something is asked for that is there for tables in memory only.
    InvalidInputError
        If a setting, the table or the covariates cannot be used.
    """
    plan, fix = plan_of(model), "fit the table in memory"
    refuse_elsewhere(plan, where)
    plan.decide_method()
    if beside.sample_weight is not None:
        raise UnsupportedError(f"tables {where} have no weights", "sample_weight", fix=fix)
    for name in ("as_data", "as_is", "as_total", "dates"):
        if len(getattr(model, name) or ()):
            raise UnsupportedError(
                f"tables {where} have no columns that are no data", name, fix="leave it out"
            )
    if model.censored != "within":
        raise UnsupportedError(f"tables {where} have no censored cells", "censored", fix="leave it out")
    for name in ("row_order", "column_order"):
        order = getattr(beside, name)
        if not (order is None or is_auto(order)):
            raise UnsupportedError(f"tables {where} have no order of rows or columns", name, fix=fix)
    check_effort(model.effort)
    check_certify(model.certify)
    cells, labels = table.cells, table.labels
    if str(cells.dtype) != model.dtype:
        raise InvalidInputError(
            "the precision of X is not that of the fit",
            f"{cells.dtype}, dtype {model.dtype!r}",
            fix="give the table and the estimator the same dtype",
        )
    rank_or_auto(model.rank, cells.shape)
    about, rng = beside.covariates(cells.shape, (labels.rows, labels.columns), keyed=True), model._generator()
    with shown(model.verbose):
        fit, certificate = _judged_elsewhere(
            model, fit_elsewhere(table, plan, where, rng=rng, covariates=about), rng
        )
    warn_of_limit(fit.search, stacklevel=4)
    vars(model).pop("feature_names_in_", None)  # left over from an earlier fit
    model.levels_, model.untouched_, model.label_column_ = {}, (), ""
    model._time, model._sums, model._written = ("", ""), FoundSums(), {}
    model._counts = model._signed = ()
    model.n_features_in_ = cells.shape[1]
    _keep(model, Completed(fit.table, audit=fit.audit), certificate, rng)
    model._is_single = False  # as the fit has it
    model._elsewhere = cells  # rankings ask which cells of a row are known
    model.search_, model.n_iter_ = fit.search, max(1, fit.search.iterations)


def _judged(
    model: Any, planned: PlannedFit, rng: np.random.Generator
) -> tuple[Completed, Certificate | None]:
    """Return a fit with what is proved about it, None if nothing is asked for or it is interrupted."""
    completed = planned.completed()
    if not model.certify or planned.table.stop_reason is StopReason.INTERRUPTED:
        return completed, None
    return unless_interrupted(lambda: judge_again(model, completed, rng), "judging") or (completed, None)


def judge_again(model: Any, completed: Completed, rng: np.random.Generator) -> tuple[Completed, Certificate]:
    """Return a completed table with what is proved about it, as an estimator asks for it."""
    return judge_completed(completed, rng, model.effort, companion=model.certify == COMPANION)


def check_certify(certify: Any) -> None:
    """Raise unless `certify` is true, false or "companion"."""
    if not (isinstance(certify, bool | np.bool_) or certify == COMPANION):
        raise InvalidInputError(
            f'certify must be True, False or "{COMPANION}"', repr(certify), fix="use one of these"
        )


def _judged_elsewhere(
    model: Any, fit: ElsewhereFit, rng: np.random.Generator
) -> tuple[ElsewhereFit, Certificate | None]:
    """Return a fit of cells that are not in memory with its certificate, None as of those in memory."""
    if not model.certify or fit.last_search.stop_reason is StopReason.INTERRUPTED:
        return fit, None
    companion = model.certify == COMPANION
    judged = unless_interrupted(
        lambda: judge_elsewhere(fit, rng, model.effort, companion=companion), "judging"
    )
    return judged or (fit, None)


def _keep(
    model: Any, completed: Completed, certificate: Certificate | None, rng: np.random.Generator
) -> None:
    """Set the attributes of an estimator."""
    for name in ("noise_", "rank_path_", "fit_work_"):  # left over from an earlier fit by another method
        vars(model).pop(name, None)
    model.method_, model.certificate_ = completed.table.method, certificate
    if completed.plain_fits is not None:
        model.fit_work_ = completed.plain_fits
    model._set(replace(completed, seed=int(rng.integers(2**63))))
