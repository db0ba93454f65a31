"""Tables as tensors: columns of a long table as modes, times folded into days, hours and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.labels import LabelColumn, is_whole
from lowland.files.layouts import Reading
from lowland.files.table_format import ROW_LABELS, TableFormat
from lowland.files.tables import load_table, read_typed_columns
from lowland.tensors.observations import TensorObservations
from lowland.tensors.tensor_file import TensorFile
from lowland.tensors.time_parts import levels_of, times_of

PLAIN = TableFormat()
# modes of a wide table
SIDES = ("rows", "columns")


@final
@dataclass(frozen=True, eq=False)
class _Mode:
    """A mode of a table: its name, its labels in order, and the label of each cell."""

    name: str
    labels: NDArray[Any]
    codes: Indices


def read_tensor_table(
    source: Any,
    *,
    value: str | None = None,
    modes: Sequence[str] | None = None,
    fold: Mapping[str, Sequence[str] | int] | None = None,
    empty_slices: bool = False,
    form: TableFormat = PLAIN,
) -> TensorFile:
    """Read a table as a tensor.

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
        tell times apart, such as ("day", "hour"). Or a whole number: so many labels in a row, in order, are
        one round.
    empty_slices : bool
        Whether slices may have no known cell; then days, hours and the like between the first and the last
        have slices, whether the table lists them or not. `complete_tensor` can predict them along an order.
    form : TableFormat
        How the cells are written.

    Returns
    -------
    TensorFile

    Raises
    ------
    InvalidInputError
        If columns or modes are not there, there are fewer than three modes, labels are no times, or two cells
        of the table fall on one of the tensor.

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
        raise InvalidInputError("modes are columns of a long table", repr(modes), fix="name value, too")
    found, values = _wide(source, form) if value is None else _long(source, value, modes, form)
    for asked in fold:
        if asked not in [mode.name for mode in found]:
            known = ", ".join(mode.name for mode in found)
            raise InvalidInputError("fold names a mode that is not there", repr(asked), fix=f"use {known}")
    parts = [part for mode in found for part in _folded(mode, fold.get(mode.name), empty_slices)]
    names = tuple(part.name for part in parts)
    if len(parts) < 3 or len(set(names)) < len(names):
        raise InvalidInputError(
            "a tensor has three modes or more, of different names",
            f"modes {', '.join(names)}",
            fix="name value, the column of values of a long table, or fold times into parts: day, hour",
        )
    positions = np.column_stack([part.codes for part in parts])
    _check_apart(positions, parts)
    observations = TensorObservations.from_cells(
        positions, values, shape=tuple(len(part.labels) for part in parts), empty_slices=empty_slices
    )
    return TensorFile(observations, names, tuple(part.labels for part in parts))


def _long(
    source: Any, value: str, modes: Sequence[str] | None, form: TableFormat
) -> tuple[list[_Mode], Vector]:
    """Return the modes and the values of the known cells of a long table."""
    columns, where = read_typed_columns(source, tuple(modes or ()), form)
    # an index without a name only numbers the lines
    others = [name for name in columns if name not in (value, ROW_LABELS)]
    wanted = others if modes is None else list(modes)
    for name in (value, *wanted):
        if name not in columns:
            raise InvalidInputError(
                f"{where} has no column of this name", repr(name), fix=f"use {', '.join(columns)}"
            )
    numbers = columns[value]
    if isinstance(numbers, LabelColumn) or np.asarray(numbers).dtype.kind not in "biuf":
        raise InvalidInputError("the column of values holds no numbers", repr(value))
    values = np.asarray(numbers, np.float64)
    known = ~np.isnan(values)
    if not known.any():
        raise InvalidInputError("the column of values is empty", repr(value))
    found = [_mode(name, columns[name], known) for name in wanted]
    return found, values[known]


def _mode(name: str, column: Any, known: NDArray[np.bool_]) -> _Mode:
    if isinstance(column, LabelColumn):
        used, codes = np.unique(column.codes[known], return_inverse=True)
        return _Mode(name, np.asarray(column.names)[used], codes)
    labels = np.asarray(column)[known]
    if labels.dtype.kind in "fM" and (labels != labels).any():
        raise InvalidInputError("a cell has no label", f"column {name!r}", fix="leave out its line")
    if labels.dtype.kind == "O":
        labels = labels.astype(str)
    names, codes = np.unique(labels, return_inverse=True)
    return _Mode(name, names, codes)


def _wide(source: Any, form: TableFormat) -> tuple[list[_Mode], Vector]:
    """Return the sides and the values of the known cells of a wide table."""
    table = load_table(source, Reading(form=form)).observations
    sides = zip(SIDES, (table.row_labels, table.column_labels), (table.rows, table.columns), strict=True)
    found = [
        _Mode(name, np.arange(size) if labels is None else np.asarray(labels), codes.astype(np.intp))
        for (name, labels, codes), size in zip(sides, table.shape, strict=True)
    ]
    return found, table.values.astype(np.float64)


def _folded(mode: _Mode, fold: Sequence[str] | int | None, every: bool) -> list[_Mode]:
    """Return what takes the place of a mode."""
    if fold is None:
        return [mode]
    if isinstance(fold, int) and not isinstance(fold, bool):
        return _rounds(mode, fold)
    if not isinstance(fold, Sequence) or isinstance(fold, str) or not fold:
        raise InvalidInputError(
            "fold must give parts of times, or a number of labels", repr(fold), fix='pass ("day", "hour")'
        )
    times, found = times_of(mode.labels, mode.name), []
    for part in fold:
        levels, codes, regular = levels_of(part, times)
        if every:
            codes, levels = np.searchsorted(regular, levels)[codes], regular
        found.append(_Mode(part, levels, codes[mode.codes]))
    return found


def _rounds(mode: _Mode, length: int) -> list[_Mode]:
    """Return the round and the place in it of each cell, by the order of the labels."""
    places = _places(mode)
    if not 2 <= length <= places[-1]:
        raise InvalidInputError(
            "fold must be at least 2 and fewer than the labels", f"{length} of {places[-1] + 1} labels"
        )
    rounds, within = np.divmod(places[mode.codes], length)
    first = np.arange(rounds.max() + 1)
    return [
        _Mode(f"{mode.name} round", first, rounds),
        _Mode(f"{mode.name} place", np.arange(length), within),
    ]


def _places(mode: _Mode) -> Indices:
    """Return the places of labels in their order: numbers at equal steps may leave some out."""
    labels = mode.labels
    if labels.dtype.kind == "U" and all(is_whole(label) for label in labels.tolist()):
        labels = labels.astype(np.int64)
    if labels.dtype.kind in "iuf" and len(labels) > 1 and (np.diff(labels) > 0).all():
        steps = (labels - labels[0]) / np.diff(labels).min()
        if (steps == np.rint(steps)).all():
            return np.asarray(np.rint(steps), np.intp)
    return np.arange(len(labels))


def _check_apart(positions: NDArray[Any], parts: list[_Mode]) -> None:
    _, first, counts = np.unique(positions, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        at = positions[first[np.argmax(counts > 1)]]
        where = ", ".join(f"{part.name} {part.labels[k]}" for part, k in zip(parts, at, strict=True))
        raise InvalidInputError(
            "several cells of the table fall on one of the tensor",
            f"{counts.max()} at {where}",
            fix="fold into parts that tell times apart (time instead of hour), or average these cells",
        )
