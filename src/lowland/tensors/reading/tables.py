"""Tables as tensors: columns of a long table as modes, times folded into days, hours and others."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.labels import is_whole, label_column
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.wording import Option, Remedy, Words
from lowland.files.columns.sentinels import settle_sentinels
from lowland.files.shapes.cells import number_column
from lowland.files.shapes.layouts import SIDES, Reading
from lowland.files.table_format import ROW_LABELS, TableFormat
from lowland.files.tables import load_table, read_labelled_columns
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.reading.tensor_file import TensorFile
from lowland.tensors.reading.time_parts import ascending_times, levels_of, times_of

PLAIN = TableFormat()
DUPLICATES = ("error", "mean", "last")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


@final
@dataclass(frozen=True, eq=False)
class _Mode:
    """A mode of a table: its name, its labels in order, and the label of each line or cell.

    Of a table's columns the order is that of the file, which means something.
    """

    name: str
    labels: NDArray[Any]
    codes: Indices
    in_order: bool = True


@public("lowland.tensors")
def read_tensor_table(
    source: Any,
    *,
    value: str | None = None,
    modes: Sequence[str] | None = None,
    fold: Mapping[str, Sequence[str] | int] | None = None,
    empty_slices: bool | Collection[str] = False,
    listed: bool = False,
    duplicates: str = "error",
    form: TableFormat = PLAIN,
) -> TensorFile:
    """Read a table of three or more modes, or one whose times are folded into modes, as a tensor.

    Parameters
    ----------
    source : path or data frame
        A long table, one line per cell, if `value` is named; else a wide one, whose modes are "rows" and
        "columns".
    value : str, optional
        Long table: the column of values.
    modes : sequence of str, optional
        Long table: the columns that are modes; by default all but `value`, in the order of the file.
    fold : mapping, optional
        From a mode to what takes its place. Parts of times: of "year", "month", "week" (its Monday), "day"
        (the date), "yearday", "weekday" (1 is Monday), "hour" and "time" (hours since midnight) those that
        tell times apart, such as ("day", "hour"), as times are written, whatever their zone. Or a whole
        number: so many labels in a row, which must be numbers, times or a wide table's, are one round.
    empty_slices : bool or collection of str
        Which modes, after folding, may have slices without known cells: all, none, or some by name or number.
        Those have all that the table lists, with and without values, and all days, hours and the like from
        the first to the last, listed or not. `complete_tensor` predicts them.
    listed : bool
        Whether the other modes have what the table lists without any value, too.
    duplicates : {"error", "mean", "last"}
        What to do with cells of the table that fall on one of the tensor.
    form : TableFormat
        How the cells of a file are written.

    Returns
    -------
    TensorFile

    Raises
    ------
    InvalidInputError
        If columns or modes are not there, there are fewer than three modes, labels are no times, or several
        cells of the table fall on one of the tensor.

    Examples
    --------
    >>> import pandas as pd, lowland as ll
    >>> times = pd.date_range("2024-05-01", periods=48, freq="h")
    >>> readings = pd.DataFrame({"time": times, "north": range(48), "south": range(48)})
    >>> long = readings.melt("time", var_name="sensor", value_name="speed")
    >>> cube = ll.tensors.read_tensor_table(long, value="speed", fold={"time": ("day", "hour")})
    >>> cube.names, cube.observations.shape
    (('day', 'hour', 'sensor'), (2, 24, 2))
    """
    fold = dict(fold or {})
    if value is None and modes is not None:
        fix = Words("give ", Option("value"), ", too")
        raise InvalidInputError("modes are columns of a long table", repr(modes), fix=fix)
    check_choice("duplicates", duplicates, DUPLICATES)
    _check_source(source, form)
    unfolded, values = _wide(source, form) if value is None else _long(source, value, modes, form)
    for asked in fold:
        if asked not in [mode.name for mode in unfolded]:
            others = ", ".join(mode.name for mode in unfolded)
            what = Words(Option("fold"), " names a mode that is not there")
            raise InvalidInputError(what, repr(asked), fix=f"use {others}")
    parts = _named_apart([(mode.name, _folded(mode, fold.get(mode.name))) for mode in unfolded])
    if len(parts) < 3:
        raise InvalidInputError(
            "a tensor has three modes or more",
            f"modes {', '.join(part.name for part in parts)}",
            fix=Remedy(
                Words("name the column of values of a long table by ", Option("value")),
                Words("fold times into parts, such as ", Option("fold", {"time": ["day", "hour"]})),
            ),
        )
    known = ~np.isnan(values)
    if not known.any():
        raise InvalidInputError("the column of values is empty", repr(value))
    parts = [
        _restricted(part, known, every=_is_among(empty_slices, part.name, number), listed=listed)
        for number, part in enumerate(parts)
    ]
    positions = np.column_stack([part.codes for part in parts])
    positions, values = _joined(positions, values[known], parts, duplicates)
    observations = TensorObservations.from_cells(
        positions,
        values,
        shape=tuple(len(part.labels) for part in parts),
        empty_slices=listed or bool(empty_slices),
    )
    names = tuple(part.name for part in parts)
    return TensorFile(observations, names, tuple(part.labels for part in parts))


def _check_source(source: Any, form: TableFormat) -> None:
    if isinstance(source, str | PathLike):
        return
    index = getattr(source, "index", None)
    if getattr(index, "nlevels", 1) > 1 or type(source).__name__ == "Series":
        raise InvalidInputError(
            "labels in an index of several levels, or of a series, are not read",
            type(source).__name__,
            fix="make them columns: reset_index()",
        )
    if replace(form, sentinels="error", keep=(), drop=()) != PLAIN:
        raise InvalidInputError("form says how files are written", "a data frame", fix="leave it out")


def _long(
    source: Any, value: str, modes: Sequence[str] | None, form: TableFormat
) -> tuple[list[_Mode], Vector]:
    """Return the modes and the values of the lines of a long table, NaN where missing."""
    columns, where, numerals = read_labelled_columns(source, value, form)
    numbering = columns.get(ROW_LABELS)
    if isinstance(numbering, np.ndarray) and numbering.dtype.kind == "i":
        columns.pop(ROW_LABELS)  # an index without a name that only numbers the lines
    wanted = [name for name in columns if name != value] if modes is None else list(modes)
    for name in (value, *wanted):
        if name not in columns:
            raise InvalidInputError(
                f"{where} has no column of this name", repr(name), fix=f"use {', '.join(columns)}"
            )
    if value in wanted or len(set(wanted)) < len(wanted):
        raise InvalidInputError("modes must be columns other than value, each once", repr(wanted))
    numbers = number_column(columns[value], value, where, Reading(form=form), numerals)
    values = settle_sentinels({value: numbers}, form.sentinels, where)[0][value].astype(np.float64)
    listed = [_mode(name, columns[name], where) for name in wanted]
    for mode in listed:
        fractions = mode.labels.dtype.kind == "f" and (mode.labels % 1 != 0).any()
        if modes is None and fractions and 2 * len(mode.labels) > len(values):
            raise InvalidInputError(
                "a column looks like values, not like a mode",
                f"{mode.name!r}, with {len(mode.labels)} different numbers in {len(values)} lines",
                fix=Words("name the columns that are modes by ", Option("modes")),
            )
    return listed, values


def _mode(name: str, column: Any, where: str) -> _Mode:
    if isinstance(column, np.ndarray) and column.dtype.kind == "f" and not np.isnan(column).any():
        labels, codes = np.unique(column, return_inverse=True)
        return _Mode(name, labels, codes)
    column_labels = label_column(column, name, where)
    labels, codes = np.asarray(column_labels.names), column_labels.codes
    if labels.dtype.kind == "U" and all(_NUMBER.fullmatch(label) for label in labels.tolist()):
        # fractions, as wavelengths: in their order, not that of text
        labels, places = np.unique(labels.astype(np.float64), return_inverse=True)
        return _Mode(name, labels, places[codes])
    return _Mode(
        name, labels, codes, in_order=labels.dtype.kind != "U" or ascending_times(labels) is not None
    )


def _wide(source: Any, form: TableFormat) -> tuple[list[_Mode], Vector]:
    """Return the sides and the values of the known cells of a wide table."""
    table = load_table(source, Reading(form=form.without_bounds)).observations
    sides = zip(SIDES, (table.row_labels, table.column_labels), (table.rows, table.columns), strict=True)
    modes = [
        _Mode(name, np.arange(size) if labels is None else np.asarray(labels), codes.astype(np.intp))
        for (name, labels, codes), size in zip(sides, table.shape, strict=True)
    ]
    return modes, table.values.astype(np.float64)


def _folded(mode: _Mode, fold: Sequence[str] | int | None) -> list[_Mode]:
    """Return what takes the place of a mode, with all levels between the first and the last."""
    if fold is None:
        return [mode]
    if isinstance(fold, int | np.integer) and not isinstance(fold, bool):
        return _rounds(mode, int(fold))
    if not isinstance(fold, Sequence) or isinstance(fold, str) or not fold:
        raise InvalidInputError(
            "fold must give parts of times, or a number of labels", repr(fold), fix='pass ("day", "hour")'
        )
    times, parts = times_of(mode.labels, mode.name), []
    for part in fold:
        levels, codes = levels_of(part, times)
        parts.append(_Mode(part, levels, codes[mode.codes]))
    return parts


def _rounds(mode: _Mode, length: int) -> list[_Mode]:
    """Return the round and the place in it of each cell, by the order of the labels."""
    if not mode.in_order:
        raise InvalidInputError(
            f"the labels of {mode.name} have no order that rounds could follow",
            repr(str(mode.labels[0])),
            fix="write numbers, or times as 2024-05-31 13:00; the columns of a wide table are in order",
        )
    places = _places(mode)
    if not 2 <= length <= places[-1]:
        raise InvalidInputError(
            "fold must be at least 2 and fewer than the labels", f"{length} of {places[-1] + 1} labels"
        )
    rounds, within = np.divmod(places[mode.codes], length)
    first = np.arange(places[-1] // length + 1)
    return [
        _Mode(f"{mode.name} round", first, rounds),
        _Mode(f"{mode.name} place", np.arange(length), within),
    ]


def _places(mode: _Mode) -> Indices:
    """Return the places of labels in their order: numbers and times at equal steps may leave some out."""
    labels = mode.labels
    if labels.dtype.kind == "U" and all(is_whole(label) for label in labels.tolist()):
        labels = labels.astype(np.int64)
    elif labels.dtype.kind in "UM":
        times = ascending_times(labels)
        labels = labels if times is None else times.astype(np.int64)
    if labels.dtype.kind in "iuf" and len(labels) > 1 and (np.diff(labels) > 0).all():
        steps = (labels - labels[0]) / np.diff(labels).min()
        if np.allclose(steps, np.rint(steps), atol=1e-6):
            return np.asarray(np.rint(steps), np.intp)
    return np.arange(len(labels))


def _named_apart(folded: list[tuple[str, list[_Mode]]]) -> list[_Mode]:
    """Return all parts; where two have the same name, those of folded modes are named after these, too."""
    names = [part.name for _, parts in folded for part in parts]
    twice = {name for name in names if names.count(name) > 1}
    renamed = [
        replace(part, name=f"{name} {part.name}") if part.name in twice and part.name != name else part
        for name, parts in folded
        for part in parts
    ]
    if len({part.name for part in renamed}) < len(renamed):
        raise InvalidInputError("modes must have different names", ", ".join(part.name for part in renamed))
    return renamed


def _is_among(asked: bool | Collection[str], name: str, number: int) -> bool:
    return asked if isinstance(asked, bool) else name in asked or str(number) in asked


def _restricted(part: _Mode, known: NDArray[np.bool_], *, every: bool, listed: bool) -> _Mode:
    """Return a mode of the known cells: with all its levels, those of any line, or those that have one."""
    codes = part.codes[known]
    if every:
        return replace(part, codes=codes)
    used = np.unique(part.codes if listed else codes)
    return replace(part, labels=part.labels[used], codes=np.searchsorted(used, codes))


def _joined(
    positions: NDArray[Any], values: Vector, parts: list[_Mode], duplicates: str
) -> tuple[NDArray[Any], Vector]:
    """Return each cell once."""
    cells, inverse, counts = np.unique(positions, axis=0, return_inverse=True, return_counts=True)
    if len(cells) == len(positions):
        return positions, values
    inverse = inverse.ravel()
    if duplicates == "mean":
        return cells, np.bincount(inverse, values) / counts
    if duplicates == "last":
        kept = np.empty(len(cells))
        kept[inverse] = values  # the last one that is written stays
        return cells, kept
    at = cells[np.argmax(counts > 1)]
    where = ", ".join(f"{part.name} {part.labels[k]}" for part, k in zip(parts, at, strict=True))
    raise InvalidInputError(
        "several cells of the table fall on one of the tensor",
        f"{counts.max()} at {where}",
        fix=Remedy(
            "fold into parts that tell times apart (time instead of hour)",
            Words("say what to do: ", Option("duplicates", "mean", "last")),
        ),
    )
