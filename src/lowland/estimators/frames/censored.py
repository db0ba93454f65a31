"""Cells of data frames that say no more than a bound of their number, such as "<0.05"."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.observations import Observations
from lowland.core.parameter_checks import check_choice
from lowland.estimators.frames.held import PLAIN, Written
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.beside_numbers import CENSORED, DONE
from lowland.files.numerals import Numerals

# what may be done with such cells: all that files offer but to refuse them
WAYS = tuple(way for way in CENSORED if way != "error")


def sides_in(series: Any, numerals: Numerals = PLAIN) -> NDArray[np.int8]:
    """Return on which side of what they say the numbers of a column's cells lie, 0 if they are known."""
    if numerals.beside.censored == "error":
        return np.zeros(len(series), np.int8)
    sides = [numerals.beside.side(cell) if isinstance(cell, str) else 0 for cell in series.to_list()]
    return np.array(sides, np.int8)


def sides_of(frame: Any, written: Written, untouched: Collection[Any]) -> NDArray[np.int8] | None:
    """Return the sides of all cells of a frame's fitted columns, None if all numbers are known.

    Parameters
    ----------
    frame : data frame or anything else
    written : mapping of str to Numerals
        How columns of text write numbers.
    untouched : collection
        Columns without a part in the fit.
    """
    wrapped = wrap_frame(frame)
    if wrapped is None or all(one.beside.censored == "error" for one in written.values()):
        return None
    fitted = [one for one in wrapped.iter_columns() if one.name not in untouched]
    return np.stack([sides_in(one, written.get(one.name, PLAIN)) for one in fitted], axis=1)


def as_asked(model: Any, table: Observations, *, fitting: bool) -> Observations:
    """Return a table with its censored cells as an estimator takes them.

    Parameters
    ----------
    model : MatrixCompletion
    table : Observations
    fitting : bool
        Whether it is to be fitted, not held against a fit, which method "map" made of bounds as values.
    """
    check_choice("censored", model.censored, WAYS)
    if table.censored is None:
        return table
    if model.censored == "missing":
        return table.exact()
    of_map = not fitting and model.method_ == "map"
    return replace(table, censored=None) if of_map or model.censored == "bound" else table


def warn_of_bounds(
    frame: Any, written: Written, untouched: Collection[Any], how: str, *, penalised: bool
) -> None:
    """Warn that cells of a frame are bounds of numbers, with what is done with them."""
    check_choice("censored", how, WAYS)
    wrapped, sides = wrap_frame(frame), sides_of(frame, written, untouched)
    if sides is None or not sides.any():
        return
    fitted = [name for name in wrapped.columns if name not in untouched]
    names = ", ".join(repr(fitted[j]) for j in np.flatnonzero(sides.any(axis=0)).tolist())
    done = DONE["bound" if penalised and how == "within" else how]
    warnings.warn(
        f"{int(np.count_nonzero(sides))} cells of {names} are bounds of numbers, {done}; "
        f"censored says otherwise ({', '.join(map(repr, WAYS))})",
        stacklevel=4,
    )
