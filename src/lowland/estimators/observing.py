"""What a fit, and a fitted estimator, see of a table: its observed cells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from lowland.cells.sides import CellTable
from lowland.core.arrays import check_size
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.censored import as_asked, sides_of
from lowland.estimators.frames.data_arrays import as_table
from lowland.estimators.frames.kinds import encode
from lowland.estimators.frames.refused import in_words
from lowland.estimators.frames.roles import rows_named_in
from lowland.estimators.frames.totals import without_totals
from lowland.estimators.frames.wrapping import in_order
from lowland.estimators.table_input import observations_of
from lowland.files.columns.sentinels import warn_of_sentinels


def observe(model: Any, X: Any, *, reset: bool, rows: bool = False, ordered: bool = True) -> Observations:
    """Return the observed cells of a table in its own precision, single if all of it is, else double.

    Rows of a data frame that are sums of others have none.

    Parameters
    ----------
    model : MatrixCompletion
    X : array_like, data frame, DataArray, sparse array or Observations
    reset : bool
        Whether they are those of a fit, which sets the number of features and their names.
    rows : bool
        Whether rows of `Observations` are aligned with those of the fit too.
    ordered : bool
        Whether columns of other rows must stand in the order of the fit; otherwise they go by name.
    """
    if isinstance(X, CellTable):
        raise InvalidInputError(
            "tables on the disk can be fitted, and those on a cluster by a DaskMatrixCompletion",
            type(X).__name__,
            fix="pass arrays, data frames or Observations for anything else",
        )
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float32 if X.dtype == np.float32 else np.float64), np.nan)
    named, frame = rows_named_in(X, model.label_column_), as_table(X)
    frame = frame if ordered else by_name(model, frame)
    X = encode(frame, model.levels_, model.untouched_, model._written)
    table = (
        _aligned(model, X, reset, rows) if isinstance(X, Observations) else _checked(model, X, reset, named)
    )
    sides = sides_of(frame, model._written, model.untouched_)
    if sides is not None and sides.any():
        table = replace(table, censored=sides[table.rows, table.columns])
    table = as_asked(model, without_totals(model, frame, table), fitting=reset)
    if not reset:  # a fit asks more
        check_size("X", in_precision(table, model.dtype).values)
    return table


def by_name(model: Any, frame: Any) -> Any:
    """Return a data frame with its columns in the order of the fit, if it has them all and no others."""
    return in_order(frame, getattr(model, "feature_names_in_", ()), model.untouched_)


def in_precision(table: Observations, dtype: str) -> Observations:
    """Return a table in the precision of a fit."""
    if dtype not in ("float64", "float32"):
        raise InvalidInputError("dtype is unknown", repr(dtype), fix='use "float64" or "float32"')
    with np.errstate(over="ignore"):  # infinite values are refused where they are checked
        return table.in_precision(dtype)


def _aligned(model: Any, table: Observations, reset: bool, rows: bool) -> Observations:
    if reset:
        model.n_features_in_ = table.shape[1]
    else:
        table = model._completed.labels.align(table, rows=rows)
    if table.shape[1] != model.n_features_in_:
        raise InvalidInputError(
            "the number of columns differs from the fit",
            f"{table.shape[1]} columns, {model.n_features_in_} in the fit",
        )
    return table


def _checked(model: Any, X: Any, reset: bool, named: Any) -> Observations:
    try:
        table = validate_data(
            model,
            X,
            reset=reset,
            accept_sparse=["coo", "csr"],
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            ensure_min_samples=1,
        )
    except ValueError as error:
        raise in_words(error, X, getattr(model, "feature_names_in_", None)) from None
    names = getattr(model, "feature_names_in_", None)
    if reset and names is not None and isinstance(table, np.ndarray):
        warn_of_sentinels(dict(zip(names.tolist(), table.T, strict=True)))
    return observations_of(table, names, named)
