"""Data frames with their holes filled, and a check that no cell that held something differs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.labels import is_whole
from lowland.core.cells.observed_cells import changed, check_kept
from lowland.estimators.frames.kinds import Levels, as_numbers, is_empty, missing_cells
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.numerals import Numerals
from lowland.files.writing.manners import whole_fill

# kinds of whole numbers in which there may be no room for a fill
NARROW = ("int8", "int16", "int32", "uint8", "uint16", "uint32")


def decode(
    frame: Any, filled: Matrix, levels: Levels, untouched: Collection[Any] = (), *, means: bool = False
) -> Any:
    """Return a frame with its missing cells filled, levels by name; for other input, return the array.

    Columns without a part in the fit stay as they are. Columns of whole numbers, by their kind, are filled by
    whole ones unless `means`.

    Raises
    ------
    InvalidInputError
        If an observed cell would be changed.
    """
    import narwhals as nw

    wrapped = wrap_frame(frame)
    if wrapped is None:
        return filled
    made = []
    fitted = [series for series in wrapped.iter_columns() if series.name not in untouched]
    for j, series in enumerate(fitted):
        names = levels.get(series.name)
        if names is None and not series.dtype.is_numeric() and series.dtype != nw.Boolean:
            numbers = np.array(as_numbers(series))
            numbers = np.where(np.isnan(numbers), filled[:, j], numbers)
            made.append(nw.new_series(series.name, numbers, nw.Float64, backend=wrapped.implementation))
            continue
        missing = np.asarray(series.is_null().to_list())
        was_category = names is not None and series.dtype == nw.Categorical
        if names is not None:
            series = _with_levels(series, names)
            missing = missing | np.array(missing_cells(series, names))
        if series.dtype.is_float():
            missing = missing | np.isnan(series.to_numpy().astype(np.float64))
        # what is not filled, such as words of rows that are totals, stays empty
        at = np.flatnonzero(missing & ~np.isnan(filled[:, j]))
        if not at.size or names == ():
            continue
        if names is None and series.dtype.is_integer() and not means:
            known = series.drop_nulls()
            cells: Any = whole_fills(filled[at, j], known.min() if len(known) else None)
            series = _with_room(series, cells)
        elif names is None:
            single = series.dtype == nw.Float32
            cells = filled[at, j].astype(np.float32 if single else np.float64).tolist()
            cells = np.asarray(cells, np.float32) if single else cells
            series = series.cast(nw.Float64) if series.dtype.is_integer() else series
        else:  # losses for numbers may predict values outside the levels
            places = np.clip(np.round(filled[at, j]), 0, len(names) - 1).astype(int)
            cells = [names[k] for k in places.tolist()]
        filled_series = series.scatter(at.tolist(), cells)
        made.append(filled_series.cast(nw.Categorical) if was_category else filled_series)
    whole = wrapped.with_columns(*made)
    check_frame_kept(wrapped, whole)
    return whole.to_native()


def whole_columns(frame: Any, untouched: Collection[Any] = ()) -> Indices:
    """Return which fitted columns of a frame hold whole numbers by their kind; none of anything else."""
    wrapped = wrap_frame(frame)
    columns = [] if wrapped is None else [c for c in wrapped.iter_columns() if c.name not in untouched]
    return np.array([j for j, series in enumerate(columns) if series.dtype.is_integer()], np.intp)


def whole_fills(values: Vector, least: int | None) -> list[int]:
    """Return fills among whole numbers, of which the smallest is given."""
    return [whole_fill(value, 0 if least is None else least) for value in values.tolist()]


def _with_room(series: Any, cells: list[int]) -> Any:
    """Return a column of whole numbers in a kind that holds some fills too."""
    import narwhals as nw

    kind = str(series.dtype).lower()
    limits = np.iinfo(kind if kind in NARROW else np.int64)
    fits = limits.min <= min(cells) and max(cells) <= limits.max
    return series if fits else series.cast(nw.Int64)


def _with_levels(series: Any, levels: tuple[Any, ...]) -> Any:
    """Return a column of categories in a type that takes all levels of the fit."""
    import narwhals as nw

    if series.dtype == nw.Categorical:
        return series.cast(nw.String)
    if isinstance(series.dtype, nw.Enum) and not set(levels) <= set(series.dtype.categories):
        return series.cast(nw.String).cast(nw.Enum([str(level) for level in levels]))
    return series


def check_frame_kept(before: Any, after: Any) -> None:
    """Raise if a cell that holds something differs between a frame and the frame with its holes filled.

    It knows nothing of how kinds and levels were decided: only columns of text or objects that became numbers
    or truth values may lose the usual marks of missing cells.

    Parameters
    ----------
    before, after : narwhals.DataFrame

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
        for k, (cell, gap, after_cell) in enumerate(zip(old.to_list(), missing, new.to_list(), strict=True)):
            if not (gap or is_empty(cell) or _is_kept(cell, after_cell)):
                raise changed(_cell(old.name, k), cell, after_cell)


@final
@dataclass(frozen=True, eq=False)
class _Names:
    """Names of some cells of a column."""

    column: Any
    rows: Indices

    def __call__(self, k: int) -> str:
        return _cell(self.column, int(self.rows[k]))


def _is_kept(cell: Any, after: Any) -> bool:
    """Return whether a cell is what it was: itself, or the number that its text or decimal says.

    Whole numbers are compared with all their digits, others as the nearest double.
    """
    if isinstance(cell, str) and not isinstance(after, str):
        number = Numerals().number(cell)
        if number is None or number != number:  # a mark of missing cells is filled
            return number is not None
        return bool((int(cell) if is_whole(cell.strip()) else number) == after)
    if isinstance(cell, Decimal) and isinstance(after, float):
        return bool(cell == after if cell == cell.to_integral_value() else float(cell) == after)
    return bool(cell == after)


def _cell(name: Any, row: int) -> str:
    return f"column {name!r}, row {row + 1}"
