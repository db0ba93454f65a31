"""Estimators fitted to tables whose cells are not in memory: on the disk, or on a cluster."""

from __future__ import annotations

from typing import Any

from lowland.cells.sides import CellTable
from lowland.completion.elsewhere.fit import fit_elsewhere, refuse_elsewhere
from lowland.completion.planned_fit import check_effort
from lowland.completion.tables.completed import Completed
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.estimators.judging import judged
from lowland.estimators.plans import is_auto, plan_of
from lowland.estimators.table_input import covariates_of, rank_or_auto


def fit_to_cells(
    model: Any,
    table: CellTable,
    where: str,
    sample_weight: Any,
    row_covariates: Any,
    column_covariates: Any,
    row_order: Any = "auto",
    column_order: Any = "auto",
) -> None:
    """Fit an estimator to a table whose cells are elsewhere.

    Parameters
    ----------
    model : MatrixCompletion
    table : CellTable
    where : str
        Where the cells are, for errors.
    sample_weight, row_covariates, column_covariates, row_order, column_order
        As passed to `fit`.

    Raises
    ------
    UnsupportedError
        If something is asked for that is there for tables in memory only.
    InvalidInputError
        If a setting, the table or the covariates cannot be used.
    """
    plan, fix = plan_of(model), "fit the table in memory"
    refuse_elsewhere(plan, where)
    if sample_weight is not None:
        raise UnsupportedError(f"tables {where} have no weights", "sample_weight", fix=fix)
    for name, order in (("row_order", row_order), ("column_order", column_order)):
        if not (order is None or is_auto(order)):
            raise UnsupportedError(f"tables {where} have no order of rows or columns", name, fix=fix)
    check_effort(model.effort)
    cells, labels = table.cells, table.labels
    if str(cells.dtype) != model.dtype:
        raise InvalidInputError(
            "the precision of X is not that of the fit",
            f"{cells.dtype}, dtype {model.dtype!r}",
            fix="give the table and the estimator the same dtype",
        )
    rank_or_auto(model.rank, cells.shape)
    about = (
        covariates_of(row_covariates, cells.shape[0], labels.rows, "row_covariates", keyed=True),
        covariates_of(column_covariates, cells.shape[1], labels.columns, "column_covariates"),
    )
    rng = model._generator()
    found = fit_elsewhere(table, plan, where, rng=rng, covariates=about)
    fit, certificate = judged(found, rng, model.effort if model.certify else None)
    for name in ("noise_", "rank_path_", "feature_names_in_"):  # left over from an earlier fit
        vars(model).pop(name, None)
    model.levels_, model.untouched_ = {}, ()
    model.n_features_in_, model.method_, model.certificate_ = cells.shape[1], fit.table.method, certificate
    model._set(Completed(fit.table, int(rng.integers(2**63))))
    model._elsewhere = cells  # rankings ask which cells of a row are known
    model.search_, model.n_iter_ = fit.search, max(1, fit.search.iterations)
