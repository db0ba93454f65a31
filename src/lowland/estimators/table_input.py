"""Convert the input of estimators to observations, covariates and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_array

from lowland.bayes.graph_places import is_graph
from lowland.bayes.side_orders import coordinates_of, orders_of
from lowland.completion.bayesian.features import check_covariates
from lowland.core.arrays import Matrix
from lowland.core.cells.labels import find_labels
from lowland.core.cells.observations import Labels, Observations
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.data_arrays import as_table
from lowland.estimators.frames.kinds import encode, read_kinds
from lowland.estimators.frames.roles import index_of
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.covariates import Covariates, read_covariates
from lowland.files.frames import frame_columns
from lowland.files.graphs import Graph
from lowland.files.shapes.assembling import list_roles


def observations_of(table: Any, labels: Any, rows: Any = None) -> Observations:
    """Return an already checked array or SciPy sparse array as observations."""
    if hasattr(table, "tocoo"):
        entries = table.tocoo()
        return Observations.from_triples(
            entries.row, entries.col, entries.data, shape=entries.shape, row_labels=rows, column_labels=labels
        )
    return Observations.from_array(table, row_labels=rows, column_labels=labels)


def observed_table(X: Any) -> Observations:
    """Return a table of any kind that estimators take as observations, in float64 and with its labels."""
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float64), np.nan)
    rows = index_of(X)
    X = as_table(X)
    if isinstance(X, Observations):
        return X
    kinds = read_kinds(X)
    numbers = encode(X, kinds.levels, kinds.untouched, kinds.written)
    checked = check_array(
        numbers, accept_sparse=["coo", "csr"], dtype="float64", ensure_all_finite="allow-nan"
    )
    named = getattr(numbers, "columns", None)
    names = None if named is None else list(named)
    labels = np.asarray(names, dtype=object) if names and all(isinstance(one, str) for one in names) else None
    return observations_of(checked, labels, rows)


def refuse_list(frame: Any) -> None:
    """Raise if a data frame looks like a list of cells (row, column, value) instead of a table."""
    wrapped = wrap_frame(frame)
    if wrapped is None or len(wrapped.columns) < 3:
        return
    if not all(isinstance(name, str) for name in wrapped.columns):
        return
    roles = list_roles(frame_columns(wrapped.head(10_000).to_native()))
    if roles:
        row, column, value = map(repr, roles)
        raise InvalidInputError(
            "the data frame looks like a list of cells, not like a table with one line per row",
            f"columns {', '.join(map(repr, wrapped.columns[:6]))}",
            "fitted as it is, labels would be taken for data",
            f"fit Observations.from_frame(frame, row={row}, column={column}, value={value}), or, if it is a "
            "table, its values as an array",
        )


def covariates_of(
    given: Any, length: int, labels: Labels | None, name: str, *, keyed: bool = True
) -> Matrix | None:
    """Return covariates as numbers in the order of a table's rows or columns.

    Parameters
    ----------
    given : array_like, data frame, Covariates or None
        Arrays are in the table's order. If the table has labels, frames are matched by their index, or by
        their first column if the index only counts the rows; `Covariates` are always matched by label.
    length : int
        Number of rows or columns.
    labels : ndarray or None
        Labels of the rows or columns.
    name : str
        Name of the argument, for error messages.
    keyed : bool
        Whether a frame without an index is matched by its first column; otherwise it is in the table's
        order.
    """
    if given is None:
        return None
    framed = not isinstance(given, Covariates) and getattr(given, "columns", None) is not None
    if framed and labels is not None:
        names = index_of(given)
        if names is not None:
            given = np.ascontiguousarray(np.asarray(given)[find_labels(labels, names, "label", where=name)])
        elif keyed:
            given = read_covariates(given)
    if isinstance(given, Covariates):
        given = given.in_order(labels, name)
    return check_covariates(given, length, name)


def order_of(given: Any, labels: Labels | None, side: str) -> Any:
    """Return an order as it is given, and a graph as weights between the table's lines."""
    return given.in_order(labels, side) if isinstance(given, Graph) else given


