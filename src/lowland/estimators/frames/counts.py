"""Columns of data frames that hold whole numbers, by their kind or by value, and what fills these."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.estimators.frames.held import PLAIN, Written, are_values, manner_of, missing_cells
from lowland.estimators.frames.kinds import Levels, encode
from lowland.estimators.frames.refused import listed
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.writing.manners import WHOLES, are_counts, whole_fill

# kinds of whole numbers, by the names that NumPy has for them
KINDS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def whole_columns(
    frame: Any,
    untouched: Collection[Any] = (),
    levels: Mapping[Any, Any] = MappingProxyType({}),
    written: Written = MappingProxyType({}),
    counts: Collection[Any] = (),
) -> Indices:
    """Return which fitted columns of a frame hold whole numbers, by kind or name, or as cells of objects."""
    wrapped = wrap_frame(frame)
    columns = [] if wrapped is None else [c for c in wrapped.iter_columns() if c.name not in untouched]
    whole = [one.name in counts or _are_whole(one, levels, written) for one in columns]
    return np.flatnonzero(whole)


def _are_whole(series: Any, levels: Mapping[Any, Any], written: Written) -> bool:
    if are_values(series) or series.name in levels:
        return bool(series.dtype.is_integer())
    manner = manner_of(series, written.get(series.name, PLAIN))
    return manner.numbers and manner.whole and manner.seen > 0


def find_counts(
    frame: Any, levels: Collection[Any], written: Written, among: Collection[Any] | None = None
) -> tuple[Any, ...]:
    """Return the columns of whole numbers of a fit, or those of other rows whose kind does not say so.

    Pandas makes 2.0 of 2 beside a gap.

    Parameters
    ----------
    frame : data frame or anything else
    levels : collection
        Columns that hold levels.
    written : mapping of str to Numerals
        How columns of text write numbers.
    among : collection, optional
        Columns of which so much is known: only those that hold another number are left out, and those whose
        kind says it. By default all, where their kind or ten cells at least tell it.
    """
    wrapped, fitted = wrap_frame(frame), among is None
    least = WHOLES if fitted else 0
    found = []
    for series in () if wrapped is None else wrapped.iter_columns():
        if series.name in levels or not (among is None or series.name in among):
            continue
        if not are_values(series):
            manner = manner_of(series, written.get(series.name, PLAIN))
            said = manner.whole and manner.seen > 0
            counts = manner.numbers and (fitted if said else manner.even and manner.seen >= least)
        elif series.dtype.is_integer():
            counts = fitted
        else:
            counts = are_counts(series.to_numpy().astype(np.float64), least)
        if counts:
            found.append(series.name)
    return tuple(found)


def find_signed(
    frame: Any, levels: Levels, untouched: Collection[Any], written: Written = MappingProxyType({})
) -> tuple[Any, ...]:
    """Return the columns of a frame that hold a number below zero: other rows may, too."""
    wrapped = wrap_frame(encode(frame, levels, untouched, written))
    found = []
    for series in () if wrapped is None else wrapped.iter_columns():
        numbers = series.drop_nulls().to_numpy().astype(np.float64)
        if (numbers < 0).any():
            found.append(series.name)
    return tuple(found)


def counted(fills: Vector, known: Vector, *, signed: bool = False) -> list[float]:
    """Return fills among whole numbers as such; `signed` says that one of the fit was negative."""
    least = -1.0 if signed else float(np.nanmin(known)) if not np.isnan(known).all() else 0.0
    return [float(whole_fill(fill, least)) for fill in fills.tolist()]


def counted_within(series: Any, fills: Vector, *, signed: bool = False) -> list[int]:
    """Return fills of a column of whole numbers within the range of its kind, and warn of those beyond it.

    `signed` says that one of the fit was negative.
    """
    known, kind = series.drop_nulls(), str(series.dtype).lower()
    least = -1 if signed else known.min() if len(known) else 0
    cells = [whole_fill(fill, least) for fill in fills.tolist()]
    limits = np.iinfo(kind if kind in KINDS else "int64")
    beyond = [cell for cell in cells if not limits.min <= cell <= limits.max]
    if beyond:
        warnings.warn(
            f"column {series.name!r} is filled within what {kind} holds, {limits.min} to {limits.max}, which "
            f"{len(beyond)} fills are not, such as {beyond[0]}; make it a wider kind, or pass means=True",
            stacklevel=5,
        )
    return [min(max(cell, int(limits.min)), int(limits.max)) for cell in cells]


def warn_of_counts(model: Any, frame: Any, stacklevel: int) -> None:
    """Warn of floats that are filled by whole numbers.

    Parameters
    ----------
    model : MatrixCompletion
    frame : data frame or anything else
        What is to be filled.
    stacklevel : int
    """
    wrapped = wrap_frame(frame)
    named = [name for name in model._counts if name not in model.untouched_ or name in model._sums.sums]
    guessed = [
        name
        for name in find_counts(frame, model.levels_, model._written, named)
        if any(missing_cells(wrapped.get_column(name)))
    ]
    if guessed:
        warnings.warn(
            f"columns of floats that are all whole are filled by whole numbers: {listed(guessed)}; pass "
            "means=True to keep means, or means=False if whole numbers are right",
            stacklevel=stacklevel,
        )
