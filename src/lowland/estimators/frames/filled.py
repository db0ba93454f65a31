"""Data frames with their holes filled, and a check that no cell that held something differs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observed_cells import changed, check_kept
from lowland.estimators.frames.censored import sides_in
from lowland.estimators.frames.counts import counted, counted_within
from lowland.estimators.frames.held import (
    PLAIN,
    Written,
    are_values,
    is_empty,
    is_mark,
    known_cells,
    manner_of,
    missing_cells,
    of_the_same_kind,
)
from lowland.estimators.frames.kinds import Levels
from lowland.estimators.frames.placing import place
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.beside_numbers import is_censored
from lowland.files.numerals import Numerals


def decode(  # noqa: PLR0913
    frame: Any,
    filled: Matrix,
    levels: Levels,
    untouched: Collection[Any] = (),
    written: Written = MappingProxyType({}),
    *,
    counts: Collection[Any] = (),
    signed: Collection[Any] = (),
    means: bool = False,
    drawn: bool = False,
) -> Any:
    """Return a frame with its missing cells filled, levels by name; for other input, return the array.

    Columns without a part in the fit stay as they are, and others of the kind that they have, text that holds
    numbers among them. Columns of whole numbers, by their kind or because `counts` names them, are filled by
    whole ones unless `means`, within the range of their kind, and not negative unless one of them is, or
    `signed` names the column. Bounds of numbers stay, or if these are `drawn`, numbers take their place.

    Raises
    ------
    InvalidInputError
        If an observed cell would be changed.
    """
    wrapped = wrap_frame(frame)
    if wrapped is None:
        return filled
    made = []
    fitted = [series for series in wrapped.iter_columns() if series.name not in untouched]
    for j, series in enumerate(fitted):
        names = levels.get(series.name)
        # what is not filled, such as words of rows that are totals, stays empty
        missing = _missing(series, names)
        if drawn:
            missing |= sides_in(series, written.get(series.name, PLAIN)) != 0
        at = np.flatnonzero(missing & ~np.isnan(filled[:, j]))
        if not at.size or names == ():
            continue
        values, numerals = filled[at, j], written.get(series.name, PLAIN)
        whole, below = series.name in counts, series.name in signed
        cells: list[Any]
        if names is not None:  # losses for numbers may predict values outside the levels
            places = np.clip(np.round(values), 0, len(names) - 1).astype(int)
            cells = [names[k] for k in places.tolist()]
        elif not are_values(series):
            cells = of_the_same_kind(
                series, values.tolist(), numerals, counts=whole, means=means, signed=below
            )
        elif series.dtype.is_integer() and not means:
            cells = counted_within(series, values, signed=below)
        elif whole and not means:
            cells = counted(values, series.to_numpy().astype(np.float64), signed=below)
        else:
            cells = values.astype(np.float64).tolist()
        made.append(place(series, at, cells))
    complete = wrapped.with_columns(*made)
    check_frame_kept(wrapped, complete, written, drawn=drawn)
    out = complete.to_native()
    if wrapped.implementation.is_pandas():
        out = out.copy()  # before pandas 3, columns that are not filled share their memory
        out.columns = wrapped.to_native().columns  # with the names of their levels
    return out


def _missing(series: Any, levels: tuple[Any, ...] | None) -> NDArray[np.bool_]:
    """Return which cells of a column are filled."""
    if levels is not None or not are_values(series):
        return np.array(missing_cells(series, levels or ()), bool)
    missing = np.array(series.is_null().to_list(), bool)
    return missing | np.isnan(series.to_numpy().astype(np.float64)) if series.dtype.is_float() else missing


def check_frame_kept(
    before: Any, after: Any, written: Written = MappingProxyType({}), *, drawn: bool = False
) -> None:
    """Raise if a cell that holds something differs between a frame and the frame with its holes filled.

    It knows nothing of how kinds and levels were decided: only columns of text or objects whose other cells
    are all numbers, or all truth values, may lose the usual marks of missing cells.

    Parameters
    ----------
    before, after : narwhals.DataFrame
    written : mapping of str to Numerals
        How numbers are written in columns of text.
    drawn : bool
        Whether bounds may become numbers.

    Raises
    ------
    InvalidInputError
        With the first cell that differs.
    """
    for old in before.iter_columns():
        new = after.get_column(old.name)
        if new is old:
            continue
        if old.dtype.is_float() and new.dtype == old.dtype:
            cells, filled = old.to_numpy(), new.to_numpy()
            known = np.flatnonzero(~np.isnan(cells))
            check_kept(cells[known], filled[known], _Names(old.name, known))
            continue
        missing = old.is_null().to_list()
        marks = None
        for k, (cell, gap, after_cell) in enumerate(zip(old.to_list(), missing, new.to_list(), strict=True)):
            if gap or is_empty(cell) or _is_kept(cell, after_cell):
                continue
            if drawn and isinstance(cell, str) and is_censored(cell):
                continue
            if marks is None:
                marks = _have_marks(old, written.get(old.name, PLAIN))
            if not (marks and is_mark(cell)):
                raise changed(_cell(old.name, k), cell, after_cell)


def _have_marks(series: Any, numerals: Numerals) -> bool:
    """Return whether marks among the cells of a column mean missing."""
    manner = manner_of(series, numerals)
    known = [cell for cell in known_cells(series) if not is_mark(cell)]
    return (manner.numbers and manner.seen > 0) or all(isinstance(cell, bool | np.bool_) for cell in known)


@final
@dataclass(frozen=True, eq=False)
class _Names:
    """Names of some cells of a column."""

    column: Any
    rows: Indices

    def __call__(self, k: int) -> str:
        return _cell(self.column, int(self.rows[k]))


def _is_kept(cell: Any, after: Any) -> bool:
    """Return whether a cell is what it was: itself, or a number of the same value."""
    if cell is after:
        return True
    if not (_is_value(cell) and _is_value(after)) and type(cell) is not type(after):
        return False
    try:
        return bool(cell == after) or repr(cell) == repr(after)  # numbers in structures may be NaN
    except ValueError:  # arrays in cells
        return repr(cell) == repr(after)


def _is_value(cell: Any) -> bool:
    return isinstance(cell, int | float | np.number) and not isinstance(cell, bool | np.bool_)


def _cell(name: Any, row: int) -> str:
    return f"column {name!r}, row {row + 1}"
