"""Rows and columns of data frames that are sums or statistics of others: found as in files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from typing import Any, Protocol

import numpy as np

from lowland.completion.bounded.layer import limits_of
from lowland.completion.tables.completed import Completed
from lowland.core.arrays import Matrix
from lowland.core.cells.labels import label_text
from lowland.core.cells.observations import Observations
from lowland.estimators.frames.counts import find_counts, whole_columns
from lowland.estimators.frames.filled import decode
from lowland.estimators.frames.held import Written
from lowland.estimators.frames.kinds import Levels, encode
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.columns.finding_totals import (
    FoundSums,
    called_lines,
    check_names,
    find_totals,
    unconfirmed,
)
from lowland.files.columns.summary_names import kind_of
from lowland.files.columns.table_totals import Totals
from lowland.files.frames import Columns, frame_columns, index_labels
from lowland.files.table_format import TableFormat


class KnowsColumns(Protocol):
    """An estimator as far as it knows what the columns of a data frame hold."""

    as_data: Any
    as_is: Any
    as_total: Any
    dates: str | None
    levels_: Levels
    untouched_: tuple[Any, ...]
    _written: Written
    _sums: FoundSums
    _counts: tuple[Any, ...]
    _signed: tuple[Any, ...]
    _completed: Completed


def form_of(model: KnowsColumns) -> TableFormat:
    """Return what a person says of the columns and rows of a data frame."""
    return TableFormat(as_data=model.as_data, as_is=model.as_is, as_total=model.as_total, dates=model.dates)


def totals_of(
    frame: Any,
    levels: Levels,
    untouched: Collection[Any],
    said: TableFormat,
    written: Written,
    fitted: FoundSums | None = None,
) -> tuple[Totals | None, list[str]]:
    """Return which rows and columns of a frame are sums or statistics of others, and rows only called so.

    Parameters
    ----------
    frame : data frame or anything else
    levels : dict of str to tuple
    untouched : collection
        Columns without a part in the fit.
    said : TableFormat
    written : mapping of str to Numerals
        How columns of text write numbers.
    fitted : FoundSums, optional
        What a fit has found of columns; by default it is found.

    Raises
    ------
    InvalidInputError
        If a fit is told of columns or rows that are not there, or of totals that are none.
    """
    import narwhals as nw

    wrapped = wrap_frame(frame)
    if wrapped is None:
        return None, []
    # of pandas, the index comes first
    texts = _index_words(wrapped)
    for series in wrapped.iter_columns():  # whose names may have levels, by which nothing is selected
        if not series.dtype.is_numeric() and series.dtype != nw.Boolean:
            texts |= frame_columns(series.to_frame().to_native())
    names = list(map(str, wrapped.columns))
    called = called_lines(texts, said, names)
    if fitted is None:
        check_names(said, names, called, "the data frame")
    elif not any(called) and not fitted:
        return None, []
    sums = () if fitted is None else fitted.sums
    numbers = wrap_frame(encode(frame, levels, [name for name in untouched if name not in sums], written))
    columns = {
        str(one.name): np.asarray(one.cast(nw.Float64).to_numpy(), float) for one in numbers.iter_columns()
    }
    totals = find_totals(columns, called, said, levels=set(map(str, levels)), fitted=fitted)
    return totals, unconfirmed(called, said, totals)


def _index_words(wrapped: Any) -> Columns:
    """Return the index of a pandas frame as columns of labels, one per level; none if it only counts."""
    import narwhals as nw

    index = nw.maybe_get_index(wrapped)
    if index is None or index.nlevels == 1:
        return index_labels(wrapped)
    levels = range(index.nlevels)
    return {f"level {k}": np.array([label_text(x) for x in index.get_level_values(k)]) for k in levels}


def totals_in(model: KnowsColumns, frame: Any) -> Totals | None:
    """Return which rows and columns of a frame are sums of others, of columns those that a fit found."""
    return totals_of(frame, model.levels_, model.untouched_, form_of(model), model._written, model._sums)[0]


def without_totals(model: KnowsColumns, frame: Any, table: Observations) -> Observations:
    """Return the observed cells of a frame without those of rows that are sums or statistics of others."""
    totals = totals_in(model, frame)
    return table if totals is None else table.select(~totals.is_row[table.rows])


def summed(model: KnowsColumns, frame: Any, filled: Matrix) -> Matrix:
    """Return the fitted columns of a frame with its holes filled, its rows of totals as sums."""
    totals = totals_in(model, frame)
    if totals is None:
        return filled
    made = totals.complete(filled, limits=limits_of(model._completed.model))[:, totals.fitted]
    made = made.astype(filled.dtype, copy=False)
    known = totals.cells[:, totals.fitted]
    made = np.where(np.isnan(made), filled, made)
    return np.where(np.isnan(known), made, known.astype(filled.dtype))


def summed_decoder(
    model: KnowsColumns, frame: Any, *, means: bool = False, drawn: bool = False
) -> Callable[[Matrix], Any]:
    """Return what fills the holes of a frame as `decode`, totals as sums of what fills their parts.

    What is found in the frame is found once, however many tables fill it.
    """
    totals, untouched = totals_in(model, frame), model.untouched_
    counts = () if means else find_counts(frame, model.levels_, model._written, model._counts)
    if totals is not None:
        untouched = tuple(name for name in untouched if str(name) not in totals.names)
        decimals = np.full(len(totals.names), np.inf)
        whole = whole_columns(frame, untouched, model.levels_, model._written, counts)
        decimals[[] if means else whole] = 0

    def decoded(filled: Matrix) -> Any:
        if totals is not None:
            filled = totals.complete(filled, decimals, limits_of(model._completed.model))
        return decode(
            frame,
            filled,
            model.levels_,
            untouched,
            model._written,
            counts=counts,
            signed=model._signed,
            means=means,
            drawn=drawn,
        )

    return decoded


def warn_of_totals(totals: Totals | None, plain: Collection[str]) -> None:
    """Warn of rows that take no part in a fit since they are sums of others, and of those only called so."""
    said = [] if totals is None else totals.warned
    for name in [*plain][:1]:
        said.append(
            f"row {name!r} is fitted as data: it is not the {kind_of(name)} of others; "
            f"as_is=[{name!r}] leaves it out"
        )
    for words in said:
        warnings.warn(words, stacklevel=4)
