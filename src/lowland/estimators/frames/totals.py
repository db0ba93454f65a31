"""Rows and columns of data frames that are sums of others: found as in files."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.cells.observations import Observations
from lowland.estimators.frames.filled import decode, whole_columns
from lowland.estimators.frames.held import Written
from lowland.estimators.frames.kinds import Levels, encode
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.columns.table_totals import Totals, called_totals, find_totals
from lowland.files.columns.totals import is_total
from lowland.files.frames import frame_columns

Sums = Mapping[str, Sequence[str]]


def totals_of(
    frame: Any,
    levels: Levels,
    untouched: Collection[Any],
    data: Collection[str],
    written: Written,
    sums: Sums | None = None,
) -> Totals | None:
    """Return which rows and columns of a frame are sums of others; None if none is, or it is no frame.

    Parameters
    ----------
    frame : data frame or anything else
    levels : dict of str to tuple
    untouched : collection
        Columns without a part in the fit.
    data : collection of str
        Columns and rows that are data whatever they are called.
    written : mapping of str to Numerals
        How columns of text write numbers.
    sums : mapping of str to sequence of str, optional
        Columns that are totals, with their parts, if a fit has found them.
    """
    import narwhals as nw

    wrapped = wrap_frame(frame)
    if wrapped is None or not all(isinstance(name, str) for name in wrapped.columns):
        return None
    words = [s.name for s in wrapped.iter_columns() if not s.dtype.is_numeric() and s.dtype != nw.Boolean]
    # without columns, what is left is the index
    called = called_totals(list(frame_columns(wrapped.select(words).to_native()).values()))
    sums = None if sums is None else {name: parts for name, parts in sums.items() if name in wrapped.columns}
    if not any(called) and not (any(map(is_total, wrapped.columns)) if sums is None else sums):
        return None
    left = [name for name in untouched if name not in (sums or ())]
    numbers = wrap_frame(encode(frame, levels, left, written))
    columns = {one.name: np.asarray(one.cast(nw.Float64).to_numpy(), float) for one in numbers.iter_columns()}
    return find_totals(columns, called, levels=levels, data=data, sums=sums)


def totals_in(model: Any, frame: Any) -> Totals | None:
    """Return which rows and columns of a frame are sums of others, of columns those that a fit found."""
    return totals_of(frame, model.levels_, model.untouched_, model.as_data, model._written, model._sums)


def without_totals(model: Any, frame: Any, table: Observations) -> Observations:
    """Return the observed cells of a frame without those of rows that are sums of others."""
    totals = totals_in(model, frame)
    return table if totals is None else table.select(~totals.is_row[table.rows])


def summed(model: Any, frame: Any, filled: Matrix) -> Matrix:
    """Return the fitted columns of a frame with its holes filled, its rows of totals as sums."""
    totals = totals_in(model, frame)
    if totals is None:
        return filled
    made = totals.complete(filled)[:, totals.fitted].astype(filled.dtype, copy=False)
    known = totals.cells[:, totals.fitted]
    made = np.where(np.isnan(made), filled, made)
    return np.where(np.isnan(known), made, known.astype(filled.dtype))


def decode_summed(model: Any, frame: Any, filled: Matrix, *, means: bool = False) -> Any:
    """Return a frame with its holes filled, as `decode`, totals as sums of what fills their parts."""
    totals, untouched = totals_in(model, frame), model.untouched_
    if totals is not None:
        untouched = tuple(name for name in untouched if name not in totals.names)
        whole = np.zeros(len(totals.names), bool)
        whole[[] if means else whole_columns(frame, untouched, model.levels_, model._written)] = True
        filled = totals.complete(filled, whole)
    return decode(frame, filled, model.levels_, untouched, model._written, means=means)


def warn_of_total_rows(totals: Totals | None) -> None:
    """Warn that rows are sums of others, and take no part in a fit."""
    if totals is not None and totals.rows:
        warnings.warn(
            f"rows that are sums of others take no part in the fit, and are filled as such: "
            f"{totals.row_names}; name those that are data in as_data",
            stacklevel=4,
        )