def with_places(
    about: Matrix | None,
    fitted: tuple[int, bool],
    given: Any,
    table: Observations,
    dates: Labels | None = None,
) -> Matrix | None:
    """Return covariates of rows with their coordinates, where the fit found rows in order.

    Parameters
    ----------
    about : ndarray, shape (k, c), or None
    fitted : tuple of (int, bool)
        How many coordinates the fit has, 0 if it found no order, and whether labels said them.
    given : array_like or None
        Coordinates of the rows; by default what their labels say, if those of the fit did. Without either
        they are not known.
    table : Observations
        The rows.
    dates : ndarray of str, optional
        Their dates, which take the place of their labels.
    """
    coordinates, labelled = fitted
    if not coordinates:
        return about
    length = table.shape[0]
    if given is None:
        places = coordinates_of(table.row_labels if dates is None else dates) if labelled else None
    elif is_graph(given):
        raise InvalidInputError(
            "row_order of other rows cannot be a graph",
            "a sparse array",
            fix="leave it out: their place is not known",
        )
    else:
        rows = orders_of((given, None), (length, 0), (table.row_labels, None)).rows
        places = None if rows is None else np.asarray(rows)
    if places is None or places.shape[1] != coordinates:
        if given is not None:
            raise InvalidInputError(
                "row_order has other coordinates than the fit",
                f"{np.shape(given)}",
                fix=f"pass {coordinates}",
            )
        return about
    return places if about is None else np.column_stack([about, places])


def number_at_least_zero(value: Any, name: str) -> float:
    """Return a setting that must be a number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value >= 0:
        raise InvalidInputError(f"{name} must be a number of at least 0", repr(value))
    return float(value)


def rank_or_auto(rank: Any, shape: tuple[int, int]) -> int | None:
    """Return a rank that fits the table, or None for "auto"."""
    if isinstance(rank, str) and rank == "auto":
        return None
    if isinstance(rank, bool) or not isinstance(rank, int | np.integer) or not 1 <= rank <= min(shape):
        raise InvalidInputError(
            "rank does not fit the table",
            f"rank {rank!r}, n_samples = {shape[0]}, n_features = {shape[1]}",
            fix=f'use 1 <= rank <= {min(shape)}, or "auto"',
        )
    return int(rank)


def flag(value: Any, name: str) -> bool:
    """Return a boolean setting."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidInputError(f"{name} must be a boolean", repr(value), fix="use True or False")
    return bool(value)


def flag_or_auto(value: Any, name: str) -> bool | None:
    """Return a boolean setting, or None for "auto"."""
    if isinstance(value, str) and value == "auto":
        return None
    if not isinstance(value, bool | np.bool_):
        raise InvalidInputError(
            f'{name} must be a boolean or "auto"', repr(value), fix='use True, False or "auto"'
        )
    return bool(value)


def as_positions(values: ArrayLike, name: str) -> Any:
    """Return one label or position as a list of one."""
    array = np.asarray(values, dtype=None if isinstance(values, np.ndarray) else object)
    if array.ndim:
        raise InvalidInputError(f"{name} must be one label or position", f"{array.size} values")
    return [array.item()]


def weigh_rows(observations: Observations, sample_weight: ArrayLike) -> Observations:
    """Return a table whose cells have the weights of their rows; rows of weight zero lose their cells."""
    weight = np.asarray(sample_weight, dtype=observations.values.dtype)
    if weight.shape != (observations.shape[0],) or not (
        np.isfinite(weight).all() and weight.min(initial=0) >= 0
    ):
        raise InvalidInputError(
            "sample_weight must hold one finite number of at least 0 per row",
            f"shape {weight.shape} for {observations.shape[0]} rows, minimum {weight.min(initial=0)}",
        )
    if not weight.any():
        raise InvalidInputError(
            "every sample_weight is zero", "nothing to fit", fix="give at least one row a positive weight"
        )
    cells = weight[observations.rows]
    kept = observations.select(cells > 0)  # a row of weight zero is a row without observations
    return replace(kept, weights=cells[cells > 0])
